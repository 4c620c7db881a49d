"""Accumulators behind the MAC array: sums of successive blocks, pixel by pixel."""

from amaranth.hdl import Const, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..memory import AlternatingMemory, TwoPortMemory
from ..spec.mac import AccumulatorsSpec
from .accumulation import Vector, add_sums, arriving_layout, results_layout, row_layout

__all__ = ["Accumulators", "arriving_layout", "results_layout", "row_layout"]


class Accumulators(wiring.Component):
    """Adds the sums of successive blocks up, for ``depth`` pixels of ``columns`` channels.

    ::

        i ─┬─ pixel ── memory ─┐            ┌── o
           │          ▲  forward ── + ──────┤ result
           └─ sums ───┼─────────────┘       │
                      └─────────────────────┘ (written while it goes to result)

    Parameters
    ----------
    spec : AccumulatorsSpec
        Columns, depth, widths and options.

    Members
    -------
    i : ``In(stream.Signature(arriving_layout(spec)))``
        A vector of sums for one pixel. ``first`` is for pixel 0, as is the first vector after a
        reset; each of the others is for the pixel after that of the vector before, ``last`` or
        not. ``mode.start`` loads the sums into the pixel's accumulators instead of adding them;
        ``mode.finish`` puts the accumulators out, this vector's sums included.
        ``mode.shifted`` shifts the sums left by ``spec.shift`` bits before that.
        ``mode.subtracted`` subtracts them.
        ``mode.maximum`` leaves the larger of accumulator and sum instead of adding them; with
        ``mode.start`` it doesn't matter. Both of the numbers must fit ``spec.comparison_width``
        signed bits, and it doesn't go with ``mode.shifted``: else the accumulator is undefined.
        All modes hold for this vector alone.
    o : ``Out(stream.Signature(results_layout(spec)))``
        The accumulators of a pixel, one transfer for each vector with ``mode.finish``, in order,
        with its ``first`` and ``last``. A column's ``overflow`` is set if its accumulator went
        out of range at any time since ``mode.start``; its sum is then right modulo
        ``2 ** accumulator_width``.
    error : ``Out(1)``
        Up from the cycle after the transfer of a vector for pixel ``depth`` or a later one,
        until reset. Such a vector is kept out of the memory; with ``mode.finish`` it still gives
        a transfer on ``o``, so that nobody waits for it in vain: its own sums, with all
        ``overflow`` set.

    Raises
    ------
    TypeError
        If ``spec`` is no ``AccumulatorsSpec``.

    Notes
    -----
    **With** ``restart_after_last`` the vector that follows one with ``last`` is for pixel 0, as is
    the first vector after a reset; each of the others is for the pixel after that of the vector
    before. ``first`` on ``i`` doesn't matter, ``first`` on ``o`` says that the vector was for
    pixel 0.

    **Contents.** An accumulator keeps its value, after a ``mode.finish`` too, until a
    ``mode.start`` or a reset. After a reset all are unknown, and so are sums that are added to a
    pixel that wasn't started.

    **Cycles.** Throughput: one vector per cycle, whatever the length of the blocks; if not
    ``registered``, a vector for the pixel of the vector before it takes 2 cycles, with
    ``single_port`` one for pixel 0 after an even one, too. Latency: a vector
    with ``mode.finish`` is on ``o`` ``spec.latency`` cycles after its transfer: 2, with
    ``restart_after_last`` 1, if not ``registered`` 0 (with its offer, and both are transferred
    together). So the last of ``n`` vectors, with no idle and no stall, is there ``n - 1 +
    latency`` cycles after the first is transferred. A finished block drains as its vectors come,
    there is no phase for it.

    **Back-pressure.** While ``o`` is valid and not ready, all stages stand still. ``i.ready``
    depends on ``o.ready`` within the cycle, and on nothing else of the inputs; if not
    ``registered``, on ``mode.finish`` too. Vectors without ``mode.finish`` never wait but for one
    before them that has it.

    **Memory.** One module ``accumulator_memory`` of ``depth`` rows of ``columns *
    (accumulator_width + 1)`` bits, without ``overflow`` ``columns * accumulator_width``; with
    ``single_port`` two of half as many rows, each of one port, by turns. A row
    that is wanted while it is being written is forwarded and isn't read; rows for ``mode.start``
    aren't read either, unless they are read ahead (``restart_after_last``).

    **Reset** empties the pipeline.
    """

    def __init__(self, *, spec: AccumulatorsSpec):
        if not isinstance(spec, AccumulatorsSpec):
            raise TypeError(f"spec must be an AccumulatorsSpec, not {spec!r}")
        self._spec = spec
        super().__init__({
            "i": In(stream.Signature(arriving_layout(spec))),
            "o": Out(stream.Signature(results_layout(spec))),
            "error": Out(1),
        })

    @property
    def spec(self) -> AccumulatorsSpec:
        """The specification."""
        return self._spec

    def elaborate(self, platform):
        m = Module()
        spec = self._spec
        row = row_layout(spec)
        kind = AlternatingMemory if spec.single_port else TwoPortMemory
        memory = kind(name="accumulator_memory", depth=spec.depth, width=row.size)
        memory.place(m, platform, "memory")

        advance, moves = Signal(), Signal()
        if spec.restart_after_last:
            vector, forward = self._expected(m, memory, advance)
        else:
            vector, forward = self._arrived(m, memory, advance)
        after = Signal(row)
        m.d.comb += [
            moves.eq(vector.valid & advance),
            memory.write_address.eq(vector.pixel),
            memory.write_enable.eq(moves & ~vector.past),
            memory.write_data.eq(after),
        ]
        held = data.View(row, memory.read_data)
        if spec.registered:
            result = Signal(row, reset_less=True)
            held = data.View(row, Mux(forward, result.as_value(), memory.read_data))
            with m.If(moves):
                m.d.sync += result.eq(after)
            self._put_out(m, advance, vector, result)
        else:
            self._pass_out(m, advance, vector, after)
        add_sums(m, spec, vector, held, after)
        return m

    def _arrived(self, m, memory, advance):
        """A register for the vector, filled while its row is read; ``first`` begins anew."""
        depth = self._spec.depth
        following = Signal(range(depth + 1))
        pixel = Signal.like(following)
        past = Signal()
        accept = Signal()
        arrived = Signal(arriving_layout(self._spec), reset_less=True)
        valid = Signal()
        arrived_pixel = Signal.like(pixel, reset_less=True)
        arrived_past = Signal(reset_less=True)
        forward = Signal(reset_less=True)
        collides = Signal()
        m.d.comb += [
            self.i.ready.eq(advance),
            accept.eq(self.i.valid & advance),
            pixel.eq(Mux(self.i.payload.first, 0, following)),
            past.eq(pixel == depth),
            collides.eq(valid & (pixel == arrived_pixel)),
            memory.read_address.eq(pixel),
            memory.read_enable.eq(accept & ~self.i.payload.mode.start & ~past & ~collides),
        ]
        with m.If(advance):
            m.d.sync += valid.eq(self.i.valid)
        with m.If(accept):
            m.d.sync += [following.eq(Mux(past, depth, pixel + 1)), arrived.eq(self.i.payload),
                         arrived_pixel.eq(pixel), arrived_past.eq(past), forward.eq(collides),
                         self.error.eq(self.error | past)]
        return Vector(arrived, valid, arrived.first, arrived_pixel, arrived_past), forward

    def _expected(self, m, memory, advance):
        """The vector on ``i``, whose row is read ahead; ``last`` begins anew.

        A vector for the pixel of the one before it finds its row in the result register, or else
        waits in a cycle in which its row is read. So does one whose row is in the memory of one
        port that the one before is written to: pixel 0 after an even one.
        """
        depth = self._spec.depth
        pixel = Signal(range(depth + 1))
        following = Signal.like(pixel)
        past = Signal()
        again = Signal()
        repeats = Signal()
        waits = Const(0, 1) if self._spec.registered else again
        valid = Signal()
        m.d.comb += [
            valid.eq(self.i.valid & ~waits),
            self.i.ready.eq(advance & ~waits),
            past.eq(pixel == depth),
            following.eq(Mux(self.i.payload.last | waits, 0, Mux(past, depth, pixel + 1))),
            repeats.eq(self.i.payload.last
                       & ~(pixel[0] if self._spec.single_port else pixel.any())),
            memory.read_address.eq(following),
            memory.read_enable.eq(
                valid & advance & ~repeats & (following != depth) | waits),
        ]
        if not self._spec.registered:
            m.d.sync += again.eq(0)
        with m.If(valid & advance):
            m.d.sync += [pixel.eq(following), again.eq(repeats),
                         self.error.eq(self.error | past)]
        return Vector(self.i.payload, valid, ~pixel.any(), pixel, past), again

    def _put_out(self, m, advance, vector, result):
        """Offer the result of a vector with ``mode.finish`` on ``o``."""
        tags = Signal(data.StructLayout({"first": 1, "last": 1}), reset_less=True)
        finished = Signal()
        m.d.comb += advance.eq(~finished | self.o.ready)
        with m.If(advance):
            m.d.sync += [finished.eq(vector.valid & vector.payload.mode.finish),
                         tags.first.eq(vector.first), tags.last.eq(vector.payload.last)]
        self._offer(m, finished, tags.first, tags.last, result)

    def _pass_out(self, m, advance, vector, after):
        """Offer the accumulators on ``o`` in the cycle in which they are made."""
        finish = vector.payload.mode.finish
        m.d.comb += advance.eq(~finish | self.o.ready)
        self._offer(m, vector.valid & finish, vector.first, vector.payload.last, after)

    def _offer(self, m, valid, first, last, row):
        o = self.o.payload
        m.d.comb += [self.o.valid.eq(valid), o.first.eq(first), o.last.eq(last),
                     *(o[name].eq(row[name]) for name, _ in row.shape())]
