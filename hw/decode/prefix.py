"""Canonical prefix codes of at most 8 bits."""

from functools import reduce
from operator import or_

from amaranth.hdl import Cat, Const, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .config import CODE_BITS, code_layout

__all__ = ["PrefixDecoder"]


class PrefixDecoder(wiring.Component):
    """The rank and the length of the code at the beginning of some bits.

    Parameters
    ----------
    rank_width : int
        Bits of a rank.

    Members
    -------
    code : ``In(code_layout(rank_width))``
    bits : ``In(8)``
        The first bit is the lowest one.
    known : ``Out(1)``
        There is such a code.
    length : ``Out(4)``
        8 if there is none.
    rank : ``Out(rank_width)``
        0 if there is none.

    Notes
    -----
    Latency: none.
    """

    def __init__(self, *, rank_width: int):
        self._rank_width = rank_width
        super().__init__({"code": In(code_layout(rank_width)), "bits": In(CODE_BITS),
                          "known": Out(1), "length": Out(4), "rank": Out(rank_width)})

    def elaborate(self, platform):
        m = Module()
        lengths = range(1, CODE_BITS + 1)
        numbers = {length: Cat(*reversed(self.bits[:length])) for length in lengths}
        below = Signal(CODE_BITS)  # they begin with a code of at most so many bits
        m.d.comb += below.eq(Cat(*((~numbers[length])[:length] >= self.code.free[f"l{length}"]
                                   for length in lengths)))
        first = Signal(CODE_BITS)
        m.d.comb += first.eq(below & ~(below << 1))
        number, offset = Signal(self._rank_width), Signal(self._rank_width)
        m.d.comb += [
            number.eq(_any(numbers[length][:self._rank_width] & first[length - 1].replicate(
                self._rank_width) for length in lengths)),
            offset.eq(_any(self.code.offsets[f"l{length}"] & first[length - 1].replicate(
                min(length, self._rank_width)) for length in lengths if length > 1)),
            self.known.eq(below[-1]),
            self.rank.eq(number - offset),
            self.length.eq(Cat(*(_any(first[length - 1] for length in lengths[:-1]
                                      if length >> bit & 1) for bit in range(3)), ~below[-2])),
        ]
        return m


def _any(values):
    return reduce(or_, values, Const(0, 1))
