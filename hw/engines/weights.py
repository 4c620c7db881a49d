"""The weight engine: a weight stream from memory to array and requantizer."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..bus.signature import request_layout
from ..control.layout import command_layout
from ..decode.decompressor import Decompressor
from ..decode.dense import DenseDecoder
from ..decode.header import first_word_layout
from ..mac.ports import stationary_layout
from ..post.requantize import parameter_layout
from ..spec.accelerator import AcceleratorSpec
from ..spec.commands import Engine
from ..spec.faults import StreamFault
from ..spec.stream import GRANULE
from .match import block_layout

__all__ = ["WeightEngine"]


class WeightEngine(wiring.Component):
    """Executes ``WEIGHTS``.

    Parameters
    ----------
    spec : AcceleratorSpec

    Members
    -------
    command, start, released, done
        From and to its :class:`..control.queue.CommandQueue`.
    requests : ``Out(stream)``, words : ``In(stream)``
        To and from the read master, which fetches ahead.
    parameters, weights : ``Out(stream)``
        See :class:`..decode.dense.DenseDecoder`.
    kernels : ``Out(1)``
        With ``winograd``, whether ``weights`` are taps of kernels that are to be transformed.
    kind : ``Out(block_layout(spec))``
        Of the block whose ``commit`` is on offer in ``weights``.
    maps : ``Out(stream)``
        With codecs, the granules of block maps.
    idle : ``Out(1)``
        No compressed stream is at work, all that were have been found to be well formed.
    decoding : ``Out(1)``
        A compressed stream is at work, and words of it are there.
    stream_code : ``Out(4)``
        What is wrong with a compressed stream, 0 for nothing; until reset.

    Notes
    -----
    A command is complete when all its words are asked for and the decoder has begun with them; the
    next one asks for its words while the decoder is at work. With codecs there is a second decoder
    for compressed streams; one of both is at work at a time, and such a command is complete when
    it agrees with the stream's header.
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
            "weights": Out(stream.Signature(stationary_layout(spec.weights))),
            **({"kernels": Out(1)} if spec.winograd_conv else {}),
            "kind": Out(block_layout(spec)),
            **({"maps": Out(stream.Signature(GRANULE))} if spec.codecs else {}),
            "idle": Out(1), "decoding": Out(1), "stream_code": Out(4),
        })

    def elaborate(self, platform):
        m = Module()
        spec = self._spec
        m.submodules.decoder = decoder = DenseDecoder(spec=spec)
        command = data.View(self.command.shape(), self.command.as_value())
        asking, handing, running = Signal(), Signal(), Signal()
        begins, busy, judging = Signal(), Signal(), Signal()
        with m.If(self.start):
            m.d.sync += [asking.eq(1), handing.eq(1)]
        with m.Else():
            with m.If(self.requests.ready):
                m.d.sync += asking.eq(0)
            with m.If(~busy):
                m.d.sync += handing.eq(0)
        m.d.sync += running.eq(self.start | (running & ~self.done))
        plain = begins & ~command.compressed if spec.codecs else begins
        m.d.comb += [
            self.requests.valid.eq(asking),
            self.requests.payload.offset.eq(command.offset),
            self.requests.payload.words.eq(command.words),
            begins.eq(handing & ~busy),
            decoder.start.eq(plain),
            decoder.output_blocks.eq(command.output_blocks),
            decoder.blocks.eq(command.blocks),
            decoder.int4.eq(command.int4), decoder.reuse.eq(command.reuse),
            decoder.words.valid.eq(self.words.valid),
            decoder.words.payload.eq(self.words.payload.data),
            self.words.ready.eq(decoder.words.ready),
            busy.eq(decoder.busy),
            self.released.eq(~asking & ~handing & ~judging),
            self.done.eq(running & self.released),
        ]
        wiring.connect(m, decoder.parameters, wiring.flipped(self.parameters))
        wiring.connect(m, decoder.weights, wiring.flipped(self.weights))
        if spec.codecs:
            self._decompress(m, command, begins, decoder, busy, judging)
        else:
            m.d.comb += self.idle.eq(1)
        held = [("zero_point", command.zero_point, self.parameters.payload.zero_point),
                ("minimum", command.minimum, self.parameters.payload.minimum),
                ("maximum", command.maximum_value, self.parameters.payload.maximum)]
        if spec.winograd_conv:
            held.append(("kernels", command.winograd, self.kernels))
        for name, field, output in held:
            own = Signal.like(field, name=name, reset_less=True)
            with m.If(begins):
                m.d.sync += own.eq(field)
            m.d.comb += output.eq(own)
        self._tell_kind(m, command, begins)
        return m

    def _tell_kind(self, m, command, begins):
        """Which WEIGHTS a block is from, and whether the parameters are right before it."""
        spec, kind = self._spec, self.kind
        flags = {"reuse": command.reuse}
        if spec.codecs:
            flags["map"] = command.map & command.compressed
        own = Signal(len(flags), name="own_flags", reset_less=True)
        first = Signal(reset_less=True)
        with m.If(begins):
            m.d.sync += own.eq(Cat(*flags.values()))
        for committed, follows in ((self.parameters, 1), (self.weights, 0)):
            with m.If(committed.valid & committed.ready & committed.payload.commit):
                m.d.sync += first.eq(follows)
        m.d.comb += [kind.first.eq(first), Cat(kind[name] for name in flags).eq(own)]
        if spec.int4:
            m.d.comb += kind.int4.eq(self.weights.payload.int4)

    def _decompress(self, m, command, begins, decoder, busy, judging):
        """Give streams that are compressed to a decoder of their own, one after the other."""
        spec = self._spec.decompressor
        assert spec is not None
        m.submodules.decompressor = decompressor = Decompressor(spec=spec)
        wiring.connect(m, decompressor.maps, wiring.flipped(self.maps))
        working, feeding, differs = Signal(), Signal(), Signal()
        words, taken = decompressor.words, Signal()
        with m.If(begins & command.compressed):
            m.d.sync += [working.eq(1), feeding.eq(1), judging.eq(1)]
        with m.Elif(decompressor.done):
            m.d.sync += working.eq(0)
        with m.If(taken & self.words.payload.last):
            m.d.sync += feeding.eq(0)
        self._judge(m, command, taken, judging, differs)
        m.d.comb += [
            busy.eq(decoder.busy | working),
            words.payload.eq(self.words.payload), words.valid.eq(feeding & self.words.valid),
            taken.eq(words.valid & words.ready),
            decoder.words.valid.eq(self.words.valid & ~feeding),
            self.words.ready.eq(Mux(feeding, words.ready, decoder.words.ready)),
            self.idle.eq(~working),
            self.decoding.eq(working & ~decompressor.waits_for_words),
            self.stream_code.eq(decompressor.error),
        ]
        with m.If(working):
            for name in ("parameters", "weights"):
                own, theirs = getattr(self, name), getattr(decompressor, name)
                m.d.comb += [own.valid.eq(theirs.valid & ~differs),
                             theirs.ready.eq(own.ready & ~differs)]
                m.d.comb += [own.payload[field].eq(theirs.payload[field])
                             for field, _ in theirs.payload.shape()]
                # the header is well formed, but says something else than the command
                with m.If(theirs.valid & differs):
                    m.d.comb += self.stream_code.eq(StreamFault.SIZE)

    def _judge(self, m, command, taken, judging, differs):
        """Compare what the header says with the command, in its first three words of 32 bits."""
        width, word = self._spec.data_width, self.words.payload.data
        number = Signal(range(3))
        first = data.View(first_word_layout(), word[:32])
        counts = word.word_select(64 % width // 32, 32)
        with m.If(judging & taken):
            m.d.sync += number.eq(number + 1)
            with m.If((number == 0) & (
                    Cat(first.four_bit, first.map, first.parameters, first.reuse)
                    != Cat(command.int4, command.map, 1, command.reuse))):
                m.d.sync += differs.eq(1)
            with m.If(number == 64 // width):
                m.d.sync += [judging.eq(0), number.eq(0)]
                with m.If(counts != Cat(_padded(command.output_blocks), _padded(command.blocks))):
                    m.d.sync += differs.eq(1)
            with m.If(self.words.payload.last):
                m.d.sync += [judging.eq(0), number.eq(0)]


def _padded(value):
    """A number in 16 bits."""
    return Cat(value, Const(0, 16 - len(value)))
