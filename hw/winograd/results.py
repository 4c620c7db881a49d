"""The results of a unit: those inside the image, requantized."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..memory.fifo import StreamFifo
from ..post import Requantize
from ..post.requantize import parameter_layout
from ..spec.winograd import WinogradConvSpec
from .counting import is_last
from .layouts import pass_layout, result_layout
from .sums import pixels_layout

__all__ = ["ResultPath"]

_IN_FLIGHT = 8  # vectors in the requantizer, and some


class ResultPath(wiring.Component):
    """Leaves out pixels that no image has, lets the others wait, and requantizes them.

    Parameters
    ----------
    spec : WinogradConvSpec

    Members
    -------
    passes : ``In(stream.Signature(pass_layout(spec)))``
        Taken with a pass's last pixel.
    i : ``In(stream.Signature(pixels_layout(spec)))``
    parameters : ``In(stream.Signature(parameter_layout(spec.requantize)))``
    o : ``Out(stream.Signature(result_layout(spec)))``

    Notes
    -----
    Latency: that of :class:`..post.Requantize` and 2 cycles. Throughput: a pixel per cycle, until
    ``result_fifo_depth`` wait for the requantizer.
    """

    def __init__(self, *, spec: WinogradConvSpec):
        self._spec = spec
        super().__init__({
            "passes": In(stream.Signature(pass_layout(spec))),
            "i": In(stream.Signature(pixels_layout(spec))),
            "parameters": In(stream.Signature(parameter_layout(spec.requantize))),
            "o": Out(stream.Signature(result_layout(spec))),
        })

    def elaborate(self, platform):
        m = Module()
        spec = self._spec
        x, y, first, last, kept = self._places(m)
        queued = Cat(self.i.payload.sums.as_value(), first, last, x, y)
        m.submodules.fifo = fifo = StreamFifo(name="result_fifo", width=len(queued),
                                              depth=spec.result_fifo_depth)
        known = self.passes.valid
        m.d.comb += [fifo.i.payload.eq(queued), fifo.i.valid.eq(self.i.valid & kept & known),
                     self.i.ready.eq((fifo.i.ready | ~kept) & known)]
        m.submodules.requantize = requantize = Requantize(spec=spec.requantize)
        m.submodules.places = places = StreamFifo(name="winograd_places", depth=_IN_FLIGHT,
                                                  width=len(x) + len(y))
        wiring.connect(m, wiring.flipped(self.parameters), requantize.parameters)
        waiting, result, output = requantize.i, requantize.o, self.o.payload
        place = Cat(output.x, output.y)
        together = len(queued) - len(place)
        m.d.comb += [
            waiting.payload.as_value().eq(fifo.o.payload[:together]),
            waiting.valid.eq(fifo.o.valid & places.i.ready),
            fifo.o.ready.eq(waiting.ready & places.i.ready),
            places.i.payload.eq(fifo.o.payload[together:]),
            places.i.valid.eq(fifo.o.valid & waiting.ready),
            place.eq(places.o.payload), output.values.eq(result.payload.values),
            output.first.eq(result.payload.first), output.last.eq(result.payload.last),
            self.o.valid.eq(result.valid & places.o.valid),
            result.ready.eq(self.o.ready & places.o.valid),
            places.o.ready.eq(self.o.ready & result.valid),
        ]
        return m

    def _places(self, m):
        """Column and row of the pixel; is it the first, the last of its output block, inside?"""
        spec, image, pixel = self._spec, self.passes.payload, self.i.payload
        tile_x, tile_y, block = (Signal.like(size, name=name) for name, size in (
            ("tile_x", image.tiles_x), ("tile_y", image.tiles_y),
            ("block", image.output_blocks)))
        width = len(self.o.payload.x)
        x, y = (Signal(width, name=name) for name in "xy")
        beyond, ends = (Signal(bits, name=name) for name, bits in (("beyond", 2), ("ends", 4)))
        moves = self.i.valid & self.i.ready
        one_row, one_column = image.out_height == 1, image.out_width == 1
        m.d.comb += [
            x.eq(Cat(pixel.column, tile_x)), y.eq(Cat(pixel.row, tile_y)),
            beyond.eq(Cat(Cat(pixel.column, tile_x) >= image.out_width,
                          Cat(pixel.row, tile_y) >= image.out_height)),
            ends.eq(Cat(is_last(tile_x, image.tiles_x), is_last(tile_y, image.tiles_y),
                        pixel.row.all() & pixel.column.all(),
                        is_last(block, image.output_blocks))),
            self.passes.ready.eq(moves & ends.all()),
        ]
        loops = [(tile_x, ends[0]), (tile_y, ends[1])]
        within = pixel.row.all() & pixel.column.all() if spec.tile == 4 else 1
        with m.If(moves & within):
            for number, (loop, end) in enumerate(loops):
                with m.If(ends[:number].all() if number else 1):
                    m.d.sync += loop.eq(loop + 1)
                    with m.If(end):
                        m.d.sync += loop.eq(0)
        with m.If(moves & ends[:3].all()):
            m.d.sync += block.eq(block + 1)
            with m.If(ends[3]):
                m.d.sync += block.eq(0)
        first = (~tile_x.any() & ~tile_y.any() & ~pixel.row.any() & ~pixel.column.any())
        if spec.tile == 4:
            last = (x + 1 == image.out_width) & (y + 1 == image.out_height)
        else:
            last = ((x + 2 >= image.out_width) & (y + 2 >= image.out_height)
                    & (pixel.row | one_row) & (pixel.column | one_column))
        return x, y, first, last, ~beyond.any()
