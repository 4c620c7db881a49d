"""The load engine: vectors from memory into the activation buffer."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..bus.signature import request_layout
from ..control.layout import command_layout
from ..spec.accelerator import AcceleratorSpec
from ..spec.commands import Engine
from .transfer import BufferLoop, MemoryLoop
from .unfold import Unfold

__all__ = ["LoadEngine"]


class LoadEngine(wiring.Component):
    """Executes ``LOAD``.

    Parameters
    ----------
    spec : AcceleratorSpec

    Members
    -------
    command, start, released, done
        From and to its :class:`..control.queue.CommandQueue`.
    requests : ``Out(stream)``, words : ``In(stream)``
        To and from the read master.
    valid, ready, enable, bank, row, data
        The port of the activation buffer.

    Notes
    -----
    A word goes to the buffer in the cycle in which it arrives. Cycles: the memory's latency, one
    cycle per word, and 2 around it; runs are requested ahead of their words, also those of the next
    command, for which a command is released when all its runs have been asked for.

    A command that unfolds takes a cycle for each vector that it writes, beginning 2 cycles after
    the last word of its first row; rows are read ahead as far as they fit the line memory. Between
    it and the next command there is a cycle without a vector.
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
            self.released.eq(~memory.busy & ~following),
            # A word is copied to the buffer.
            transfer.eq(self.valid & self.ready),
            memory.start.eq(self.start),
            buffer.start.eq(following & (~buffer.busy | buffer.ends)),
            buffer.advance.eq(transfer & (word == words - 1)),
            self.valid.eq(self.words.valid & buffer.busy),
            self.words.ready.eq(self.ready & buffer.busy),
            self.enable.eq(Cat((word == part).replicate(len(self.enable) // words)
                               for part in range(words))),
            self.bank.eq(buffer.bank), self.row.eq(buffer.row),
            self.data.eq(self.words.payload.data.replicate(words)),
            self.done.eq(buffer.ends),
        ]
        m.d.sync += following.eq(self.start | (following & ~buffer.start))
        copying = transfer
        if spec.line_bytes:
            copying = transfer & ~self._place_unfold(m, memory, buffer, following)
        if words > 1:
            with m.If(copying):
                m.d.sync += word.eq(word + 1)
        return m

    def _place_unfold(self, m, memory, buffer, following):
        """What is different with commands that unfold.

        Returns
        -------
        unfolding : Signal
            Vectors of such a command are written.
        """
        m.submodules.unfold = unfold = Unfold(spec=self._spec)
        command = data.View(self.command.shape(), self.command.as_value())
        unfolding, comes = Signal(), Signal()
        requests = Signal(range(self._spec.outstanding + 2))  # for rows that aren't there yet
        late = self._spec.memory_latency == 2
        if late:
            bank, row, ends = unfold.bank, unfold.row, unfold.ends
        else:
            bank, ends = Signal(reset_less=True), Signal(reset_less=True)
            row = Signal.like(self.row, reset_less=True)
        clear = unfold.clear if late else ~unfold.valid | self.ready
        m.d.comb += [
            memory.start.eq(self.start & ~(command.unfold & (command.row_bytes == 0))),
            buffer.start.eq(following & clear & (~buffer.busy | (buffer.ends & ~unfolding))),
            # Rows can come before the command that asked for them is begun with.
            comes.eq(((requests != 0) | (memory.busy & command.unfold))
                     & ~(buffer.busy & ~unfolding)),
            unfold.command.eq(self.command), unfold.start.eq(buffer.start),
            unfold.words.payload.eq(self.words.payload),
            unfold.words.valid.eq(self.words.valid & comes),
            self.words.ready.eq(Mux(comes, unfold.words.ready,
                                    self.ready & buffer.busy & ~unfolding)),
            unfold.busy.eq(buffer.busy & unfolding), unfold.last.eq(buffer.last),
            unfold.ready.eq(self.ready),
        ]
        m.d.sync += requests.eq(
            requests + (self.requests.valid & self.requests.ready & command.unfold)
            - (unfold.words.valid & unfold.words.ready & unfold.words.payload.last))
        with m.If(buffer.start):
            m.d.sync += unfolding.eq(command.unfold)
        if late:
            m.d.comb += [unfold.place.bank.eq(buffer.bank ^ unfold.second),
                         unfold.place.row.eq(buffer.row), unfold.place.ends.eq(buffer.ends)]
        else:
            with m.If(unfold.next):
                m.d.sync += [bank.eq(buffer.bank ^ unfold.second), row.eq(buffer.row),
                             ends.eq(buffer.ends)]
        with m.If(unfolding):
            m.d.comb += [
                self.valid.eq(unfold.valid), self.enable.eq(unfold.enable),
                self.bank.eq(bank), self.row.eq(row), self.data.eq(unfold.data),
                buffer.advance.eq(unfold.advance),
                self.done.eq(unfold.valid & self.ready & ends),
            ]
        return unfolding
