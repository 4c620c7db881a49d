"""Counters that begin again, and which of two halves they are in."""

from amaranth.hdl import Mux, Value

__all__ = ["following", "is_last", "of_half"]


def following(number, size: int) -> Value:
    """The number after one in ``range(size)``, in a signal of just that range; 0 after the last."""
    if size & size - 1:
        return Mux(number == size - 1, 0, number + 1)
    return number + 1


def is_last(number, size) -> Value:
    """Whether a number from 0 is the last one below a size, which may need a bit more."""
    return number == (size - 1)[:len(number)]


def of_half(bits, half) -> Value:
    """The bit of a half, 0 or 1."""
    return Mux(half, bits[1], bits[0])
