"""Accumulators behind the MAC array: sums of successive blocks, pixel by pixel."""

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..memory import TwoPortMemory
from ..spec.mac import AccumulatorsSpec

__all__ = ["Accumulators", "arriving_layout", "results_layout", "row_layout"]


def arriving_layout(spec: AccumulatorsSpec) -> data.StructLayout:
    """A transfer of one sum per column, as :func:`.ports.sums_layout` gives it."""
    return data.StructLayout({
        "sums": data.ArrayLayout(signed(spec.sum_width), spec.columns),
        "first": 1,
        "last": 1,
        "mode": data.StructLayout({"start": 1, "finish": 1}),
    })


def row_layout(spec: AccumulatorsSpec) -> data.StructLayout:
    """A pixel's accumulators: ``sums`` and, for each of them, its sticky ``overflow``."""
    return data.StructLayout({
        "sums": data.ArrayLayout(signed(spec.accumulator_width), spec.columns),
        "overflow": spec.columns,
    })


def results_layout(spec: AccumulatorsSpec) -> data.StructLayout:
    """A pixel's accumulators, and whether its vector was the ``first``, the ``last``."""
    return data.StructLayout({
        **{name: field.shape for name, field in row_layout(spec)}, "first": 1, "last": 1})


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
        Columns, depth and widths.

    Members
    -------
    i : ``In(stream.Signature(arriving_layout(spec)))``
        A vector of sums for one pixel. ``first`` is for pixel 0, as is the first vector after a
        reset; each of the others is for the pixel after that of the vector before, ``last`` or
        not. ``mode.start`` loads the sums into the pixel's accumulators instead of adding them;
        ``mode.finish`` puts the accumulators out, this vector's sums included. Both hold for
        this vector alone.
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
    **Contents.** An accumulator keeps its value, after a ``mode.finish`` too, until a
    ``mode.start`` or a reset. After a reset all are unknown, and so are sums that are added to a
    pixel that wasn't started.

    **Cycles.** Throughput: one vector per cycle, whatever the length of the blocks. Latency:
    a vector with ``mode.finish`` is on ``o`` 2 cycles after its transfer, so the last of ``n``
    vectors, with no idle and no stall, ``n + 1`` cycles after the first is transferred. A
    finished block drains as its vectors come, there is no phase for it.

    **Back-pressure.** While ``o`` is valid and not ready, all stages stand still. ``i.ready``
    depends on ``o.ready`` within the cycle, and on nothing else of the inputs. Vectors without
    ``mode.finish`` never wait but for one before them that has it.

    **Memory.** One module ``accumulator_memory`` of ``depth`` rows of ``columns *
    (accumulator_width + 1)`` bits. A row that is wanted while it is being written is forwarded
    and isn't read; rows for ``mode.start`` aren't read either.

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
        memory = TwoPortMemory(name="accumulator_memory", depth=spec.depth, width=row.size)
        memory.place(m, platform, "memory")

        advance = Signal()
        accept = Signal()
        m.d.comb += [
            advance.eq(~self.o.valid | self.o.ready),
            accept.eq(self.i.valid & advance),
            self.i.ready.eq(advance),
        ]
        pixel, past = self._address(m, accept)

        arrived = Signal(arriving_layout(spec), reset_less=True)
        arrived_valid = Signal()
        arrived_pixel = Signal.like(pixel, reset_less=True)
        arrived_past = Signal(reset_less=True)
        forward = Signal(reset_less=True)
        collides = Signal()
        m.d.comb += [
            collides.eq(arrived_valid & (pixel == arrived_pixel)),
            memory.read_address.eq(pixel),
            memory.read_enable.eq(accept & ~self.i.payload.mode.start & ~past & ~collides),
            memory.write_address.eq(arrived_pixel),
            memory.write_enable.eq(advance & arrived_valid & ~arrived_past),
        ]
        with m.If(advance):
            m.d.sync += arrived_valid.eq(self.i.valid)
        with m.If(accept):
            m.d.sync += [arrived.eq(self.i.payload), arrived_pixel.eq(pixel),
                         arrived_past.eq(past), forward.eq(collides)]

        result = Signal(row, reset_less=True)
        before = Signal(row)
        after = Signal(row)
        m.d.comb += memory.write_data.eq(after)
        with m.If(~arrived.mode.start & ~arrived_past):
            m.d.comb += before.eq(Mux(forward, result.as_value(), memory.read_data))
        self._add(m, arrived.sums, before, after, arrived_past)
        with m.If(advance & arrived_valid):
            m.d.sync += result.eq(after)
        self._put_out(m, advance, arrived_valid, arrived, result)
        return m

    def _address(self, m, accept):
        """The pixel of the vector on ``i``, at most ``depth``; whether it is past the last."""
        depth = self._spec.depth
        following = Signal(range(depth + 1))
        pixel = Signal(range(depth + 1))
        past = Signal()
        m.d.comb += [
            pixel.eq(Mux(self.i.payload.first, 0, following)),
            past.eq(pixel == depth),
        ]
        with m.If(accept):
            m.d.sync += [following.eq(Mux(past, depth, pixel + 1)),
                         self.error.eq(self.error | past)]
        return pixel, past

    def _add(self, m, sums, before, after, past):
        """``after`` is ``before`` with the sums added, and what went out of range."""
        for column in range(self._spec.columns):
            total = Signal(signed(self._spec.accumulator_width + 1), name=f"total_{column}")
            m.d.comb += [
                total.eq(before.sums[column] + sums[column]),
                after.sums[column].eq(total),
                after.overflow[column].eq(
                    before.overflow[column] | (total[-1] ^ total[-2]) | past),
            ]

    def _put_out(self, m, advance, valid, arrived, result):
        """Offer the result of a vector with ``mode.finish`` on ``o``."""
        tags = Signal(data.StructLayout({"first": 1, "last": 1}), reset_less=True)
        finished = Signal()
        with m.If(advance):
            m.d.sync += [finished.eq(valid & arrived.mode.finish), tags.first.eq(arrived.first),
                         tags.last.eq(arrived.last)]
        m.d.comb += [
            self.o.valid.eq(finished),
            self.o.payload.sums.eq(result.sums),
            self.o.payload.overflow.eq(result.overflow),
            self.o.payload.first.eq(tags.first),
            self.o.payload.last.eq(tags.last),
        ]
