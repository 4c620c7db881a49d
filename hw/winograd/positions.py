"""Transformed tiles, written tile by tile and read position by position."""

from amaranth.hdl import Cat, Module, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..mac.ports import mode_layout, moving_layout
from ..memory import TwoPortMemory
from ..spec.winograd import WinogradConvSpec
from .counting import following, multiple, of_half

__all__ = ["PositionBuffer", "tile_layout"]


def tile_layout() -> data.StructLayout:
    """A tile: the ``last`` one of a channel block; whether that begins, ends an output block."""
    return data.StructLayout({"last": 1, "start": 1, "finish": 1})


class PositionBuffer(wiring.Component):
    """Turns tiles of positions into positions of tiles, a channel block at a time.

    Parameters
    ----------
    spec : WinogradConvSpec

    Members
    -------
    tiles : ``In(stream.Signature(tile_layout()))``
        What comes; one is taken when it has been written.
    i : ``In(stream)``
        The vectors of :class:`.InputTransform`.
    o : ``Out(stream.Signature(moving_layout(spec.array)))``
        The vectors of all tiles at a position, ``first`` to ``last``; positions row by row.
    busy : ``Out(1)``
        A channel block is complete and hasn't been given.
    error : ``Out(1)``
        A channel block had more than ``spec.tiles`` tiles; until reset.

    Notes
    -----
    A memory ``winograd_positions`` with two halves, one of which is written while the other one is
    read. Latency: 2 cycles from the last vector of a channel block to the first one out.
    Throughput: a vector per cycle in and out.
    """

    def __init__(self, *, spec: WinogradConvSpec):
        self._spec = spec
        transform = spec.transform
        vector = data.ArrayLayout(signed(transform.multiplier_activation_width), spec.lanes)
        place = range(transform.side)
        super().__init__({
            "tiles": In(stream.Signature(tile_layout())),
            "i": In(stream.Signature(data.StructLayout(
                {"vector": vector, "row": place, "column": place}))),
            "o": Out(stream.Signature(moving_layout(spec.array))),
            "busy": Out(1), "error": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        spec, transform = self._spec, self._spec.transform
        bits = (spec.tiles - 1).bit_length()
        width = spec.lanes * transform.multiplier_activation_width
        memory = TwoPortMemory(name="winograd_positions",
                               depth=2 * transform.positions << bits, width=width)
        memory.place(m, platform, "memory")
        full = Signal(2)
        held = [Signal(data.StructLayout({"tile": range(spec.tiles), "mode": mode_layout()}),
                       name=f"held{half}", reset_less=True) for half in range(2)]
        self._write(m, memory, full, held)
        self._read(m, memory, full, held)
        m.d.comb += self.busy.eq(full.any() | self.o.valid)
        return m

    def _address(self, half, position, tile):
        """A row of the memory."""
        positions = self._spec.transform.positions
        bits = (self._spec.tiles - 1).bit_length()
        place = Signal(range(2 * positions), name="place")
        return place, Cat(tile[:bits], place), place.eq(position + half * positions)

    def _write(self, m, memory, full, held):
        """Write the tiles of a channel block, then hold its last one's number and its mode."""
        spec, transform = self._spec, self._spec.transform
        half = Signal(name="written_half")
        tile = Signal(range(spec.tiles), name="written_tile")
        position = Signal(range(transform.positions), name="written_position")
        vector, kind = self.i.payload, self.tiles.payload
        writes, ends, last = (Signal(name=name) for name in ("writes", "ends", "writes_last"))
        _, address, places = self._address(
            half, multiple(vector.row, transform.side) + vector.column, tile)
        m.d.comb += [
            self.i.ready.eq(self.tiles.valid & ~of_half(full, half)),
            writes.eq(self.i.valid & self.i.ready), places,
            memory.write_enable.eq(writes), memory.write_address.eq(address),
            memory.write_data.eq(vector.vector.as_value()),
            ends.eq(writes & (position == transform.positions - 1)),
            last.eq(ends & kind.last), self.tiles.ready.eq(ends),
        ]
        with m.If(writes):
            m.d.sync += position.eq(following(position, transform.positions))
        with m.If(ends):
            m.d.sync += [tile.eq(tile + 1),
                         self.error.eq(self.error | (~kind.last & (tile == spec.tiles - 1)))]
        with m.If(last):
            m.d.sync += [tile.eq(0), half.eq(~half), full.bit_select(half, 1).eq(1)]
            for number, own in enumerate(held):
                with m.If(half == number):
                    m.d.sync += [own.tile.eq(tile), own.mode.start.eq(kind.start),
                                 own.mode.finish.eq(kind.finish)]

    def _read(self, m, memory, full, held):
        """Read position by position; what comes out of the memory is ``first`` and so on."""
        spec, transform = self._spec, self._spec.transform
        half = Signal(name="read_half")
        tile = Signal(range(spec.tiles), name="read_tile")
        position = Signal(range(transform.positions), name="read_position")
        advance, read, last, valid = (Signal(name=name) for name in
                                      ("advance", "read", "reads_last", "valid"))
        block = Signal(held[0].shape())
        _, address, places = self._address(half, position, tile)
        with m.If(half):
            m.d.comb += block.eq(held[1])
        with m.Else():
            m.d.comb += block.eq(held[0])
        output = self.o.payload
        m.d.comb += [
            advance.eq(~valid | self.o.ready), read.eq(advance & of_half(full, half)),
            last.eq(tile == block.tile), places,
            memory.read_enable.eq(read), memory.read_address.eq(address),
            output.vector.as_value().eq(memory.read_data), self.o.valid.eq(valid),
        ]
        with m.If(advance):
            m.d.sync += valid.eq(read)
        with m.If(read):
            m.d.sync += [output.first.eq(tile == 0), output.last.eq(last),
                         output.mode.eq(block.mode), tile.eq(tile + 1)]
            with m.If(last):
                m.d.sync += [tile.eq(0), position.eq(following(position, transform.positions))]
                with m.If(position == transform.positions - 1):
                    m.d.sync += [half.eq(~half), full.bit_select(half, 1).eq(0)]
