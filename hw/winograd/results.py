"""The results of a unit: those inside the image, requantized."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..memory.fifo import StreamFifo
from ..post import Requantize
from ..post.requantize import parameter_layout
from ..spec.winograd import WinogradConvSpec
from .counting import is_last
from .crop import PixelCrop
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
        m.submodules.crop = crop = PixelCrop(spec=spec)
        self._crop(m, crop)
        pixel = crop.o.payload
        queued = Cat(pixel.sums.as_value(), pixel.first, pixel.last, pixel.x, pixel.y)
        m.submodules.fifo = fifo = StreamFifo(name="result_fifo", width=len(queued),
                                              depth=spec.result_fifo_depth)
        m.d.comb += [fifo.i.payload.eq(queued), fifo.i.valid.eq(crop.o.valid),
                     crop.o.ready.eq(fifo.i.ready)]
        m.submodules.requantize = requantize = Requantize(spec=spec.requantize)
        m.submodules.places = places = StreamFifo(name="winograd_places", depth=_IN_FLIGHT,
                                                  width=len(pixel.x) + len(pixel.y))
        wiring.connect(m, wiring.flipped(self.parameters), requantize.parameters)
        waiting, result, output = requantize.i, requantize.o, self.o.payload
        together = len(queued) - len(places.i.payload)
        m.d.comb += [
            waiting.payload.as_value().eq(fifo.o.payload[:together]),
            waiting.valid.eq(fifo.o.valid & places.i.ready),
            fifo.o.ready.eq(waiting.ready & places.i.ready),
            places.i.payload.eq(fifo.o.payload[together:]),
            places.i.valid.eq(fifo.o.valid & waiting.ready),
            Cat(output.x, output.y).eq(places.o.payload),
            output.values.eq(result.payload.values),
            output.first.eq(result.payload.first), output.last.eq(result.payload.last),
            self.o.valid.eq(result.valid & places.o.valid),
            result.ready.eq(self.o.ready & places.o.valid),
            places.o.ready.eq(self.o.ready & result.valid),
        ]
        return m

    def _crop(self, m, crop):
        """Tell the pixels' pass; it is taken with its last one.

        All pixels wait for room in the FIFO: whether one is kept is known late for the array,
        which waits with them.
        """
        image, block = self.passes.payload, Signal.like(self.passes.payload.output_blocks)
        known, last = self.passes.valid, is_last(block, image.output_blocks)
        m.d.comb += [
            crop.out_width.eq(image.out_width), crop.out_height.eq(image.out_height),
            crop.i.payload.eq(self.i.payload), crop.i.valid.eq(self.i.ready & self.i.valid),
            self.i.ready.eq(crop.o.ready & known), self.passes.ready.eq(crop.output_ends & last),
        ]
        with m.If(crop.output_ends):
            m.d.sync += block.eq(block + 1)
            with m.If(last):
                m.d.sync += block.eq(0)
