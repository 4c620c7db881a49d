"""From pixels of tiles to what the array takes."""

from amaranth.hdl import Module, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..mac.ports import moving_layout
from ..memory.fifo import StreamFifo
from ..spec.winograd import WinogradConvSpec
from .positions import PositionBuffer, tile_layout
from .transforms import InputTransform

__all__ = ["TileFront", "tile_pixel_layout"]

_TILES = 8  # more than there are in the transform


def tile_pixel_layout(spec: WinogradConvSpec) -> data.StructLayout:
    """A pixel of a tile: its ``vector``; whether it ``begins`` the tile; and what that is."""
    return data.StructLayout({
        "vector": data.ArrayLayout(signed(spec.activation_width), spec.lanes),
        "begins": 1, "tile": tile_layout()})


class TileFront(wiring.Component):
    """Transforms tiles and gives them to the array by position.

    Parameters
    ----------
    spec : WinogradConvSpec

    Members
    -------
    i : ``In(stream.Signature(tile_pixel_layout(spec)))``
        Tiles, row by row; ``tile`` counts with ``begins``.
    o : ``Out(stream.Signature(moving_layout(spec.array)))``
        See :class:`.positions.PositionBuffer`.
    busy : ``Out(1)``
        Something of a tile is in here.
    error : ``Out(1)``
        A channel block had more than ``spec.tiles`` tiles; until reset.

    Notes
    -----
    Latency: that of :class:`.InputTransform` and 2 cycles from a channel block's last pixel to its
    first vector. Throughput: a pixel and a vector per cycle, of successive channel blocks.
    """

    def __init__(self, *, spec: WinogradConvSpec):
        self._spec = spec
        super().__init__({"i": In(stream.Signature(tile_pixel_layout(spec))),
                          "o": Out(stream.Signature(moving_layout(spec.array))),
                          "busy": Out(1), "error": Out(1)})

    def elaborate(self, platform):
        m = Module()
        spec = self._spec
        m.submodules.transform = transform = InputTransform(spec=spec.transform)
        m.submodules.positions = positions = PositionBuffer(spec=spec)
        m.submodules.tiles = tiles = StreamFifo(name="winograd_tiles", depth=_TILES,
                                                width=tile_layout().size)
        pixel = self.i.payload
        m.d.comb += [
            self.i.ready.eq(transform.i.ready & (tiles.i.ready | ~pixel.begins)),
            transform.i.payload.vector.eq(pixel.vector),
            transform.i.valid.eq(self.i.valid & (tiles.i.ready | ~pixel.begins)),
            tiles.i.payload.eq(pixel.tile),
            tiles.i.valid.eq(self.i.valid & pixel.begins & transform.i.ready),
            positions.tiles.payload.eq(tiles.o.payload),
            positions.tiles.valid.eq(tiles.o.valid), tiles.o.ready.eq(positions.tiles.ready),
            self.busy.eq((tiles.level != 0) | positions.busy), self.error.eq(positions.error),
        ]
        wiring.connect(m, transform.o, positions.i)
        wiring.connect(m, positions.o, wiring.flipped(self.o))
        return m
