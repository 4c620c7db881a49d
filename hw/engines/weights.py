"""The weight engine: a weight stream from memory to array and requantizer."""

from amaranth.hdl import Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..bus.signature import request_layout
from ..control.layout import command_layout
from ..decode.dense import DenseDecoder
from ..mac.ports import stationary_layout
from ..post.requantize import parameter_layout
from ..spec.accelerator import AcceleratorSpec
from ..spec.commands import Engine

__all__ = ["WeightEngine"]


class WeightEngine(wiring.Component):
    """Executes ``WEIGHTS``.

    Parameters
    ----------
    spec : AcceleratorSpec

    Members
    -------
    command, start, released, done
        From and to its :class:`.control.queue.CommandQueue`.
    requests : ``Out(stream)``, words : ``In(stream)``
        To and from the read master, which fetches ahead.
    parameters, weights : ``Out(stream)``
        See :class:`.decode.dense.DenseDecoder`.
    decoding : ``Out(1)``
        A compressed stream is at work, and words of it are there.
    stream_code : ``Out(4)``
        What is wrong with a compressed stream, 0 for nothing; until reset.

    Notes
    -----
    A command is complete when all its words are asked for and the decoder has begun with them; the
    next one asks for its words while the decoder is at work.
    """

    def __init__(self, *, spec: AcceleratorSpec):
        self._spec = spec
        super().__init__({
            "command": In(command_layout(Engine.WEIGHTS, spec)),
            "start": In(1),
            "released": Out(1),
            "done": Out(1),
            "requests": Out(stream.Signature(request_layout())),
            "words": In(stream.Signature(data.StructLayout(
                {"data": spec.data_width, "last": 1}))),
            "parameters": Out(stream.Signature(parameter_layout(spec.requantize))),
            "weights": Out(stream.Signature(stationary_layout(spec.array))),
            "decoding": Out(1), "stream_code": Out(4),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.decoder = decoder = DenseDecoder(spec=self._spec)
        wiring.connect(m, decoder.parameters, wiring.flipped(self.parameters))
        wiring.connect(m, decoder.weights, wiring.flipped(self.weights))
        command = data.View(self.command.shape(), self.command.as_value())
        asking, handing, running = Signal(), Signal(), Signal()
        with m.If(self.start):
            m.d.sync += [asking.eq(1), handing.eq(1)]
        with m.Else():
            with m.If(self.requests.ready):
                m.d.sync += asking.eq(0)
            with m.If(~decoder.busy):
                m.d.sync += handing.eq(0)
        m.d.sync += running.eq(self.start | (running & ~self.done))
        m.d.comb += [
            self.requests.valid.eq(asking),
            self.requests.payload.offset.eq(command.offset),
            self.requests.payload.words.eq(command.words),
            decoder.start.eq(handing & ~decoder.busy),
            decoder.output_blocks.eq(command.output_blocks),
            decoder.blocks.eq(command.blocks),
            decoder.int4.eq(command.int4), decoder.reuse.eq(command.reuse),
            decoder.zero_point.eq(command.zero_point),
            decoder.minimum.eq(command.minimum), decoder.maximum.eq(command.maximum_value),
            decoder.words.valid.eq(self.words.valid),
            decoder.words.payload.eq(self.words.payload.data),
            self.words.ready.eq(decoder.words.ready),
            self.released.eq(~asking & ~handing),
            self.done.eq(running & self.released),
        ]
        return m
