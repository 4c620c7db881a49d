"""Canonical prefix codes, made of how many codes there are of each length."""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .config import CODE_BITS, RUN_BITS
from .window import GRANULE_BITS

__all__ = ["CodeReader"]

_COUNT = 8
_TOTAL = 9


class CodeReader(wiring.Component):
    """Reads the counts of codes of 1 to ``CODE_BITS`` bits, and makes limits and offsets of them.

    Members
    -------
    enable : ``In(1)``
        There are counts to be read.
    want, given, granule
        A granule is wanted; it is there, and is used up then; the next one of the stream.
    limit, offset : ``Out(9)``, ``Out(RUN_BITS)``
        For the codes of ``index + 1`` bits, as :func:`.config.code_layout` has them, in cycles with
        ``step``.
    index, step : ``Out(range(CODE_BITS))``, ``Out(1)``
    excess : ``Out(1)``
        In such a cycle: there are more codes than numbers.
    done : ``Out(1)``
        Pulse, behind the last step.
    total : ``Out(9)``
        With ``done``: how many codes there are.
    clear : ``In(1)``

    Notes
    -----
    Throughput: a count per cycle, a cycle between codes.
    """
    enable: In(1)
    want: Out(1)
    given: In(1)
    granule: In(GRANULE_BITS)
    limit: Out(_TOTAL)
    offset: Out(RUN_BITS)
    index: Out(range(CODE_BITS))
    step: Out(1)
    excess: Out(1)
    done: Out(1)
    total: Out(_TOTAL)
    clear: In(1)

    def keep(self, m, table) -> None:
        """Write limits and offsets to registers of :func:`.config.code_layout`."""
        with m.If(self.step):
            with m.Switch(self.index):
                for length in range(1, CODE_BITS + 1):
                    with m.Case(length - 1):
                        m.d.sync += table.limits[f"l{length}"].eq(self.limit)
                        if length > 1:
                            m.d.sync += table.offsets[f"l{length}"].eq(self.offset)

    def elaborate(self, platform):
        m = Module()
        first, ends = Signal(_TOTAL), Signal()
        high = Signal(_COUNT)  # the second count of a granule that is used up
        even = ~self.index[0]
        m.d.comb += [
            self.want.eq(self.enable & even & ~ends),
            self.step.eq(self.enable & ~ends & (self.given | ~even)),
            self.done.eq(self.enable & ends),
        ]
        count = Signal(_COUNT)
        m.d.comb += count.eq(self.granule[:_COUNT])
        with m.If(~even):
            m.d.comb += count.eq(high)
        m.d.comb += self.limit.eq(first + count)
        with m.Switch(self.index):
            for length in range(1, CODE_BITS + 1):
                with m.Case(length - 1):
                    m.d.comb += self.excess.eq(self.step & (first + count > 1 << length))
        with m.If(self.step):
            m.d.sync += [
                high.eq(self.granule[_COUNT:]), first.eq(self.limit << 1),
                self.offset.eq(self.offset + self.limit), self.total.eq(self.total + count),
                self.index.eq(self.index + 1), ends.eq(self.index == CODE_BITS - 1),
            ]
        with m.If(self.done | self.clear):
            m.d.sync += [first.eq(0), ends.eq(0), self.offset.eq(0), self.total.eq(0),
                         self.index.eq(0)]
        return m
