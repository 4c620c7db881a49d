"""Canonical prefix codes, made of how many codes there are of each length."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .config import CODE_BITS, RUN_BITS
from .window import GRANULE_BITS

__all__ = ["CodeReader"]

_COUNT = 8
_TOTAL = 9


class CodeReader(wiring.Component):
    """Reads the counts of codes of 1 to ``CODE_BITS`` bits, and makes tables of them.

    Members
    -------
    enable : ``In(1)``
        There are counts to be read.
    want, given, granule
        A granule is wanted; it is there; the next one of the stream.
    take : ``Out(1)``
        It is used up, if it is ``given``: with the second of its two counts.
    free, offset : ``Out(9)``, ``Out(RUN_BITS)``
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
    take: Out(1)
    free: Out(_TOTAL)
    offset: Out(RUN_BITS)
    index: Out(range(CODE_BITS))
    step: Out(1)
    excess: Out(1)
    done: Out(1)
    total: Out(_TOTAL)
    clear: In(1)

    def keep(self, m, table) -> None:
        """Write what is told of codes to registers of :func:`.config.code_layout`."""
        with m.If(self.step):
            with m.Switch(self.index):
                for length in range(1, CODE_BITS + 1):
                    with m.Case(length - 1):
                        m.d.sync += table.free[f"l{length}"].eq(self.free)
                        if length > 1:
                            m.d.sync += table.offsets[f"l{length}"].eq(self.offset)

    def elaborate(self, platform):
        m = Module()
        room = Signal(_TOTAL, init=2)  # numbers that aren't codes yet, of this length
        ends, short, odd = Signal(), Signal(), self.index[0]
        count = Signal(_COUNT)
        m.d.comb += [
            self.want.eq(self.enable & ~ends),
            self.step.eq(self.want & self.given),
            self.take.eq(odd),
            self.done.eq(self.enable & ends),
            count.eq(Mux(odd, self.granule[_COUNT:], self.granule[:_COUNT])),
            Cat(self.free, short).eq(room - count),
            self.excess.eq(self.step & short),
            self.offset.eq(-(room + self.total)),
        ]
        with m.If(self.step):
            m.d.sync += [
                room.eq(self.free << 1), self.total.eq(self.total + count),
                self.index.eq(self.index + 1), ends.eq(self.index == CODE_BITS - 1),
            ]
        with m.If(self.done | self.clear):
            m.d.sync += [room.eq(2), ends.eq(0), self.total.eq(0), self.index.eq(0)]
        return m
