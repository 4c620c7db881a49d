"""Exact division by small constants, modulo a power of two."""

from amaranth.hdl import Cat, Const, Module, Signal
from amaranth.lib.wiring import In, Out

from ..hierarchy import SharedComponent

__all__ = ["ExactDivision"]


class ExactDivision(SharedComponent):
    """Divides by ``2 ** n + 1`` what is a multiple of it, as a number modulo ``2 ** width``.

    Since ``q = d - (q << n)``, it is one subtractor, whose second operand are its own lower bits.

    Parameters
    ----------
    divisor : int
        3, 5, 9, …
    width : int

    Members
    -------
    dividend : In(width), quotient : Out(width)
        Combinational: ``quotient * divisor == dividend`` modulo ``2 ** width``, for any dividend.

    Raises
    ------
    ValueError
        If the divisor is no power of two and one.
    """

    module_name = "exact_division"

    def __init__(self, divisor: int, width: int):
        if divisor < 3 or divisor - 1 & divisor - 2:
            raise ValueError(f"divisor must be a power of two and one, not {divisor}")
        self._divisor, self._width = divisor, width
        super().__init__({"dividend": In(width), "quotient": Out(width)})

    @property
    def parameters(self):
        return (self._divisor, self._width)

    def elaborate(self, platform):
        m = Module()
        distance = (self._divisor - 1).bit_length() - 1
        bits, carry = list(self.dividend[:distance]), Const(1, 1)
        for place in range(distance, self._width):
            a, b = self.dividend[place], ~bits[place - distance]
            bit = Signal(name=f"bit{place}")
            m.d.comb += bit.eq(a ^ b ^ carry)
            bits.append(bit)
            if place + 1 < self._width:
                following = Signal(name=f"carry{place + 1}")
                m.d.comb += following.eq((a & b) | ((a ^ b) & carry))
                carry = following
        m.d.comb += self.quotient.eq(Cat(bits))
        return m
