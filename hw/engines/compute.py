"""The compute engine: from activation buffer through array and post-processing and back."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..control.layout import command_layout
from ..mac import Accumulators, MacArray
from ..mac.announced import AnnouncedAccumulators
from ..mac.ports import stationary_layout
from ..memory.fifo import StreamFifo
from ..post import Requantize
from ..post.requantize import parameter_layout
from ..spec.accelerator import AcceleratorSpec
from ..spec.commands import Engine
from ..spec.stream import GRANULE
from .match import BlockMatch, block_layout
from .reader import EarlyReader, PromptReader
from .steps import StepLoop
from .tiled_array import TiledArray
from .writer import ResultWriter

__all__ = ["ComputeEngine"]


class ComputeEngine(wiring.Component):
    """Executes ``COMPUTE``.

    ::

        StepLoop ─ row ─► buffer ─ vector ─► MacArray ─► Accumulators ─► fifo ─► Requantize ─┐
                            ▲                  ▲ weights                         ▲ parameters  │
                            └──────────────────┼─── ResultLoop ◄────────────────────────────────┘

    Parameters
    ----------
    spec : AcceleratorSpec

    Members
    -------
    command, start, released, done
        From and to its :class:`..control.queue.CommandQueue`.
    weights, parameters : ``In(stream)``
        A weight block for each step of the loops over channel blocks and kernel positions (with
        ``reuse``: one for the command), a parameter set for each output block, in order.
    kernels : ``In(1)``
        With ``winograd``: what is offered on ``weights`` are taps of a kernel that is to be
        transformed.
    kind : ``In(block_layout(spec))``
        Of the block whose ``commit`` is on offer in ``weights``.
    maps : ``In(stream)``
        With codecs: the granules of block maps, see :class:`.steps.StepLoop`.
    step_enable, step_row : ``Out``, step_ready, step_data, others : ``In``
    result_valid, result_bank, result_row, result_data : ``Out``
        The ports of :class:`..memory.ActivationBuffer`.
    operand_valid, operand_bank, operand_row : ``Out``, operand_data : ``In``
        The same, with ``residual_add``.
    error, mismatch : ``Out(1)``
        A tile had more pixels than there are accumulators; weight blocks weren't such as the
        command says. Until reset.
    vector, waits_for_weights, waits_for_results, waits_for_buffer : ``Out(1)``
        In this cycle the array takes a vector; has one and no weights; has one and can't put out;
        has none because its bank is read by somebody else.

    Notes
    -----
    Throughput: a vector per cycle. Sums wait for the requantizer in the memory ``result_fifo``,
    which takes one of them every ``columns / post_lanes`` cycles; when it is full, the array waits
    in the last weight block of an output block. The memory ``parameter_fifo`` holds a parameter set
    beside the two of the requantizer, so that the decoder goes on to the next weight blocks. A
    command is released when its last vector has passed the array, one with ``winograd`` when it has
    been read; the array goes on with the next one while results are on their way. Latency, from
    ``start`` to the first vector: 2 cycles, 3 with ``memory_latency`` 2; from the last vector to
    ``done`` with nothing in the queue: some 12 cycles.
    """

    def __init__(self, *, spec: AcceleratorSpec):
        self._spec = spec
        row = (spec.buffer_rows - 1).bit_length()
        vector = 8 * spec.lanes
        super().__init__({
            "command": In(command_layout(Engine.COMPUTE, spec)),
            "start": In(1), "released": Out(1), "done": Out(1),
            "weights": In(stream.Signature(stationary_layout(spec.weights))),
            **({"kernels": In(1)} if spec.winograd_conv else {}),
            "parameters": In(stream.Signature(parameter_layout(spec.requantize))),
            "kind": In(block_layout(spec)),
            **({"maps": In(stream.Signature(GRANULE))} if spec.codecs else {}),
            "step_enable": Out(2), "step_row": Out(row), "step_ready": In(1),
            "step_data": In(2 * vector), "others": In(2),
            "result_valid": Out(1), "result_bank": Out(1), "result_row": Out(row),
            "result_data": Out(vector),
            **({"operand_valid": Out(1), "operand_bank": Out(1), "operand_row": Out(row),
                "operand_data": In(vector)} if spec.residual_add else {}),
            "error": Out(1), "mismatch": Out(1),
            "vector": Out(1), "waits_for_weights": Out(1), "waits_for_results": Out(1),
            "waits_for_buffer": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        spec = self._spec
        array = TiledArray(spec=spec) if spec.winograd_conv else MacArray(spec=spec.array)
        m.submodules.array = array
        kind = Accumulators if spec.memory_latency == 1 else AnnouncedAccumulators
        m.submodules.accumulators = accumulators = kind(spec=spec.accumulators)
        m.submodules.requantize = requantize = Requantize(
            spec=spec.requantize, additions=spec.residual_add, memory_latency=spec.memory_latency)
        wiring.connect(m, wiring.flipped(self.weights), array.weights)
        self._queue_parameters(m, requantize)
        command = data.View(self.command.shape(), self.command.as_value())
        writing = Signal()
        taken = Signal() if spec.memory_latency == 2 else None  # a result, by the requantizer
        self._read(m, command, array, accumulators, writing, taken)
        self._accumulate(m, command, array, accumulators)
        results, waiting = accumulators.o, requantize.i
        queued, add = Signal(waiting.payload.shape()), Signal()
        m.submodules.fifo = fifo = StreamFifo(name="result_fifo", depth=spec.result_fifo_depth,
                                              width=len(queued.as_value()) + spec.residual_add,
                                              read_latency=spec.memory_latency)
        m.d.comb += [
            *(queued[name].eq(results.payload[name]) for name in ("sums", "first", "last")),
            add.eq(command.add), fifo.i.payload.eq(Cat(queued, add)),
            fifo.i.valid.eq(results.valid), results.ready.eq(fifo.i.ready),
            waiting.payload.eq(fifo.o.payload), waiting.valid.eq(fifo.o.valid),
            fifo.o.ready.eq(waiting.ready),
            self.error.eq(accumulators.error),
        ]
        if spec.winograd_conv:
            self._put_out_tiled(m, array, queued, add, fifo)
        if taken is not None:
            m.d.comb += taken.eq(fifo.o.valid & fifo.o.ready)
        self._write(m, requantize, writing)
        if spec.residual_add:
            m.d.comb += requantize.add.eq(fifo.o.payload[-1])
        return m

    def _queue_parameters(self, m, requantize):
        """Keep a parameter set while the requantizer, which has two, takes no other."""
        spec = self._spec
        m.submodules.parameter_fifo = fifo = StreamFifo(
            name="parameter_fifo", depth=max(2, spec.columns),
            width=len(self.parameters.payload.as_value()), read_latency=spec.memory_latency)
        for source, target in ((self.parameters, fifo.i), (fifo.o, requantize.parameters)):
            m.d.comb += [target.payload.eq(source.payload), target.valid.eq(source.valid),
                         source.ready.eq(target.ready)]

    def _read(self, m, command, array, accumulators, writing, taken):
        """Read the vector of each step and give it to the array."""
        spec = self._spec
        m.submodules.step_loop = loop = StepLoop(spec=spec)
        m.d.comb += [loop.command.eq(self.command),
                     loop.start.eq(self.start & ~command.winograd
                                   if spec.winograd_conv else self.start)]
        if spec.memory_latency == 1:
            here, present, valid, waits = self._read_in_time(m, command, loop, array)
        else:
            here, present, valid, waits = self._read_early(m, command, loop, array, accumulators,
                                                           taken)
        if spec.codecs:
            wiring.connect(m, wiring.flipped(self.maps), loop.maps)
        working = loop.busy | valid
        if spec.winograd_conv:
            working |= array.reading
        if spec.residual_add:
            working |= command.drain & writing
        self._release(m, working, command.window & here.silent, array)
        self._compare(m, command, loop, here, present, array)
        vector = 8 * spec.lanes
        even, odd = self.step_data[:vector], self.step_data[vector:]
        padding = Cat(command.pad_value).replicate(spec.lanes)
        first = Mux(here.outside, padding, Mux(here.bank, odd, even))
        second = Mux(here.outside | here.alone, padding, odd)
        activations = array.activations.payload
        m.d.comb += [
            array.activations.valid.eq(present),
            activations.vector.as_value().eq(Cat(first, second) if spec.int4 else first),
            activations.first.eq(here.swap), activations.last.eq(here.last),
            activations.mode.start.eq(here.start), activations.mode.finish.eq(here.finish),
            self.vector.eq(present & array.activations.ready),
            *(getattr(self, f"waits_for_{name}").eq(value) for name, value in waits.items()),
        ]
        if spec.winograd_conv:
            self._read_tiles(m, command, array)
        if spec.window:
            m.d.comb += [activations.slide.eq(command.window), activations.silent.eq(here.silent)]

    def _read_tiles(self, m, command, array):
        """Commands with ``winograd`` are read by what is around the array."""
        m.d.comb += [
            array.command.eq(self.command), array.start.eq(self.start & command.winograd),
            array.kernels.eq(self.kernels), array.step_ready.eq(self.step_ready),
            array.step_data.eq(self.step_data), array.others.eq(self.others),
        ]
        with m.If(array.reading):
            m.d.comb += [self.step_enable.eq(array.step_enable),
                         self.step_row.eq(array.step_row)]
        for name in ("vector", "waits_for_weights", "waits_for_results", "waits_for_buffer"):
            with m.If(getattr(array, name)):
                m.d.comb += getattr(self, name).eq(1)

    def _put_out_tiled(self, m, array, queued, add, fifo):
        """Results of commands with ``winograd``, which come when the accumulators give none."""
        results = array.results
        m.d.comb += results.ready.eq(fifo.i.ready)
        with m.If(results.valid):
            m.d.comb += [*(queued[name].eq(results.payload[name])
                           for name in ("sums", "first", "last")),
                         add.eq(results.payload.add), fifo.i.valid.eq(1)]
        with m.If(array.error):
            m.d.comb += self.error.eq(1)

    def _read_in_time(self, m, command, loop, array):
        """Read a vector when the array takes the one before.

        Returns
        -------
        here, present, busy
            A step; its vector is there; or lost.
        waits : dict
            What the array waits for.
        """
        reader = PromptReader(spec=self._spec)
        self._connect_reader(m, command, loop, array, reader)
        return reader.o.payload, reader.o.valid, reader.busy, {
            "buffer": reader.waits_for_buffer,
            "results": reader.busy & array.sums.valid & ~array.sums.ready,
            "weights": (reader.busy & ~array.activations.ready & ~self.waits_for_results)
                       | (loop.waits & ~reader.busy)}

    def _read_early(self, m, command, loop, array, accumulators, taken):
        """The same for memories of two cycles; room for a result is used when a step is begun with.

        Accumulators are told of a vector two cycles before its sums.
        """
        spec = self._spec
        reader = EarlyReader(spec=spec)
        self._connect_reader(m, command, loop, array, reader)
        reserved = Signal(range(spec.result_fifo_depth + 1))
        here, weights = reader.o.payload, array.weights
        announced = Cat(array.activations.valid & array.activations.ready
                        & ~(command.window & here.silent), here.last)
        for stage in range(spec.pipeline_stages - 2):
            later = Signal(2, name=f"announced_{stage}")
            m.d.sync += later.eq(announced)
            announced = later
        m.d.comb += [
            reader.room.eq(reserved != spec.result_fifo_depth),
            reader.commit.eq(weights.valid & weights.ready & weights.payload.commit),
            Cat(accumulators.announce, accumulators.last).eq(announced),
        ]
        m.d.sync += reserved.eq(reserved + reader.reserve - taken)
        return here, reader.o.valid, reader.busy, {
            "buffer": reader.waits_for_buffer, "results": reader.waits_for_results,
            "weights": (reader.there & ~array.activations.ready) | (loop.waits & ~reader.busy)}

    def _connect_reader(self, m, command, loop, array, reader):
        """Put a reader between steps, buffer and array."""
        m.submodules.reader = reader
        wiring.connect(m, loop.o, reader.steps)
        m.d.comb += [
            reader.int4.eq(command.int4), reader.step_ready.eq(self.step_ready),
            reader.others.eq(self.others), reader.o.ready.eq(array.activations.ready),
            self.step_enable.eq(reader.step_enable), self.step_row.eq(reader.step_row),
        ]

    def _release(self, m, working, silent, array):
        """Release the command when its last vector has left the array, or, tiled, been read."""
        flying = Signal(range(self._spec.pipeline_stages + 2))
        taken = array.activations.valid & array.activations.ready & ~silent
        m.d.sync += flying.eq(flying + taken - (array.sums.valid & array.sums.ready))
        m.d.comb += self.released.eq(~working & (flying == 0))

    def _compare(self, m, command, loop, here, present, array):
        """Hold the weight blocks against the command that they serve."""
        spec, weights = self._spec, self.weights
        m.submodules.match = match = BlockMatch(spec=spec)
        wanted = {"first": here.start, "reuse": command.reuse}
        if spec.int4:
            wanted["int4"] = command.int4
        misses = Const(0, 1)
        if spec.codecs:
            wanted["map"] = command.map
            misses = Signal()
            with m.If(loop.misses):
                m.d.sync += misses.eq(1)
            m.d.comb += [match.waits.eq(loop.waits), match.told.eq(loop.told)]
        plain, mismatch = Const(1, 1), match.error | misses
        if spec.winograd_conv:
            plain, mismatch = ~self.kernels, mismatch | array.mismatch
        m.d.comb += [
            match.commit.eq(weights.valid & weights.ready & weights.payload.commit & plain),
            match.kind.eq(self.kind), match.asks.eq(present & here.swap),
            match.taken.eq(match.asks & array.activations.ready),
            *(match.wanted[name].eq(value) for name, value in wanted.items()),
            self.mismatch.eq(mismatch),
        ]

    def _accumulate(self, m, command, array, accumulators):
        """Hand sums on; those of the kernel's first row are every other block of an addition."""
        later = Signal()
        sums, arriving = array.sums.payload, accumulators.i.payload
        m.d.comb += [
            accumulators.i.valid.eq(array.sums.valid),
            array.sums.ready.eq(accumulators.i.ready),
            arriving.sums.as_value().eq(sums.sums.as_value()),
            arriving.first.eq(sums.first), arriving.last.eq(sums.last),
            arriving.mode.start.eq(sums.mode.start), arriving.mode.finish.eq(sums.mode.finish),
            arriving.mode.maximum.eq(command.maximum),
            arriving.mode.shifted.eq(command.shifted & ~later),
        ]
        with m.If(self.start):
            m.d.sync += later.eq(0)
        with m.Elif(array.sums.valid & array.sums.ready & sums.last):
            m.d.sync += later.eq(~later)

    def _write(self, m, requantize, writing):
        """Hand results on to the buffer."""
        m.submodules.writer = writer = ResultWriter(spec=self._spec)
        wiring.connect(m, requantize.o, writer.i)
        given = ["result_valid", "result_bank", "result_row", "result_data", "done"]
        m.d.comb += [writer.command.eq(self.command), writer.start.eq(self.start),
                     writing.eq(writer.writing)]
        if self._spec.residual_add:
            given += ["operand_bank", "operand_row"]
            m.d.comb += [requantize.addition.eq(writer.addition),
                         requantize.operand.eq(self.operand_data),
                         self.operand_valid.eq(requantize.fetch),
                         writer.behind.eq(requantize.behind)]
        m.d.comb += [getattr(self, name).eq(getattr(writer, name)) for name in given]
