"""All of the accelerator but what the host sees: engines, memories, masters."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .bus import ReadMaster, WriteMaster
from .bus.signature import read_signatures, window_layout, write_signatures
from .control.queue import CommandQueue
from .control.sequencer import ENGINES, Sequencer
from .control.supervisor import CAUSES, EVENTS
from .control.tokens import Tokens
from .engines.compute import ComputeEngine
from .engines.load import LoadEngine
from .engines.store import StoreEngine
from .engines.weights import WeightEngine
from .memory.activations import ActivationBuffer
from .spec.accelerator import AcceleratorSpec
from .spec.commands import COMMANDS_AHEAD, Engine

__all__ = ["Core"]

class Core(wiring.Component):
    """Engines, their queues and memories, and the masters of the bus.

    Parameters
    ----------
    spec : AcceleratorSpec

    Members
    -------
    ar, r, aw, w, b
        The channels of AXI4, see :mod:`.bus.signature`.
    windows, offset, begin, halt
        Windows; the program's offset, with the pulse ``begin``; nothing new may go to the bus.
    causes, stream_code, finished, idle, progress, {counter}_event
        For :class:`.control.supervisor.Supervisor`.
    """

    def __init__(self, *, spec: AcceleratorSpec):
        self._spec = spec
        super().__init__({
            **read_signatures(spec.bus), **write_signatures(spec.bus),
            "windows": In(data.ArrayLayout(window_layout(spec.bus), 2)),
            "offset": In(32), "begin": In(1), "halt": In(1),
            "causes": Out(len(CAUSES)), "stream_code": Out(4), "finished": Out(1), "idle": Out(1),
            "progress": Out(1),
            **{f"{name}_event": Out(width) for name, width in EVENTS.items()},
        })

    def elaborate(self, platform):
        m = Module()
        spec = self._spec
        ahead = max(COMMANDS_AHEAD * spec.bus.burst_words, 2)
        m.submodules.read_master = read = ReadMaster(
            spec=spec.bus, buffers=(0, ahead, spec.weight_fifo_words),
            fifo_latency=spec.memory_latency)
        m.submodules.write_master = write = WriteMaster(spec=spec.bus)
        for channel, master in (("ar", read), ("r", read), ("aw", write), ("w", write),
                                ("b", write)):
            wiring.connect(m, wiring.flipped(getattr(self, channel)), getattr(master, channel))
        m.submodules.sequencer = sequencer = Sequencer(spec=spec)
        load, weights = LoadEngine(spec=spec), WeightEngine(spec=spec)
        compute, store = ComputeEngine(spec=spec), StoreEngine(spec=spec)
        queues = self._place_engines(m, sequencer, {
            Engine.LOAD: load, Engine.WEIGHTS: weights, Engine.COMPUTE: compute,
            Engine.STORE: store})
        for client, number in ((load, 0), (sequencer, 1), (weights, 2)):
            wiring.connect(m, client.requests, getattr(read, f"requests_{number}"))
            wiring.connect(m, client.words, getattr(read, f"data_{number}"))
        wiring.connect(m, store.requests, write.requests)
        wiring.connect(m, store.words, write.data)
        wiring.connect(m, weights.weights, compute.weights)
        wiring.connect(m, weights.parameters, compute.parameters)
        if spec.winograd_conv:
            m.d.comb += compute.kernels.eq(weights.kernels)
        m.d.comb += compute.kind.eq(weights.kind)
        if spec.codecs:
            wiring.connect(m, weights.maps, compute.maps)
        self._place_buffer(m, load, compute, store)
        m.d.comb += [
            read.windows.eq(self.windows), write.window.eq(self.windows[1]),
            read.halt.eq(self.halt), write.halt.eq(self.halt),
            self.idle.eq(read.idle & write.idle),
            sequencer.start.eq(self.begin), sequencer.offset.eq(self.offset),
            sequencer.quiet.eq(Cat(queue.empty for queue in queues).all() & weights.idle),
            store.outstanding.eq(write.outstanding), store.answered.eq(write.answered),
            self.finished.eq(sequencer.finished),
            self.causes.eq(Cat(read.response_error, write.response_error,
                               read.window_error | write.window_error, sequencer.illegal,
                               compute.error, weights.stream_code.any(), compute.mismatch)),
            self.stream_code.eq(weights.stream_code),
        ]
        self._report(m, read, write, sequencer, load, weights, compute, queues)
        return m

    def _place_engines(self, m, sequencer, engines):
        """Engines with their queues and tokens; the queues, in the order of ``ENGINES``."""
        m.submodules.tokens = tokens = Tokens(engines=len(ENGINES))
        queues = []
        for number, kind in enumerate(ENGINES):
            queue = CommandQueue(engine=kind, spec=self._spec)
            m.submodules[f"{kind.value}_queue"] = queue
            m.submodules[kind.value] = engine = engines[kind]
            m.d.comb += [
                queue.write.eq(sequencer.queue_write[number]),
                queue.write_index.eq(sequencer.queue_index),
                queue.write_data.eq(sequencer.queue_data),
                queue.write_last.eq(sequencer.queue_last),
                sequencer.queue_full[number].eq(queue.full),
                getattr(tokens, f"take_{number}").eq(queue.take),
                getattr(tokens, f"give_{number}").eq(queue.give),
                queue.tokens_done.eq(getattr(tokens, f"done_{number}")),
                engine.command.eq(queue.command), engine.start.eq(queue.start),
                queue.released.eq(engine.released), queue.done.eq(engine.done),
            ]
            queues.append(queue)
        return queues

    def _place_buffer(self, m, load, compute, store):
        spec = self._spec
        m.submodules.buffer = buffer = ActivationBuffer(
            rows=spec.buffer_rows, parts=spec.buffer_parts,
            part_width=8 * spec.lanes // spec.buffer_parts, operand=spec.residual_add,
            read_latency=spec.memory_latency)
        if spec.residual_add:
            for name in ("valid", "bank", "row"):
                m.d.comb += getattr(buffer, f"operand_{name}").eq(
                    getattr(compute, f"operand_{name}"))
            m.d.comb += compute.operand_data.eq(buffer.operand_data)
        for name in ("valid", "bank", "row", "data"):
            m.d.comb += [getattr(buffer, f"load_{name}").eq(getattr(load, name)),
                         getattr(buffer, f"result_{name}").eq(getattr(compute, f"result_{name}"))]
        for name in ("enable", "row"):
            m.d.comb += getattr(buffer, f"step_{name}").eq(getattr(compute, f"step_{name}"))
        m.d.comb += [
            buffer.load_enable.eq(load.enable), load.ready.eq(buffer.load_ready),
            compute.step_data.eq(buffer.step_data), compute.step_ready.eq(buffer.step_ready),
            compute.others.eq(buffer.others), buffer.fetch_urgent.eq(store.urgent),
            buffer.fetch_valid.eq(store.valid), store.ready.eq(buffer.fetch_ready),
            buffer.fetch_bank.eq(store.bank), buffer.fetch_row.eq(store.row),
            store.data.eq(buffer.fetch_data),
        ]

    def _report(self, m, read, write, sequencer, load, weights, compute, queues):
        """What happens, for counters and watchdog."""
        waiting = queues[ENGINES.index(Engine.COMPUTE)]
        retired = Signal(range(len(queues) + 1))
        m.d.comb += [
            retired.eq(sum((queue.retire for queue in queues[1:]), queues[0].retire)),
            self.layers_event.eq(retired),
            self.vectors_event.eq(compute.vector),
            self.stall_weights_event.eq(compute.waits_for_weights & ~weights.decoding),
            self.stall_decoding_event.eq(compute.waits_for_weights & weights.decoding),
            self.stall_results_event.eq(compute.waits_for_results),
            self.stall_tokens_event.eq(waiting.held
                                       | (waiting.take.any() & ~waiting.tokens_done)),
            self.stall_buffer_event.eq(compute.waits_for_buffer),
            self.words_read_event.eq(read.beat), self.words_written_event.eq(write.beat),
            self.commands_event.eq(sequencer.command),
            self.progress.eq(read.beat | write.beat | compute.vector | sequencer.command
                             | (load.valid & load.ready)),
        ]
