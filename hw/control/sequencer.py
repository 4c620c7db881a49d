"""Reads commands from memory and hands them to their engines."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..bus.signature import request_layout
from ..spec.accelerator import AcceleratorSpec
from ..spec.commands import COMMAND_BYTES, COMMANDS, Engine, Opcode
from .layout import field_width

__all__ = ["ENGINES", "Sequencer"]

ENGINES = (Engine.LOAD, Engine.WEIGHTS, Engine.COMPUTE, Engine.STORE)


class Sequencer(wiring.Component):
    """Fetches commands one after the other, checks them, and writes each to its engine's queue.

    Parameters
    ----------
    spec : AcceleratorSpec

    Members
    -------
    start : ``In(1)``
        Begin with the command at ``offset`` (``In(32)``, bytes in the program window).
    requests : ``Out(stream)``
        Reads of one command each, ahead of the command in work as far as they are accepted.
    words : ``In(stream)``
        What was read.
    queue_write, queue_index, queue_data, queue_last : ``Out``
        A word for the queues of :data:`ENGINES`: which of them takes it (one bit each), its
        number in the command, itself, whether it is the last.
    queue_full : ``In(4)``
        Queues that have no room.
    quiet : ``In(1)``
        All queues are empty and nothing is on its way to memory.
    illegal : ``Out(1)``
        The word that is taken doesn't belong to any command: unknown opcode, a bit outside the
        fields, a count of 0 or one that the accelerator can't hold. From then on nothing is
        handed on.
    finished : ``Out(1)``
        ``END`` has been read and all is quiet.
    command : ``Out(1)``
        A command has been handed on.

    Notes
    -----
    Throughput: a word per cycle. A command waits for room in its queue, and those behind it wait,
    too. It is in its queue one cycle after its last word; engines may begin before it is known
    that a later word of the program is illegal, but never with an illegal command. Reset stops it.
    """

    def __init__(self, *, spec: AcceleratorSpec):
        if not isinstance(spec, AcceleratorSpec):
            raise TypeError(f"spec must be an AcceleratorSpec, not {spec!r}")
        self._spec = spec
        data_width = self._data_width = spec.data_width
        self._words = 8 * COMMAND_BYTES // data_width
        super().__init__({
            "start": In(1),
            "offset": In(32),
            "requests": Out(stream.Signature(request_layout())),
            "words": In(stream.Signature(data.StructLayout({"data": data_width, "last": 1}))),
            "queue_write": Out(len(ENGINES)),
            "queue_index": Out(4),
            "queue_data": Out(data_width),
            "queue_last": Out(1),
            "queue_full": In(len(ENGINES)),
            "quiet": In(1),
            "illegal": Out(1),
            "finished": Out(1),
            "command": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        asking, ended, broken = Signal(), Signal(), Signal()
        offset = Signal(32 - 6, reset_less=True)
        m.d.comb += [
            self.requests.valid.eq(asking),
            self.requests.payload.offset[6:].eq(offset),
            self.requests.payload.words.eq(self._words),
        ]
        with m.If(self.start):
            m.d.sync += [asking.eq(1), offset.eq(self.offset[6:])]
        with m.Elif(asking & self.requests.ready):
            m.d.sync += [asking.eq(~ended), offset.eq(offset + 1)]

        index = Signal(range(max(2, self._words)))
        opcode = Signal(8)
        later_opcode = Signal(max(Opcode).bit_length(), reset_less=True)  # a legal one
        word = self.words.payload.data
        first = index == 0
        m.d.comb += opcode.eq(Mux(first, word[:8], later_opcode))
        target = Cat(self._is_engine(opcode, engine) for engine in ENGINES)
        transfer, legal = Signal(), Signal()
        m.d.comb += [
            self.words.ready.eq(~ended & ~broken & ~(first & (target & self.queue_full).any())),
            transfer.eq(self.words.valid & self.words.ready),
            legal.eq(self._legal(m, opcode, index, word)),
            self.illegal.eq(transfer & ~legal),
            self.queue_write.eq(target & (transfer & legal).replicate(len(ENGINES))),
            self.queue_index.eq(index),
            self.queue_data.eq(word),
            self.queue_last.eq(index == self._words - 1),
            self.command.eq(transfer & legal & self.queue_last),
            self.finished.eq(ended & self.quiet),
        ]
        with m.If(transfer):
            m.d.sync += [index.eq(Mux(self.queue_last, 0, index + 1)), broken.eq(~legal)]
            with m.If(first):
                m.d.sync += later_opcode.eq(word)
            with m.If(self.queue_last & legal & (opcode == Opcode.END)):
                m.d.sync += ended.eq(1)
        return m

    @staticmethod
    def _is_engine(opcode: Value, engine: Engine) -> Value:
        return opcode.matches(*(int(kind.opcode) for kind in COMMANDS if kind.engine is engine))

    def _legal(self, m, opcode, index, word):
        """Whether the word can be number ``index`` of a command of this opcode."""
        legal = Signal()
        for kind in COMMANDS:
            mask = sum(((1 << field_width(field, self._spec)) - 1) << field.low
                       for field in kind.fields)
            with m.If(opcode == kind.opcode):
                for number in range(self._words):
                    low = number * self._data_width
                    unused = ~(mask >> low) & ((1 << self._data_width) - 1)
                    counts = [word[field.low - low:field.low - low + field.width]
                              for field in kind.fields
                              if field.count and field.low // self._data_width == number]
                    missing = Cat(count == 0 for count in counts)
                    with m.If(index == number):
                        m.d.comb += legal.eq(
                            ~(word & Const(unused, self._data_width)).any() & ~missing.any())
        return legal
