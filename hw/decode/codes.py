"""Canonical prefix codes, made of how many codes there are of each length."""

from itertools import accumulate

from amaranth.hdl import Array, Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..spec.stream import (
    CODE_COUNT_BITS,
    GRANULE,
    RUN_BITS,
    RUN_CODE_BITS,
    VALUE_CODE_BITS,
)

__all__ = ["CodeReader"]

_TOTAL = 9


class CodeReader(wiring.Component):
    """Reads how many codes there are of each length but the longest, and makes tables of them.

    What remains of the numbers of that length are codes, too.

    Members
    -------
    enable : ``In(1)``
        There are counts to be read.
    values : ``In(1)``
        The longest have ``VALUE_CODE_BITS`` bits, not ``RUN_CODE_BITS``; steady while ``enable``.
    want, given, word
        Both granules of a word are wanted; they are there; the stream's next ones.
    take : ``Out(1)``
        They are used up, if ``given``.
    free, offset : ``Out(9)``, ``Out(RUN_BITS)``
        For the codes of ``index + 1`` bits, as :func:`.config.code_layout` has them, in cycles with
        ``step``.
    index, step : ``Out(range(RUN_CODE_BITS))``, ``Out(1)``
    excess : ``Out(1)``
        In such a cycle: there are more codes than numbers.
    told : ``Out(1)``
        Pulse, with the last step: ``total`` is that of the shorter codes.
    done : ``Out(1)``
        Pulse, behind the last step.
    total : ``Out(9)``
        With ``done``: how many codes there are.
    clear : ``In(1)``

    Notes
    -----
    Throughput: a length per cycle, a cycle between codes.
    """
    enable: In(1)
    values: In(1)
    want: Out(2)
    given: In(1)
    word: In(2 * GRANULE)
    take: Out(1)
    free: Out(_TOTAL)
    offset: Out(RUN_BITS)
    index: Out(range(RUN_CODE_BITS))
    step: Out(1)
    excess: Out(1)
    told: Out(1)
    done: Out(1)
    total: Out(_TOTAL)
    clear: In(1)

    def keep(self, m, table) -> None:
        """Write what is told of codes to registers of :func:`.config.code_layout`."""
        for part, told in (("free", self.free), ("offsets", self.offset)):
            for name, _ in table[part].shape():
                with m.If(self.step & (self.index == int(name[1:]) - 1)):
                    m.d.sync += table[part][name].eq(told)

    def elaborate(self, platform):
        m = Module()
        room = Signal(_TOTAL, init=2)  # numbers that aren't codes yet, of this length
        ends, short = Signal(), Signal()
        last = self.index == Mux(self.values, VALUE_CODE_BITS - 1, RUN_CODE_BITS - 1)
        ends_of_counts = list(accumulate(CODE_COUNT_BITS))
        counts = Array([self.word[end - bits:end] for end, bits in
                        zip(ends_of_counts, CODE_COUNT_BITS, strict=True)])
        count = Signal(_TOTAL)
        m.d.comb += [
            self.want.eq((self.enable & ~ends).replicate(2)),
            self.step.eq(self.want[0] & self.given),
            self.take.eq(last), self.told.eq(self.step & last),
            self.done.eq(self.enable & ends),
            count.eq(Mux(last, room, counts[self.index])),
            Cat(self.free, short).eq(room - count),
            self.excess.eq(self.step & short),
            self.offset.eq(-(room + self.total)),
        ]
        with m.If(self.step):
            m.d.sync += [
                room.eq(self.free << 1), self.total.eq(self.total + count),
                self.index.eq(self.index + 1), ends.eq(last),
            ]
        with m.If(self.done | self.clear):
            m.d.sync += [room.eq(2), ends.eq(0), self.total.eq(0), self.index.eq(0)]
        return m
