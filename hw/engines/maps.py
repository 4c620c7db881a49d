"""Which steps have weights: the block map of a compressed stream, bit by bit."""

from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..spec.stream import GRANULE

__all__ = ["MapReader"]



class MapReader(wiring.Component):
    """Takes the granules of block maps and tells of one step after the other.

    Members
    -------
    granules : ``In(stream.Signature(16))``
        Bit i: whether the i-th step from here on is in the stream. Each output block begins with a
        new one; bits beyond its last step aren't looked at.
    kept : ``Out(1)``, valid : ``Out(1)``
        Whether the next step is in the stream, and whether that is known.
    step : ``In(1)``, last : ``In(1)``
        The next step is done in this cycle; ``last``: it ends an output block. Only while
        ``valid``.

    Notes
    -----
    A granule waits here while the one before it is in use, so that a step per cycle goes on if
    another granule comes within 16 cycles. Latency: 2 cycles from ``granules`` to ``valid``.
    """

    granules: In(stream.Signature(GRANULE))
    kept: Out(1)
    valid: Out(1)
    step: In(1)
    last: In(1)

    def elaborate(self, platform):
        m = Module()
        current, ahead = (Signal(GRANULE, name=name, reset_less=True)
                          for name in ("current", "ahead"))
        place = Signal(range(GRANULE))
        full, moves, ends = Signal(), Signal(), Signal()
        m.d.comb += [
            self.granules.ready.eq(~full),
            self.kept.eq(current[0]),
            ends.eq(self.step & (self.last | (place == GRANULE - 1))),
            moves.eq(full & (~self.valid | ends)),
        ]
        with m.If(self.granules.valid & ~full):
            m.d.sync += [ahead.eq(self.granules.payload), full.eq(1)]
        with m.Elif(moves):
            m.d.sync += full.eq(0)
        with m.If(self.step):
            m.d.sync += [current.eq(current >> 1), place.eq(place + 1)]
        with m.If(ends):
            m.d.sync += place.eq(0)
        with m.If(moves):
            m.d.sync += [current.eq(ahead), self.valid.eq(1)]
        with m.Elif(ends):
            m.d.sync += self.valid.eq(0)
        return m
