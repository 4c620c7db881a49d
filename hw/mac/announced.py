"""Accumulators in memories whose reads take two cycles, for vectors that are announced."""

from amaranth.hdl import Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..memory import AlternatingMemory, TwoPortMemory
from ..spec.mac import AccumulatorsSpec
from .accumulation import Vector, add_sums, arriving_layout, results_layout, row_layout

__all__ = ["AnnouncedAccumulators", "PixelPlaces"]


class AnnouncedAccumulators(wiring.Component):
    """Adds sums up as :class:`.accumulators.Accumulators` does; each vector is announced.

    ::

        announce ── pixel ── memory ── two cycles ─┐
                               ▲ (written)         + ── o
        i ── sums, two cycles later ───────────────┘

    Nothing waits here, and no sums or rows are kept: who announces sees to it that the result can
    be taken, and keeps the distances of :class:`PixelPlaces`.

    Parameters
    ----------
    spec : AccumulatorsSpec
        With ``restart_after_last``, without ``registered``.

    Members
    -------
    announce, last : ``In(1)``
        A vector comes on ``i`` in the second cycle after this one; it is the last of its block, so
        that pixel 0 follows it.
    i : ``In(stream.Signature(arriving_layout(spec)))``
        The vectors that were announced; ``ready`` is up always. ``first`` doesn't matter.
    o : ``Out(stream.Signature(results_layout(spec)))``
        The accumulators of a vector with ``mode.finish``, in its cycle; ``ready`` must be up.
    error : ``Out(1)``
        A vector for pixel ``depth`` or a later one was announced before; until reset. It is kept
        out of the memory.

    Raises
    ------
    TypeError
        If ``spec`` is no ``AccumulatorsSpec``.
    ValueError
        If it has ``registered``, or ``single_port`` with a depth below 4.

    Notes
    -----
    Throughput: one vector per cycle. Latency: none from ``i`` to ``o``. Memory: a module
    ``accumulator_memory`` as in :class:`.accumulators.Accumulators`; with ``single_port`` one of
    the two has the pixels with an even half. A row is written in the second cycle after it is read.
    """

    def __init__(self, *, spec: AccumulatorsSpec):
        if not isinstance(spec, AccumulatorsSpec):
            raise TypeError(f"spec must be an AccumulatorsSpec, not {spec!r}")
        if spec.registered:
            raise ValueError("registered must be false in accumulators whose vectors are announced")
        if spec.single_port and spec.depth < 4:
            raise ValueError(f"depth must be at least 4 in accumulators of one port whose vectors "
                             f"are announced, not {spec.depth}")
        self._spec = spec
        super().__init__({
            "announce": In(1), "last": In(1),
            "i": In(stream.Signature(arriving_layout(spec))),
            "o": Out(stream.Signature(results_layout(spec))),
            "error": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        spec, payload = self._spec, self.i.payload
        row = row_layout(spec)
        if spec.single_port:
            memory = AlternatingMemory(name="accumulator_memory", depth=spec.depth, width=row.size,
                                       select=1, read_latency=2)
        else:
            memory = TwoPortMemory(name="accumulator_memory", depth=spec.depth, width=row.size,
                                   read_latency=2)
        memory.place(m, platform, "memory")
        pixel = self._count(m, memory)
        past = pixel == spec.depth
        vector = Vector(payload, self.i.valid, ~pixel.any(), pixel, past)
        after = Signal(row)
        add_sums(m, spec, vector, data.View(row, memory.read_data), after)
        o = self.o.payload
        m.d.comb += [
            self.i.ready.eq(1), memory.write_address.eq(pixel), memory.write_data.eq(after),
            memory.write_enable.eq(self.i.valid & ~past),
            self.o.valid.eq(self.i.valid & payload.mode.finish),
            o.first.eq(vector.first), o.last.eq(payload.last),
            *(o[name].eq(after[name]) for name, _ in row),
        ]
        return m

    def _count(self, m, memory):
        """Read the row of the vector that is announced; the pixel of the one on ``i``."""
        depth = self._spec.depth
        pixel = Signal(range(depth + 1))
        past = Signal()
        m.d.comb += [
            past.eq(pixel == depth),
            memory.read_address.eq(pixel), memory.read_enable.eq(self.announce & ~past),
        ]
        with m.If(self.announce):
            m.d.sync += self.error.eq(self.error | past)
            with m.If(self.last):
                m.d.sync += pixel.eq(0)
            with m.Elif(~past):
                m.d.sync += pixel.eq(pixel + 1)
        for stage in range(2):
            following = Signal.like(pixel, name=f"pixel_{stage}", reset_less=True)
            m.d.sync += following.eq(pixel)
            pixel = following
        return pixel


class PixelPlaces:
    """Which vectors mustn't be announced one or two cycles after which.

    A row is read again in the third cycle after it was read at the earliest; with ``single_port``
    no row of a memory in the second cycle after another one of that memory, which then is written.

    Parameters
    ----------
    spec : AccumulatorsSpec

    Attributes
    ----------
    layout : StructLayout
        Of a vector's place: its pixel's lowest two bits, and whether it is ``far``, pixel 2 or
        later.
    """

    layout = data.StructLayout({"low": 2, "far": 1})

    def __init__(self, spec: AccumulatorsSpec):
        self._single = spec.single_port

    def following(self, place: data.View, last) -> list:
        """Assignments that make a place that of the next vector."""
        return [place.low.eq((place.low + 1)[:2] & ~last.replicate(2)),
                place.far.eq((place.far | place.low[0]) & ~last)]

    def conflict(self, place: data.View, other: data.View, distance: int):
        """Whether a vector mustn't be announced so many cycles, 1 or 2, after another one."""
        same = ~place.far & ~other.far & (place.low == other.low)
        if self._single and distance == 2:
            return same | (place.low[1] == other.low[1])
        return same
