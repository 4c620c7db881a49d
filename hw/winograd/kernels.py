"""Kernels between decompressor and array: nine taps in, transformed weights out."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..mac.ports import stationary_layout
from ..memory import TwoPortMemory
from ..spec.winograd import WinogradConvSpec
from .counting import following, of_half
from .element import KernelElement, choice

__all__ = ["KernelBuffer"]


class KernelBuffer(wiring.Component):
    """Collects the taps of a channel block and gives their transform, position by position.

    Parameters
    ----------
    spec : WinogradConvSpec
        With ``kernels`` ``spatial``.

    Members
    -------
    i : ``In(stream.Signature(stationary_layout(spec.weights)))``
        Weight blocks, nine for a channel block, a tap each, row by row.
    o : ``Out(stream.Signature(stationary_layout(spec.array)))``
        Weight blocks, ``positions`` for a channel block, row by row; a lane of all columns per
        transfer.
    busy : ``Out(1)``
        All taps of a channel block are here, and not all of its weights have been given.

    Notes
    -----
    A memory ``winograd_taps`` for each column, since columns load lanes independently: a row holds
    a lane's nine taps. It has two halves; one is filled while the other one is read ``positions``
    times, and made zero before it is filled, in cycles in which nothing is loaded.

    Latency: 2 cycles from the last transfer of a channel block to the first one out. Throughput:
    a transfer per cycle, ``positions * lanes`` for a channel block; in, what waits for a half that
    is free and zero.
    """

    def __init__(self, *, spec: WinogradConvSpec):
        self._spec = spec
        super().__init__({
            "i": In(stream.Signature(stationary_layout(spec.weights))),
            "o": Out(stream.Signature(stationary_layout(spec.array))),
            "busy": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        spec, transform = self._spec, self._spec.transform
        lane_bits = (spec.lanes - 1).bit_length()
        memories = [TwoPortMemory(name="winograd_taps", depth=2 << lane_bits,
                                  width=spec.weight_width, parts=transform.taps ** 2)
                    for _ in range(spec.columns)]
        full = Signal(2)
        self._fill(m, memories, full, lane_bits)
        rows, columns, lane = self._read(m, memories, full)
        output = self.o.payload
        for number, memory in enumerate(memories):
            memory.place(m, platform, f"taps{number}")
            element = KernelElement(spec.tile, spec.weight_width,
                                    transform.multiplier_weight_width)
            load = output.loads[number]
            m.d.comb += [element.taps.eq(memory.read_data), element.row.eq(rows),
                         element.column.eq(columns),
                         load.value.eq(element.value), load.index.eq(lane), load.valid.eq(1)]
            element.place(m, platform, f"element{number}")
        m.d.comb += [output.commit.eq(lane == spec.lanes - 1),
                     self.busy.eq(full.any() | self.o.valid)]
        return m

    def _fill(self, m, memories, full, lane_bits):
        """Write loads to the half that is filled; make a free half zero when nothing is loaded."""
        taps = self._spec.transform.taps ** 2
        filling, target = (Signal(name=name) for name in ("filling", "target"))
        zeros = Signal(2)
        tap = Signal(taps, init=1)
        row = Signal(lane_bits)
        loads, clears = (Signal(name=name) for name in ("loads", "clears"))
        ready, used = of_half(zeros, filling), of_half(full, filling)
        m.d.comb += [
            self.i.ready.eq(ready & ~used), loads.eq(self.i.valid & self.i.ready),
            target.eq(filling ^ (ready | used)),
            clears.eq(~loads & ~of_half(zeros | full, target)),
        ]
        with m.If(clears):
            m.d.sync += row.eq(row + 1)
            with m.If(row.all()):
                m.d.sync += zeros.bit_select(target, 1).eq(1)
        with m.If(loads & self.i.payload.commit):
            m.d.sync += tap.eq(tap.rotate_left(1))
            with m.If(tap[-1]):
                m.d.sync += [full.bit_select(filling, 1).eq(1), filling.eq(~filling),
                             zeros.bit_select(filling, 1).eq(0)]
        for memory, load in zip(memories, self.i.payload.loads, strict=True):
            m.d.comb += [
                memory.write_enable.eq(Mux(clears, -1, tap & (loads & load.valid).replicate(taps))),
                memory.write_address.eq(Mux(clears, Cat(row, target), Cat(load.index, filling))),
                memory.write_data.eq(Mux(clears, 0, load.value.replicate(taps))),
            ]

    def _read(self, m, memories, full):
        """Read the lanes of a half for each position; gives whose the memories' outputs are.

        Row and column as what chooses an element's formula, which is decoded before a register.
        """
        spec = self._spec
        side = spec.transform.side
        advance, read, half = (Signal(name=name) for name in ("advance", "read", "read_half"))
        places = [(Signal(range(size), name=name), size) for name, size in
                  (("lane", spec.lanes), ("column", side), ("row", side))]
        chosen = [places[0][0], *(choice(m, spec.tile, place, place.name)
                                  for place, _ in places[1:])]
        held = [Signal.like(value, name=f"read_{value.name}", reset_less=True) for value in chosen]
        ends = Signal(3)
        lane = places[0][0]
        m.d.comb += [
            advance.eq(~self.o.valid | self.o.ready),
            read.eq(advance & of_half(full, half)),
            ends.eq(Cat(place == size - 1 for place, size in places)),
        ]
        for memory in memories:
            m.d.comb += [memory.read_enable.eq(read), memory.read_address.eq(Cat(lane, half))]
        with m.If(advance):
            m.d.sync += self.o.valid.eq(read)
        with m.If(read):
            m.d.sync += [own.eq(value) for value, own in zip(chosen, held, strict=True)]
            for number, (place, size) in enumerate(places):
                with m.If(ends[:number].all() if number else 1):
                    m.d.sync += place.eq(following(place, size))
            with m.If(ends.all()):
                m.d.sync += [half.eq(~half), full.bit_select(half, 1).eq(0)]
        return held[2], held[1], held[0]
