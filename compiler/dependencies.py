"""Tokens for all that must not happen at once."""

import itertools
from collections.abc import Sequence

from sparrow.hw.spec.commands import TOKEN_MAXIMUM, TOKENS, Engine

from .errors import CompileError
from .footprint import Instruction

__all__ = ["set_tokens"]

ENGINES = (Engine.LOAD, Engine.STORE, Engine.COMPUTE)  # WEIGHTS touches what nobody writes
PAIRS = tuple(itertools.permutations(ENGINES, 2))
assert len(PAIRS) <= TOKENS


def set_tokens(instructions: Sequence[Instruction]) -> None:
    """Set ``wait``, ``signal`` and ``ordered`` so that the order in which commands stand is kept.

    Executed one after another, the commands must do what is wanted. Each pair of engines has a
    token of its own. A command waits for the latest earlier one of each other engine that it
    conflicts with, unless what came before it has waited already; thus the waits of a pair of
    engines are in the order of its signals, and a token always means the same command to both.
    Whatever the queues hold, the first command that isn't complete can always go on: what it waits
    for has been given, and its tokens fit, which is checked.

    Raises
    ------
    CompileError
        If more tokens than a counter holds would wait to be taken.
    """
    done: dict[Engine, list[Instruction]] = {engine: [] for engine in ENGINES}
    clocks: dict[Engine, list[dict[Engine, int]]] = {engine: [] for engine in ENGINES}
    for instruction in instructions:
        engine = instruction.engine
        if engine not in ENGINES:
            continue
        if engine is Engine.COMPUTE and done[engine]:
            # those before are complete, or write before it does
            results = done[engine][-1].writes
            instruction.values["ordered"] = int(results.overlaps(instruction.reads))
        # What is known to be complete when this command starts, as numbers of commands.
        known = dict(clocks[engine][-1]) if clocks[engine] else dict.fromkeys(ENGINES, 0)
        latest = {other: _latest(instruction, done[other], known[other]) for other in ENGINES
                  if other is not engine}
        for other in sorted(latest, key=lambda one: latest[one], reverse=True):
            number = latest[other]
            if number <= known[other]:
                continue
            pair = other, engine
            instruction.values["wait"] = instruction.values.get("wait", 0) | _bit(pair)
            source = done[other][number - 1]
            source.values["signal"] = source.values.get("signal", 0) | _bit(pair)
            known = {name: max(known[name], clocks[other][number - 1][name]) for name in ENGINES}
        known[engine] = len(done[engine]) + 1
        done[engine].append(instruction)
        clocks[engine].append(known)
    _check_counts(instructions)


def _latest(instruction: Instruction, others: Sequence[Instruction], known: int) -> int:
    """Number of the last of the others that conflicts, or what is known to be complete."""
    for number in range(len(others), known, -1):
        if instruction.conflicts(others[number - 1]):
            return number
    return known


def _bit(pair: tuple[Engine, Engine]) -> int:
    return 1 << PAIRS.index(pair)


def _check_counts(instructions: Sequence[Instruction]) -> None:
    """Check that all tokens fit when commands are executed one after another."""
    counts = [0] * TOKENS
    for instruction in instructions:
        for token in range(TOKENS):
            counts[token] += ((instruction.values.get("signal", 0) >> token & 1)
                              - (instruction.values.get("wait", 0) >> token & 1))
            if counts[token] > TOKEN_MAXIMUM:
                raise CompileError(f"Layer {instruction.layer!r}: tokens that wait to be taken "
                                   f"must be at most {TOKEN_MAXIMUM}, not {counts[token]}")
