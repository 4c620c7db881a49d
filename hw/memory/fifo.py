"""A queue of words in a memory."""

import re

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..spec.base import require_integer
from .late import LateReads
from .two_port import TwoPortMemory

__all__ = ["StreamFifo"]


class StreamFifo(wiring.Component):
    """Puts out the words that it takes in, in their order; holds up to ``depth`` of them.

    Parameters
    ----------
    name : str
        What the memory is called in Verilog, a plain identifier.
    width : int
        Bits of a word, 1 to 65 536.
    depth : int
        Words that it holds, the one on offer included, 2 to 1 048 576.
    read_latency : int
        Of the memory, 1 or 2 cycles.

    Members
    -------
    i : ``In(stream.Signature(width))``
    o : ``Out(stream.Signature(width))``
    level : ``Out(range(depth + 1))``
        Words that it holds.

    Raises
    ------
    TypeError
        If ``name`` is no string or a number isn't an integer.
    ValueError
        If ``name`` is no identifier or a number is out of range.

    Notes
    -----
    Latency: a word is on ``o`` ``1 + read_latency`` cycles after its transfer on ``i`` if the queue
    was empty, else in the cycle after the word before it was transferred on ``o``, if so many
    cycles have passed.
    Throughput: one word per cycle; with a depth of no more than ``1 + read_latency``, ``depth``
    words in ``2 + read_latency`` cycles.
    Back-pressure: ``i.ready`` is up while fewer than ``depth`` words are held; it and ``o.valid``
    depend on no input within the cycle. ``o.payload`` is the memory's read register, or, with a
    ``read_latency`` of 2, one that keeps a word when another comes out of the memory. A reset
    empties the queue.
    """

    def __init__(self, *, name: str, width: int, depth: int, read_latency: int = 1):
        if not isinstance(name, str):
            raise TypeError(f"name must be a string, not {name!r}")
        if not re.fullmatch(r"[A-Za-z]\w*", name, re.ASCII):
            raise ValueError(f"name must be a letter, then letters, digits and underscores, "
                             f"not {name!r}")
        require_integer("width", width, 1, 1 << 16)
        require_integer("depth", depth, 2, 1 << 20)
        require_integer("read_latency", read_latency, 1, 2)
        self._name, self._width, self._depth = name, width, depth
        self._read_latency = read_latency
        super().__init__({
            "i": In(stream.Signature(width)),
            "o": Out(stream.Signature(width)),
            "level": Out(range(depth + 1)),
        })

    @property
    def name(self) -> str:
        """The name of the memory."""
        return self._name

    @property
    def width(self) -> int:
        """Bits of a word."""
        return self._width

    @property
    def depth(self) -> int:
        """Words that it holds."""
        return self._depth

    def elaborate(self, platform):
        m = Module()
        memory = TwoPortMemory(name=self._name, depth=self._depth, width=self._width,
                               read_latency=self._read_latency)
        memory.place(m, platform, "memory")
        write_row = Signal(range(self.depth))
        read_row = Signal.like(write_row)
        write_next, read_next = (self._following(m, row) for row in (write_row, read_row))
        fetch = Signal()
        unread = write_row != read_row
        # The row of a word that is fetched stays taken: equal rows mean that no other word is held.
        if self._read_latency == 1:
            fetched = self.o.valid
            full = fetched & (write_next == read_row)
            self._offer_read(m, memory, fetch, unread)
        else:
            fetched = self._offer_kept(m, memory, fetch, unread)
            full = self.level == self.depth
        m.d.comb += [
            self.i.ready.eq(~full),
            memory.write_address.eq(write_row),
            memory.write_data.eq(self.i.payload),
            memory.write_enable.eq(self.i.valid & self.i.ready),
            memory.read_address.eq(read_row),
            memory.read_enable.eq(fetch),
            self.level.eq(Mux(write_row < read_row, self.depth, 0) + write_row - read_row
                          + fetched),
        ]
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += write_row.eq(write_next)
        with m.If(fetch):
            m.d.sync += read_row.eq(read_next)
        return m

    def _offer_read(self, m, memory, fetch, unread):
        """The word on offer is what was read last."""
        m.d.comb += [
            fetch.eq(unread & (~self.o.valid | self.o.ready)),
            self.o.payload.eq(memory.read_data),
        ]
        with m.If(fetch | self.o.ready):
            m.d.sync += self.o.valid.eq(fetch)

    def _offer_kept(self, m, memory, fetch, unread):
        """The word on offer is what came out of the memory last, or was kept before.

        The number of words fetched.
        """
        reads = LateReads(m, fetch, self.o.ready)
        m.d.comb += [
            self.o.valid.eq(reads.valid),
            self.o.payload.eq(reads.keep(memory.read_data, "word")),
            fetch.eq(unread & reads.room),
        ]
        return reads.fetched

    def _following(self, m, row):
        following = Signal.like(row, name=f"{row.name}_next")
        m.d.comb += following.eq(Mux(row == self.depth - 1, 0, row + 1))
        return following
