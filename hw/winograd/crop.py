"""Which pixels of tiles the image has."""

from amaranth.hdl import Cat, Module, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..spec.winograd import WinogradConvSpec
from .sums import pixels_layout

__all__ = ["PixelCrop", "cropped_layout"]


def cropped_layout(spec: WinogradConvSpec) -> data.StructLayout:
    """Sums of a pixel; its column and row, ``x`` and ``y``; ``first`` and ``last`` of a block."""
    pixels = (spec.tiles * spec.tile - 1).bit_length()
    return data.StructLayout({
        "sums": data.ArrayLayout(signed(spec.output_width), spec.columns),
        "x": pixels, "y": pixels, "first": 1, "last": 1})


class PixelCrop(wiring.Component):
    """Leaves out the pixels of tiles that lie outside a pass's rectangle.

    Parameters
    ----------
    spec : WinogradConvSpec

    Members
    -------
    i : ``In(stream.Signature(pixels_layout(spec)))``
    o : ``Out(stream.Signature(cropped_layout(spec)))``
    out_width, out_height : ``In``
        Pixels of the pass that ``i`` belongs to.
    output_ends : ``Out(1)``
        An output block is complete in this cycle.

    Notes
    -----
    Latency: none. Throughput: a pixel per cycle.
    """

    def __init__(self, *, spec: WinogradConvSpec):
        self._spec = spec
        pixels = (spec.tiles * spec.tile).bit_length()
        super().__init__({
            "i": In(stream.Signature(pixels_layout(spec))),
            "o": Out(stream.Signature(cropped_layout(spec))),
            "out_width": In(pixels), "out_height": In(pixels), "output_ends": Out(1)})

    def elaborate(self, platform):
        m = Module()
        spec, pixel, output = self._spec, self.i.payload, self.o.payload
        bits = (spec.tile - 1).bit_length()
        tiles = [Signal(range(spec.tiles), name=name) for name in ("tile_x", "tile_y")]
        ends = Signal(2)
        kept, corner = (Signal(name=name) for name in ("kept", "corner"))
        places = []
        for number, (tile, within, size) in enumerate(zip(
                tiles, (pixel.column, pixel.row), (self.out_width, self.out_height),
                strict=True)):
            place = Cat(within, tile)
            places.append((place, within, size))
            m.d.comb += ends[number].eq(tile == (size - 1)[bits:bits + len(tile)])
        m.d.comb += [
            corner.eq(pixel.row.all() & pixel.column.all()),
            kept.eq(Cat(place < size for place, _, size in places).all()),
            self.o.valid.eq(self.i.valid & kept), self.i.ready.eq(self.o.ready | ~kept),
            output.sums.eq(pixel.sums), output.x.eq(places[0][0]), output.y.eq(places[1][0]),
            output.first.eq(~Cat(place for place, *_ in places).any()),
            output.last.eq(Cat(self._last(*place) for place in places).all()),
            self.output_ends.eq(self.i.valid & self.i.ready & ends.all() & corner),
        ]
        moves = self.i.valid & self.i.ready & (corner if spec.tile == 4 else 1)
        with m.If(moves):
            m.d.sync += tiles[0].eq(tiles[0] + 1)
            with m.If(ends[0]):
                m.d.sync += [tiles[0].eq(0), tiles[1].eq(tiles[1] + 1)]
            with m.If(ends.all()):
                m.d.sync += tiles[1].eq(0)
        return m

    def _last(self, place, within, size):
        """Whether a pixel is the last one in its direction: with ``tile`` 2, odd ones come last."""
        if self._spec.tile == 4:
            return place + 1 == size
        return (place + 2 >= size) & (within | (size == 1))
