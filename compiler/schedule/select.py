"""Which of the tilings that look good are best, one pass behind the other."""

import dataclasses
from collections.abc import Sequence

from sparrow.hw.spec.accelerator import AcceleratorSpec
from sparrow.hw.spec.commands import Opcode, command

from ..dependencies import set_tokens
from ..footprint import Instruction
from ..passes import Pass
from ..predict import Timing, post_cycles, predict
from .codecs import Coder
from .commands import schedule
from .cuts import Tiling
from .tiling import choose_tilings

__all__ = ["Choice", "best_choices", "good_choices", "predicted_cycles"]

LONG = 50_000  # cycles of a pass that is worth no prediction
TRIED = 8
APART = 1 << 32  # offsets of streams that have no place yet
HEADS = (1, 2, 3, 4)  # rows of a first tile that are tried


@dataclasses.dataclass(frozen=True)
class Choice:
    """One way to carry out a pass.

    Parameters
    ----------
    work : Pass
        The pass, or one of its alternatives.
    tiling : Tiling
    cycles : float
        That it takes alone, until the requantizer has its last sums.
    rest : int
        Cycles from there until its results are in the buffer, if that is where they stay.
    first, last : Instruction
        Its first COMPUTE and its last one.
    """

    work: Pass
    tiling: Tiling
    cycles: float
    rest: int
    first: Instruction
    last: Instruction


def good_choices(work: Pass, spec: AcceleratorSpec, timing: Timing,
                 coder: Coder | None = None) -> list[Choice]:
    """Ways to carry out a pass or an alternative, with predicted cycles.

    Of long passes what is best by estimate, unless that is Winograd's algorithm: what tilings
    differ in is little there. ``coder``
    makes the weight streams, see :func:`.schedule.schedule`.

    Raises
    ------
    CompileError
        If a single output pixel doesn't fit.
    """
    found = sorted(((estimate, number, tiling) for number, one in enumerate(work.ways)
                    for estimate, tiling in choose_tilings(one, spec, TRIED)),
                   key=lambda choice: choice[0])
    if found[0][0] > LONG:  # with winograd, commands and predictions are short
        found = [one for one in found if work.ways[one[1]].winograd] if (
            work.ways[found[0][1]].winograd) else found[:1]
    if len(found) == 1:
        estimate, number, tiling = found[0]
        instructions = schedule(work.ways[number], tiling, spec, coder)
        return [_choice(work.ways[number], tiling, instructions, estimate, spec)]

    def predicted(one: Pass, tiling: Tiling) -> Choice:
        instructions = schedule(one, tiling, spec, coder)
        cycles = predicted_cycles(instructions, spec, timing)
        return _choice(one, tiling, instructions, cycles, spec)

    choices = [predicted(work.ways[number], tiling) for _, number, tiling in found]
    best = min(choices, key=lambda choice: choice.cycles)
    if not best.work.room.sources:  # the array waits for what is loaded first
        choices += [predicted(best.work, dataclasses.replace(best.tiling, head=head))
                    for head in HEADS if head < best.tiling.height]
    return choices


def best_choices(options: Sequence[Sequence[Choice]]) -> list[Choice]:
    """The choice for each of successive passes with which they all take the fewest cycles.

    A COMPUTE that reads what the one before it writes waits for all of that; see
    :func:`.dependencies.set_tokens`.
    """
    ways: list[tuple[float, list[Choice]]] = [(0, [])]
    for own in options:
        ways = [min(((cycles + choice.cycles + _wait(before, choice), [*before, choice])
                     for cycles, before in ways), key=lambda way: way[0]) for choice in own]
    return min(ways, key=lambda way: way[0] + (way[1][-1].rest if way[1] else 0))[1]


def _wait(before: list[Choice], choice: Choice) -> int:
    """Cycles that a choice waits for results of the one before."""
    waits = before and before[-1].last.writes.overlaps(choice.first.reads)
    return before[-1].rest if waits else 0


def _choice(work: Pass, tiling: Tiling, instructions: list[Instruction], cycles: float,
            spec: AcceleratorSpec) -> Choice:
    computes = [one for one in instructions if one.opcode is Opcode.COMPUTE]
    rest, values = 0, computes[-1].values
    if work.room.target is not None and not work.room.stored:
        rest = values["out_height"] * values["out_width"] * (
            post_cycles(spec, added=bool(values.get("add"))) - 1)
    return Choice(work, tiling, cycles - rest, rest, computes[0], computes[-1])


def predicted_cycles(instructions: list[Instruction], spec: AcceleratorSpec,
                     timing: Timing) -> int:
    """Predicted cycles of passes alone; their commands get tokens."""
    set_tokens(instructions)
    decodings = {}
    for number, instruction in enumerate(instructions):
        if instruction.decoding is not None and instruction.opcode is Opcode.WEIGHTS:
            instruction.values["offset"] = number * APART
            decodings[number * APART] = instruction.decoding
    kinds = [command(instruction.opcode) for instruction in instructions]
    commands = [(kind, {field.name: instruction.values.get(field.name, 0) for field in kind.fields})
                for kind, instruction in zip(kinds, instructions)]
    end = command(Opcode.END)
    commands.append((end, {field.name: 0 for field in end.fields}))
    return predict(commands, spec, timing=timing, decodings=decodings).total
