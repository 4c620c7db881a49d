"""Two layers whose commands take turns, since results of one come faster than they are taken."""

import dataclasses
import itertools
from collections.abc import Iterator, Sequence

from sparrow.hw.spec.accelerator import AcceleratorSpec

from ..footprint import Instruction
from ..predict import Timing
from .codecs import Coder
from .commands import schedule
from .cost import Rates
from .cuts import Tiling
from .select import Choice, predicted_cycles

__all__ = ["in_turns", "merged"]


def in_turns(first: Choice, second: Choice, spec: AcceleratorSpec, timing: Timing,
             coder: Coder) -> tuple[Choice, Choice] | None:
    """Tilings with which the commands of two successive passes take turns, if that is faster.

    With fewer steps than the requantizer takes cycles, results of a pass fill the FIFO; those of
    the other one come seldom. So both must stay in the buffer, and neither may need the other.
    """
    passes = first.work, second.work
    rates = Rates(spec)
    bound = [any(work.steps(span) < rates.results(work) for span in work.spans)
             for work in passes]
    if not all(map(_simple, (first, second))) or bound[0] == bound[1]:
        return None
    best: tuple[Choice, Choice] | None = None
    least = predicted_cycles(_both(first, second, spec, coder, turns=False), spec, timing)
    tilings = [list(_tilings(one, spec, (1,) if fast else (1, 2)))
               for one, fast in zip((first, second), bound, strict=True)]
    for own, other in itertools.product(*tilings):
        pair = (dataclasses.replace(first, tiling=own), dataclasses.replace(second, tiling=other))
        commands = _both(*pair, spec, coder, turns=True)
        if not commands:
            return None
        cycles = predicted_cycles(commands, spec, timing)
        if cycles < least:
            best, least = pair, cycles
    return best


def merged(first: Sequence[Instruction], second: Sequence[Instruction]) -> list[Instruction]:
    """The commands of two layers in turns, pairs of WEIGHTS and COMPUTE; the second's are last."""
    pairs = [[own[number:number + 2] for number in range(0, len(own), 2)]
             for own in (first, second)]
    order, done = list[Instruction](), 0
    for number, pair in enumerate(pairs[0], 1):
        order += pair
        due = number * len(pairs[1]) // len(pairs[0])
        order += itertools.chain.from_iterable(pairs[1][done:due])
        done = due
    return order


def _simple(choice: Choice) -> bool:
    """Whether a pass has but WEIGHTS and COMPUTE, and whole rows in each."""
    work, tiling = choice.work, choice.tiling
    room = work.room
    return bool(room.sources and room.target is not None and not room.stored
                and (work.operand is None or room.operand)
                and tiling.width == work.target.width and len(tiling.parts) == 1)


def _tilings(choice: Choice, spec: AcceleratorSpec, parts: tuple[int, ...]) -> Iterator[Tiling]:
    """Tiles of single output blocks whose sums fit the FIFO, or a part of it."""
    target = choice.work.target
    for part in parts:
        pixels = min(spec.result_fifo_depth // part, spec.accumulator_depth)
        yield dataclasses.replace(choice.tiling, head=0, group=1, height=min(
            max(1, pixels // target.width), target.height))


def _both(first: Choice, second: Choice, spec: AcceleratorSpec, coder: Coder, *,
          turns: bool) -> list[Instruction]:
    """The commands of two passes; none if they can't take turns but are to."""
    own, others = (schedule(one.work, one.tiling, spec, coder) for one in (first, second))
    if not turns:
        return [*own, *others]
    if any(one.conflicts(other) for one, other in itertools.product(own, others)):
        return []
    return merged(own, others)
