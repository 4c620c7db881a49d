"""Counters that begin again, and which of two halves they are in."""

import functools
import operator

from amaranth.hdl import Cat, Mux, Value

__all__ = ["any_of", "following", "is_last", "multiple", "of_half"]


def any_of(bits, places) -> Value:
    """Whether a bit in one of some places is up."""
    return Cat(bits[place] for place in sorted(places)).any()


def following(number, size: int) -> Value:
    """The number after one in ``range(size)``, in a signal of just that range; 0 after the last."""
    if size & size - 1:
        return Mux(number == size - 1, 0, number + 1)
    return number + 1


def is_last(number, size) -> Value:
    """Whether a number from 0 is the last one below a size, which may need a bit more."""
    return number == (size - 1)[:len(number)]


def multiple(number, factor: int) -> Value:
    """A number times a constant from 1, by shifts: Yosys would take a DSP block for any ``*``."""
    return functools.reduce(operator.add, (number << bit for bit in range(factor.bit_length())
                                           if factor >> bit & 1))


def of_half(bits, half) -> Value:
    """The bit of a half, 0 or 1."""
    return Mux(half, bits[1], bits[0])
