"""Canonical prefix codes."""

from functools import reduce
from operator import or_

from amaranth.hdl import Cat, Const, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .config import code_layout

__all__ = ["PrefixDecoder"]

_UNCODED = 8  # bits of what isn't coded


class PrefixDecoder(wiring.Component):
    """The rank and the length of the code at the beginning of some bits.

    Parameters
    ----------
    rank_width : int
        Bits of a rank.
    longest : int
        Bits of the longest code, 3 to 8.

    Members
    -------
    code : ``In(code_layout(rank_width, longest))``
    coded : ``In(1)``
        Bits are a code; else, with all numbers of ``code`` free, the rank is 0.
    bits : ``In(longest)``
        The first bit is the lowest one.
    length : ``Out(4)``
        Without ``coded`` 8.
    rank : ``Out(rank_width)``

    Notes
    -----
    Latency: none.
    """

    def __init__(self, *, rank_width: int, longest: int):
        self._rank_width, self._longest = rank_width, longest
        super().__init__({"code": In(code_layout(rank_width, longest)), "coded": In(1),
                          "bits": In(longest), "length": Out(4), "rank": Out(rank_width)})

    def elaborate(self, platform):
        m = Module()
        lengths = range(1, self._longest + 1)
        numbers = {length: Cat(*reversed(self.bits[:length])) for length in lengths}
        below = Signal(self._longest - 1)  # they begin with a code of at most so many bits
        m.d.comb += below.eq(Cat(*((~numbers[length])[:length] >= self.code.free[f"l{length}"]
                                   for length in lengths[:-1])))
        first, beyond = Signal(self._longest), Signal()
        m.d.comb += [
            first.eq(Cat(below & ~(below << 1)[:len(below)], ~below[-1] & self.coded)),
            # without a code no number is below
            beyond.eq(~below[-1] if self._longest == _UNCODED else ~self.coded),
        ]
        number, offset = Signal(self._rank_width), Signal(self._rank_width)
        m.d.comb += [
            number.eq(_any(numbers[length][:self._rank_width] & first[length - 1].replicate(
                self._rank_width) for length in lengths)),
            offset.eq(_any(self.code.offsets[f"l{length}"] & first[length - 1].replicate(
                min(length, self._rank_width)) for length in lengths if length > 1)),
            self.rank.eq(number - offset),
            self.length.eq(Cat(*(_any(first[length - 1] for length in lengths if length >> bit & 1)
                                 for bit in range(3)), beyond)),
        ]
        return m


def _any(values):
    return reduce(or_, values, Const(0, 1))
