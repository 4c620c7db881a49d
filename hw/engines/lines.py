"""Rows of an image on their way to be unfolded."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..bus.read import words_layout
from ..memory.two_port import TwoPortMemory
from ..spec.accelerator import AcceleratorSpec

__all__ = ["LineMemory"]


class LineMemory(wiring.Component):
    """A ring of vectors in two memories, so that two neighbours can be read in a cycle.

    Each row is whole vectors; what is missing of the last one before ``last`` is left out.

    Parameters
    ----------
    spec : AcceleratorSpec
        ``line_bytes``, ``memory_latency``.

    Members
    -------
    i : ``In(stream)``
        Words; ``last`` ends a row, and a request.
    vectors : ``In``, row : ``Out(1)``
        All of a row of so many vectors is there.
    free : ``In(1)``
        It is needed no more.
    read : ``In(1)``, index : ``In``
        Read vectors ``index`` and ``index + 1`` of the first row, modulo the ring's size.
    data : ``Out``
        Both, that of the even memory in the lower half, ``memory_latency`` cycles later, until
        those of the next read.
    odd : ``Out(1)``
        Beside ``data``: vector ``index`` is in the upper half.

    Notes
    -----
    Memories ``line_memory``. Latency: ``row`` in the cycle after the transfer of a row's last word;
    ``memory_latency`` cycles from ``read`` to ``data``. Throughput: a word and a read per cycle.
    Back-pressure: ``i.ready`` is up while a vector is free, and depends on no input within the
    cycle.
    """

    def __init__(self, *, spec: AcceleratorSpec):
        self._spec = spec
        self._size = spec.line_bytes // spec.lanes
        width = (self._size - 1).bit_length()
        super().__init__({
            "i": In(stream.Signature(words_layout(spec.bus))),
            "vectors": In(range(self._size + 1)), "row": Out(1),
            "free": In(1),
            "read": In(1), "index": In(width),
            "data": Out(16 * spec.lanes), "odd": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        parts = self._spec.lanes // self._spec.bus.word_bytes
        begin, end, at = (Signal.like(self.index, name=name) for name in ("begin", "end", "at"))
        level = Signal(range(self._size + 1))
        part = Signal(range(max(2, parts)))
        word, vector = Signal(), Signal()
        odd = Signal(reset_less=True)
        m.d.comb += [
            self.i.ready.eq(~level[-1]),
            self.row.eq(level >= self.vectors),
            word.eq(self.i.valid & self.i.ready),
            vector.eq(word & (self.i.payload.last | (part == parts - 1))),
            at.eq(begin + self.index),
        ]
        m.d.sync += end.eq(end + vector)
        with m.If(self.free):
            m.d.sync += [begin.eq(begin + self.vectors),
                         level.eq(level + vector - self.vectors)]
        with m.Else():
            m.d.sync += level.eq(level + vector)
        with m.If(self.read):
            m.d.sync += odd.eq(at[0])
        if self._spec.memory_latency == 2:
            found, odd = odd, Signal(name="odd_out", reset_less=True)
            m.d.sync += odd.eq(found)
        m.d.comb += self.odd.eq(odd)
        if parts > 1:
            with m.If(word):
                m.d.sync += part.eq(part + 1)
            with m.If(vector):
                m.d.sync += part.eq(0)
        outputs = []
        for number, name in enumerate(("even", "odd")):
            memory = TwoPortMemory(name="line_memory", depth=self._size // 2,
                                   width=self._spec.data_width, parts=parts,
                                   read_latency=self._spec.memory_latency)
            memory.place(m, platform, f"{name}_vectors")
            mine = word & (end[0] == number)
            m.d.comb += [
                memory.write_enable.eq(Cat(mine & (part == index) for index in range(parts))),
                memory.write_address.eq(end[1:]),
                memory.write_data.eq(self.i.payload.data.replicate(parts)),
                memory.read_enable.eq(self.read),
                memory.read_address.eq(at[1:] if number else (at + at[0])[1:len(at)]),
            ]
            outputs.append(memory.read_data)
        m.d.comb += self.data.eq(Cat(outputs))
        return m
