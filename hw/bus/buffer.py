"""A queue for words from the bus that knows how many bursts it still has room for."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..memory.fifo import StreamFifo

__all__ = ["BurstBuffer"]


class BurstBuffer(wiring.Component):
    """A :class:`StreamFifo` in which room is reserved burst by burst.

    Parameters
    ----------
    name : str
        What the memory is called in Verilog.
    word : data.StructLayout
        Of a word.
    words : int
        Words that it holds, at least ``max(2, burst_words)``.
    burst_words : int
        Words of the longest burst, for which room is reserved whatever a burst's length.
    read_latency : int
        Of the memory, 1 or 2 cycles.

    Members
    -------
    i : ``In(stream.Signature(data.StructLayout({"word": word, "end": 1})))``
        A word, and whether it is the last of its burst. Always ready if room was reserved.
    o : ``Out(stream.Signature(word))``
    reserve : ``In(1)``
        A burst will come; not without ``room``.
    room : ``Out(1)``
        There is room for a burst. A burst gives its room back when its last word is taken.

    Notes
    -----
    Latency and throughput are those of :class:`StreamFifo`.
    """

    def __init__(self, *, name: str, word: data.StructLayout, words: int, burst_words: int,
                 read_latency: int = 1):
        self._name, self._words, self._bursts = name, words, words // burst_words
        self._read_latency = read_latency
        self._layout = data.StructLayout({"word": word, "end": 1})
        super().__init__({
            "i": In(stream.Signature(self._layout)),
            "o": Out(stream.Signature(word)),
            "reserve": In(1),
            "room": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.fifo = fifo = StreamFifo(
            name=self._name, width=self._layout.size, depth=self._words,
            read_latency=self._read_latency)
        free = Signal(range(self._bursts + 1), init=self._bursts)
        end = Signal()
        freed = Signal()
        m.d.comb += [
            fifo.i.payload.eq(self.i.payload),
            fifo.i.valid.eq(self.i.valid),
            self.i.ready.eq(fifo.i.ready),
            Cat(self.o.payload, end).eq(fifo.o.payload),
            self.o.valid.eq(fifo.o.valid),
            fifo.o.ready.eq(self.o.ready),
            freed.eq(self.o.valid & self.o.ready & end),
            self.room.eq(free != 0),
        ]
        with m.If(self.reserve & ~freed):
            m.d.sync += free.eq(free - 1)
        with m.Elif(freed & ~self.reserve):
            m.d.sync += free.eq(free + 1)
        return m
