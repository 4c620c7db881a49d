"""Which of the tilings that look good is best."""

from sparrow.hw.spec.accelerator import AcceleratorSpec
from sparrow.hw.spec.commands import Opcode, command

from .cuts import Tiling
from .dependencies import set_tokens
from .footprint import Instruction
from .passes import Pass
from .predict import predict
from .schedule import schedule
from .tiling import choose_tilings
from .timing import Timing

__all__ = ["Choice", "best_tiling"]

LONG = 50_000  # cycles of a pass that is worth no prediction
TRIED = 8
Choice = tuple[int, Tiling]
"""Which of a pass and its alternatives, and how it is cut."""


def best_tiling(work: Pass, spec: AcceleratorSpec, timing: Timing) -> Choice:
    """A pass, or an alternative, with the tiling of the fewest predicted cycles.

    Long passes take what is best by estimate: what tilings differ in is little there.

    Raises
    ------
    CompileError
        If a single output pixel doesn't fit.
    """
    ways = work.ways
    choices = [(estimate, number, tiling) for number, one in enumerate(ways)
               for estimate, tiling in choose_tilings(one, spec, TRIED)]
    estimate, best, tiling = min(choices, key=lambda choice: choice[0])
    if len(choices) > 1 and estimate <= LONG:
        _, best, tiling = min(choices, key=lambda choice: _cycles(
            schedule(ways[choice[1]], choice[2], spec), spec, timing))
    return best, tiling


def _cycles(instructions: list[Instruction], spec: AcceleratorSpec, timing: Timing) -> int:
    """Predicted cycles of a pass alone; its commands get tokens."""
    set_tokens(instructions)
    kinds = [command(instruction.opcode) for instruction in instructions]
    commands = [(kind, {field.name: instruction.values.get(field.name, 0) for field in kind.fields})
                for kind, instruction in zip(kinds, instructions)]
    end = command(Opcode.END)
    commands.append((end, {field.name: 0 for field in end.fields}))
    return predict(commands, spec, timing=timing).total
