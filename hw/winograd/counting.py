"""Counters that begin again."""

from amaranth.hdl import Mux, Value

__all__ = ["following"]


def following(number, size: int) -> Value:
    """The number after one in ``range(size)``, in a signal of just that range; 0 after the last."""
    if size & size - 1:
        return Mux(number == size - 1, 0, number + 1)
    return number + 1
