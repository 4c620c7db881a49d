"""The load engine: vectors from memory into the activation buffer."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..bus.signature import request_layout
from ..control.layout import command_layout
from ..spec.accelerator import AcceleratorSpec
from ..spec.commands import Engine
from .transfer import BufferLoop, MemoryLoop

__all__ = ["LoadEngine"]


class LoadEngine(wiring.Component):
    """Executes ``LOAD``.

    Parameters
    ----------
    spec : AcceleratorSpec

    Members
    -------
    command, start, released, done
        From and to its :class:`.control.queue.CommandQueue`.
    requests : ``Out(stream)``, words : ``In(stream)``
        To and from the read master.
    valid, ready, enable, bank, row, data
        The port of the activation buffer.

    Notes
    -----
    A word goes to the buffer in the cycle in which it arrives. Cycles: the memory's latency, one
    cycle per word, and 2 around it; runs are requested ahead of their words, also those of the next
    command, for which a command is released when all its runs have been asked for.
    """

    def __init__(self, *, spec: AcceleratorSpec):
        self._spec = spec
        super().__init__({
            "command": In(command_layout(Engine.LOAD, spec)),
            "start": In(1),
            "released": Out(1),
            "done": Out(1),
            "requests": Out(stream.Signature(request_layout())),
            "words": In(stream.Signature(data.StructLayout(
                {"data": spec.data_width, "last": 1}))),
            "valid": Out(1),
            "ready": In(1),
            "enable": Out(spec.buffer_parts),
            "bank": Out(1),
            "row": Out((spec.buffer_rows - 1).bit_length()),
            "data": Out(8 * spec.lanes),
        })

    def elaborate(self, platform):
        m = Module()
        spec = self._spec
        m.submodules.memory_loop = memory = MemoryLoop(spec=spec, engine=Engine.LOAD)
        m.submodules.buffer_loop = buffer = BufferLoop(spec=spec, engine=Engine.LOAD, keeps=True)
        wiring.connect(m, memory.requests, wiring.flipped(self.requests))
        words = spec.lanes // spec.bus.word_bytes
        word = Signal(range(max(2, words)))
        transfer = Signal()
        following = Signal()  # the vectors of the command in execution still are to be begun with
        m.d.comb += [
            memory.command.eq(self.command), buffer.command.eq(self.command),
            memory.start.eq(self.start),
            buffer.start.eq(following & (~buffer.busy | buffer.ends)),
            self.valid.eq(self.words.valid & buffer.busy),
            self.words.ready.eq(self.ready & buffer.busy),
            transfer.eq(self.valid & self.ready),
            buffer.advance.eq(transfer & (word == words - 1)),
            self.enable.eq(Cat(word == part for part in range(words))),
            self.bank.eq(buffer.bank), self.row.eq(buffer.row),
            self.data.eq(self.words.payload.data.replicate(words)),
        ]
        m.d.sync += following.eq(self.start | (following & ~buffer.start))
        m.d.comb += [self.released.eq(~memory.busy & ~following), self.done.eq(buffer.ends)]
        if words > 1:
            with m.If(transfer):
                m.d.sync += word.eq(word + 1)
        return m
