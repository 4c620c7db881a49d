"""The store engine: vectors from the activation buffer into memory."""

import functools
import operator

from amaranth.hdl import Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..bus.signature import request_layout
from ..control.layout import command_layout
from ..decode.regroup import Regroup
from ..memory.fifo import StreamFifo
from ..spec.accelerator import AcceleratorSpec
from ..spec.commands import Engine
from .transfer import BufferLoop, MemoryLoop

__all__ = ["StoreEngine"]

_DEPTH = 16


class StoreEngine(wiring.Component):
    """Executes ``STORE``.

    Parameters
    ----------
    spec : AcceleratorSpec

    Members
    -------
    command, start, released, done
        From and to its :class:`..control.queue.CommandQueue`.
    requests, words : ``Out(stream)``
        To the write master; ``outstanding`` : ``In``, its bursts that aren't answered, of which one
        is ``answered`` : ``In(1)`` in this cycle.
    valid, ready, urgent, bank, row : to the activation buffer; data : ``In``
        ``memory_latency`` cycles after ``valid`` and ``ready``; ``urgent`` when a vector has waited
        long enough.

    Notes
    -----
    Vectors wait in the memory ``store_fifo`` of 16 of them. Cycles: about 4 and twice the read
    latency of memories, ``memory_latency``, one per word, and the latency of the memory's answer to
    the last burst, while which the next command begins.
    """

    def __init__(self, *, spec: AcceleratorSpec):
        self._spec = spec
        super().__init__({
            "command": In(command_layout(Engine.STORE, spec)),
            "start": In(1),
            "released": Out(1),
            "done": Out(1),
            "requests": Out(stream.Signature(request_layout())),
            "words": Out(stream.Signature(data.StructLayout({"data": spec.data_width}))),
            "outstanding": In(range(spec.outstanding + 1)),
            "answered": In(1),
            "valid": Out(1),
            "ready": In(1),
            "urgent": Out(1),
            "bank": Out(1),
            "row": Out((spec.buffer_rows - 1).bit_length()),
            "data": In(8 * spec.lanes),
        })

    def elaborate(self, platform):
        m = Module()
        spec = self._spec
        m.submodules.memory_loop = memory = MemoryLoop(spec=spec, engine=Engine.STORE)
        m.submodules.buffer_loop = buffer = BufferLoop(spec=spec, engine=Engine.STORE)
        m.submodules.fifo = fifo = StreamFifo(name="store_fifo", width=8 * spec.lanes,
                                              depth=_DEPTH, read_latency=spec.memory_latency)
        wiring.connect(m, memory.requests, wiring.flipped(self.requests))
        fetched = Signal()  # a vector is there
        coming = [buffer.advance]  # and before
        for _ in range(spec.memory_latency - 1):
            coming.append(Signal(name="coming"))
            m.d.sync += coming[-1].eq(coming[-2])
        m.d.comb += [
            memory.command.eq(self.command), buffer.command.eq(self.command),
            memory.start.eq(self.start), buffer.start.eq(self.start),
            self.valid.eq(buffer.busy & (fifo.level < _DEPTH - spec.memory_latency)),
            buffer.advance.eq(self.valid & self.ready),
            self.bank.eq(buffer.bank), self.row.eq(buffer.row),
            fifo.i.valid.eq(fetched),
            fifo.i.payload.eq(self.data),
        ]
        m.d.sync += fetched.eq(coming[-1])
        self._wait(m)

        m.submodules.words = words = Regroup(input_width=8 * spec.lanes,
                                             output_width=spec.data_width)
        wiring.connect(m, fifo.o, words.i)
        m.d.comb += [
            self.words.valid.eq(words.o.valid), words.o.ready.eq(self.words.ready),
            self.words.payload.data.eq(words.o.payload),
        ]

        self._complete(m, functools.reduce(
            operator.or_, coming[1:], memory.busy | buffer.busy | fetched))
        return m

    def _wait(self, m):
        """Count the cycles that a vector waits for the array."""
        command = data.View(self.command.shape(), self.command.as_value())
        waited = Signal.like(command.patience)
        m.d.comb += self.urgent.eq(waited == command.patience)
        with m.If(~self.valid | self.ready):
            m.d.sync += waited.eq(0)
        with m.Elif(~self.urgent):
            m.d.sync += waited.eq(waited + 1)

    def _complete(self, m, working):
        """Release a command when all its bursts are on the way, and count their answers."""
        running, waiting, ends = Signal(), Signal(), Signal()
        missing = Signal.like(self.outstanding)
        m.d.comb += [
            self.released.eq(~running),
            self.done.eq(waiting & (missing == 0)),
            ends.eq(running & ~working & (~waiting | self.done)),
        ]
        m.d.sync += [running.eq(self.start | (running & ~ends)),
                     waiting.eq(ends | (waiting & ~self.done))]
        with m.If(ends):
            m.d.sync += missing.eq(self.outstanding - self.answered)
        with m.Elif(self.answered & (missing != 0)):
            m.d.sync += missing.eq(missing - 1)
