"""Rows of full and half adders: the cells of a carry-save tree."""

from amaranth.hdl import Module
from amaranth.lib.wiring import In, Out

from ..hierarchy import SharedComponent

__all__ = ["CarrySaveAdder"]


class CarrySaveAdder(SharedComponent):
    """``width`` independent full adders (``inputs`` = 3) or half adders (``inputs`` = 2).

    Combinational: ``a + b (+ c) == sum + 2 * carry`` in each bit position.

    Parameters
    ----------
    width : int
        Number of adders.
    inputs : int
        2 or 3.
    """

    def __init__(self, *, width: int, inputs: int):
        self._width = width
        self._inputs = inputs
        self.module_name = f"{'full' if inputs == 3 else 'half'}_adders_{width}"
        super().__init__({port: In(width) for port in "abc"[:inputs]}
                         | {"sum": Out(width), "carry": Out(width)})

    @property
    def parameters(self):
        return (self._width, self._inputs)

    def elaborate(self, platform):
        m = Module()
        a, b = self.a, self.b
        if self._inputs == 3:
            m.d.comb += [self.sum.eq(a ^ b ^ self.c), self.carry.eq((a & b) | ((a ^ b) & self.c))]
        else:
            m.d.comb += [self.sum.eq(a ^ b), self.carry.eq(a & b)]
        return m
