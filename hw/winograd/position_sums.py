"""Sums of products by position, and their transform: tiles of any size."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..mac.ports import sums_layout
from ..memory import TwoPortMemory
from ..spec.winograd import WinogradConvSpec
from .counting import following, of_half
from .sums import pixels_layout
from .transforms import OutputTransform

__all__ = ["PositionSums"]


class PositionSums(wiring.Component):
    """Adds up the sums of each position, and transforms those of a tile when they are complete.

    Parameters
    ----------
    spec : WinogradConvSpec

    Members
    -------
    i : ``In(stream.Signature(sums_layout(spec.array)))``
        As for :class:`.sums.TileSums`.
    o : ``Out(stream.Signature(pixels_layout(spec)))``
        Tile by tile the pixels that it has, column by column.

    Notes
    -----
    A memory ``accumulator_memory`` with two halves: one takes an output block's sums; the other
    one, complete, is read tile by tile while the sums of the first channel block are written, which
    are added to nothing, so that one port for reading suffices.

    Latency: that of :class:`.OutputTransform` and 2 cycles from the last sum of an output block to
    the first pixel. Throughput: a sum per cycle. The last sum of the first channel block waits
    until the output block before has been read, for which ``o`` may have to be taken.
    """

    def __init__(self, *, spec: WinogradConvSpec):
        self._spec = spec
        super().__init__({"i": In(stream.Signature(sums_layout(spec.array))),
                          "o": Out(stream.Signature(pixels_layout(spec)))})

    def elaborate(self, platform):
        m = Module()
        spec, transform = self._spec, self._spec.transform
        bits = (spec.tiles - 1).bit_length()
        memory = TwoPortMemory(name="accumulator_memory", depth=2 * transform.positions << bits,
                               width=spec.columns * transform.sum_width)
        memory.place(m, platform, "memory")
        full = Signal(2)
        free, drains = (Signal(name=name) for name in ("free", "drains"))
        tiles = [Signal(range(spec.tiles), name=f"tiles{half}", reset_less=True)
                 for half in range(2)]  # the number of the last one
        m.submodules.transform = output = OutputTransform(spec=transform)
        wanted, drained = self._drain(m, full, tiles, drains)
        fresh, reads, address = self._accumulate(m, memory, full, tiles, free & ~wanted)
        valid = Signal(name="drained")
        m.d.comb += [
            free.eq(~valid | output.i.ready), drains.eq(wanted & fresh & ~reads & free),
            memory.read_enable.eq(reads | drains),
            memory.read_address.eq(Mux(drains, drained, address)),
            output.i.payload.vector.as_value().eq(memory.read_data), output.i.valid.eq(valid),
            self.o.valid.eq(output.o.valid), output.o.ready.eq(self.o.ready),
            self.o.payload.sums.eq(output.o.payload.vector),
            self.o.payload.row.eq(output.o.payload.row),
            self.o.payload.column.eq(output.o.payload.column),
        ]
        with m.If(free):
            m.d.sync += valid.eq(drains)
        return m

    def _row(self, m, half, position, tile, name):
        """The row of a sum in the memory."""
        positions = self._spec.transform.positions
        place = Signal(range(2 * positions), name=name)
        m.d.comb += place.eq(position + Mux(half, positions, 0))
        return Cat(tile, place)

    def _accumulate(self, m, memory, full, tiles, idle):
        """Add what arrives; read ahead what the next one is added to, if the memory is ``idle``.

        Returns
        -------
        fresh, reads, address
            The next sum is added to nothing; a row is read in this cycle, and which.
        """
        spec, transform = self._spec, self._spec.transform
        half, fresh = Signal(name="written_half"), Signal(init=1)
        tile, next_tile = (Signal(range(spec.tiles), name=name) for name in
                           ("written_tile", "next_tile"))
        position, next_position = (Signal(range(transform.positions), name=name) for name in
                                   ("written_position", "next_position"))
        sums = self.i.payload
        takes, ends = (Signal(name=name) for name in ("takes", "ends"))
        held = data.ArrayLayout(transform.sum_width, spec.columns)(memory.read_data)
        after = Signal(held.shape())
        completes = ends & sums.mode.finish
        follows = Mux(ends, sums.mode.finish, sums.mode.start)  # the next one is fresh
        m.d.comb += [
            self.i.ready.eq(Mux(fresh, ~of_half(full, half) & (idle | follows), 1)),
            takes.eq(self.i.valid & self.i.ready),
            ends.eq(sums.last & (position == transform.positions - 1)),
            next_tile.eq(Mux(sums.last, 0, tile + 1)),
            next_position.eq(Mux(sums.last, following(position, transform.positions), position)),
            memory.write_enable.eq(takes), memory.write_data.eq(after.as_value()),
            memory.write_address.eq(self._row(m, half, position, tile, "written")),
            *(new.eq(Mux(fresh, 0, old) + own)
              for new, old, own in zip(after, held, sums.sums, strict=True)),
        ]
        with m.If(takes):
            m.d.sync += [tile.eq(next_tile), position.eq(next_position), fresh.eq(follows)]
            with m.If(completes):
                m.d.sync += [half.eq(~half), full.bit_select(half, 1).eq(1)]
                for number, last in enumerate(tiles):
                    with m.If(half == number):
                        m.d.sync += last.eq(tile)
        return fresh, takes & ~follows, self._row(m, half, next_position, next_tile, "ahead")

    def _drain(self, m, full, tiles, drains):
        """Go through a half tile by tile.

        Returns
        -------
        wanted, address
            There is a row to be read, and which; ``drains``: it is.
        """
        positions = self._spec.transform.positions
        half, position = Signal(name="read_half"), Signal(range(positions), name="read_position")
        tile = Signal(range(self._spec.tiles), name="read_tile")
        last = position == positions - 1
        with m.If(drains):
            m.d.sync += position.eq(following(position, positions))
            with m.If(last):
                m.d.sync += tile.eq(tile + 1)
            with m.If(last & (tile == Mux(half, tiles[1], tiles[0]))):
                m.d.sync += [tile.eq(0), half.eq(~half), full.bit_select(half, 1).eq(0)]
        return of_half(full, half), self._row(m, half, position, tile, "drained_row")
