"""Clients that take turns: choices among values, each with a bit of its own."""

import functools
import operator
from collections.abc import Sequence

from amaranth.hdl import Cat, Const, Value, ValueLike

__all__ = ["next_in_turn", "number_of", "pick"]


def pick(chosen: Value, values: Sequence[ValueLike]) -> Value:
    """The one of ``values``, all of one width, whose bit is set."""
    casts = [Value.cast(value) for value in values]
    return functools.reduce(operator.or_, (
        value & bit.replicate(len(value)) for bit, value in zip(chosen, casts)))


def number_of(chosen: Value) -> Value:
    """The number of the bit that is set, of at least one bit."""
    count = len(chosen)
    return Cat(Cat(chosen[number] for number in range(count) if number >> bit & 1).any()
               for bit in range(max(1, (count - 1).bit_length())))


def next_in_turn(chosen: Value, candidates: Value) -> Value:
    """The first candidate after the chosen one, around to itself; nobody if there is none."""
    count = len(chosen)
    turn = []
    for number in range(count):
        first = Const(0)
        for distance in range(count):  # candidates between the chosen one and this one
            before = Cat(candidates[(number - 1 - step) % count] for step in range(distance))
            first = first | (chosen[(number - 1 - distance) % count] & ~before.any())
        turn.append(candidates[number] & first)
    return Cat(turn)
