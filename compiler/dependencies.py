"""Tokens for all that must not happen at once."""

import bisect
import itertools
from collections.abc import Sequence

from sparrow.hw.spec.commands import TOKEN_MAXIMUM, TOKENS, Engine

from .footprint import Instruction

__all__ = ["Clocks", "set_retirements", "set_tokens"]

ENGINES = (Engine.LOAD, Engine.STORE, Engine.COMPUTE)  # WEIGHTS touches what nobody writes
Clocks = dict[Instruction, dict[Engine, int]]
PAIRS = tuple(itertools.permutations(ENGINES, 2))
assert len(PAIRS) <= TOKENS


def set_tokens(instructions: Sequence[Instruction]) -> Clocks:
    """Set ``wait``, ``signal`` and ``ordered`` so that the order in which commands stand is kept.

    Executed one after another, the commands must do what is wanted. Each pair of engines has a
    token of its own. A command waits for the latest earlier one of each other engine that it
    conflicts with, unless what came before it has waited already; thus the waits of a pair of
    engines are in the order of its signals, and a token always means the same command to both.
    Where more tokens than a counter holds would wait to be taken, the last one that waits does so
    for a later command, and the next need not. Whatever the queues hold, the first command that
    isn't complete can always go on: what it waits for has been given, and its tokens fit.

    Returns
    -------
    For each command what is known to be complete when it is: numbers of commands, by engine.
    """
    waits = _Waits()
    for position, instruction in enumerate(instructions):
        if instruction.engine in ENGINES:
            waits.add(position, instruction)
    return waits.set()


class _Waits:
    """Who waits for whom, in the order in which commands stand."""

    def __init__(self) -> None:
        self._done: dict[Engine, list[Instruction]] = {engine: [] for engine in ENGINES}
        self._positions: dict[Engine, list[int]] = {engine: [] for engine in ENGINES}
        self._clocks: dict[Engine, list[dict[Engine, int]]] = {engine: [] for engine in ENGINES}
        # For each pair the numbers of those that wait, and of what they wait for.
        self._pairs: dict[tuple[Engine, Engine], list[tuple[int, int]]] = {
            pair: [] for pair in PAIRS}

    def add(self, position: int, instruction: Instruction) -> None:
        """The next command."""
        engine = instruction.engine
        done, clocks = self._done[engine], self._clocks[engine]
        if engine is Engine.COMPUTE and done:
            # those before are complete, or write before it does
            instruction.values["ordered"] = int(done[-1].writes.overlaps(instruction.reads))
        known = dict(clocks[-1]) if clocks else dict.fromkeys(ENGINES, 0)
        latest = {other: _latest(instruction, self._done[other], known[other])
                  for other in ENGINES if other is not engine}
        # What another one has waited for is complete with it.
        needed = [other for other, number in latest.items() if number > known[other] and not any(
            self._clocks[third][latest[third] - 1][other] >= number for third in latest
            if third is not other and latest[third] > known[third])]
        for other in needed:
            if self._full(other, engine, latest[other]):
                self._postpone(other, engine)
                known = _later(known, clocks[-1])
            else:
                self._pairs[other, engine].append((len(done) + 1, latest[other]))
                known = _later(known, self._clocks[other][latest[other] - 1])
        known[engine] = len(done) + 1
        done.append(instruction)
        clocks.append(known)
        self._positions[engine].append(position)

    def _full(self, other: Engine, engine: Engine, number: int) -> bool:
        """Whether the token of a command would be one too many."""
        waiting = self._pairs[other, engine][-TOKEN_MAXIMUM:]
        return len(waiting) == TOKEN_MAXIMUM and (
            self._positions[engine][waiting[0][0] - 1] > self._positions[other][number - 1])

    def _postpone(self, other: Engine, engine: Engine) -> None:
        """Let the last one that waits do so for the last command that stands before it."""
        number, _ = self._pairs[other, engine].pop()
        source = bisect.bisect(self._positions[other], self._positions[engine][number - 1])
        self._pairs[other, engine].append((number, source))
        for clock in self._clocks[engine][number - 1:]:
            clock.update(_later(clock, self._clocks[other][source - 1]))

    def set(self) -> Clocks:
        """Set tokens."""
        for number, (other, engine) in enumerate(PAIRS):
            for waiting, source in self._pairs[other, engine]:
                for one, field in ((self._done[engine][waiting - 1], "wait"),
                                   (self._done[other][source - 1], "signal")):
                    one.values[field] = one.values.get(field, 0) | 1 << number
        return {instruction: known for engine in ENGINES for instruction, known in
                zip(self._done[engine], self._clocks[engine], strict=True)}


def _later(first: dict[Engine, int], second: dict[Engine, int]) -> dict[Engine, int]:
    """What is known from both."""
    return {engine: max(first[engine], second[engine]) for engine in ENGINES}


def set_retirements(layers: Sequence[Sequence[Instruction]], clocks: Clocks) -> None:
    """Set ``retire`` in the last command of each layer, such that layers retire in order.

    If a layer's STORE may last longer than the next layer, its last COMPUTE retires it.
    """
    following: Instruction | None = None
    for own in reversed(layers):
        if not own:
            continue
        last = own[-1]
        if (following is not None and last.engine is Engine.STORE
                and clocks[following][Engine.STORE] < clocks[last][Engine.STORE]):
            last = next(one for one in reversed(own) if one.engine is Engine.COMPUTE)
        last.values["retire"] = 1
        following = last


def _latest(instruction: Instruction, others: Sequence[Instruction], known: int) -> int:
    """Number of the last of the others that conflicts, or what is known to be complete."""
    for number in range(len(others), known, -1):
        if instruction.conflicts(others[number - 1]):
            return number
    return known
