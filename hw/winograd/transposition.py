"""Turns the rows that one dimension's stage gives into those that the other one's takes."""

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..hierarchy import Packed
from ..memory import TwoPortMemory
from .counting import following

__all__ = ["Transposition"]


class Transposition(wiring.Component):
    """Takes matrices row by row and gives them column by column.

    Parameters
    ----------
    rows, columns : int
        Of a matrix, at least 2.
    lanes, width : int
        Elements of a vector, which is what stands in a matrix, and their bits.

    Members
    -------
    i, o : In, Out(stream of ``lanes`` elements)

    Notes
    -----
    A :class:`TwoPortMemory` holds two matrices, one that is filled and one that is read. Latency: 2
    cycles from a matrix' last vector to the first one out. Throughput: a vector per cycle.
    """

    def __init__(self, rows: int, columns: int, lanes: int, width: int):
        self._rows, self._columns, self._lanes, self._width = rows, columns, lanes, width
        vector = Packed(data.ArrayLayout(signed(width), lanes))
        super().__init__({"i": In(stream.Signature(vector)), "o": Out(stream.Signature(vector))})

    def elaborate(self, platform):
        m = Module()
        size = self._rows * self._columns
        memory = TwoPortMemory(name="winograd_transposition", depth=2 * size,
                               width=self._lanes * self._width)
        write = Signal()
        read = Signal()
        write_address = Signal(range(2 * size))
        read_address = Signal(range(2 * size))
        filled = Signal(2)
        valid = Signal()
        m.d.comb += [
            self.i.ready.eq(~Mux(write_address >= size, filled[1], filled[0])),
            write.eq(self.i.valid & self.i.ready),
            read.eq(Mux(read_address >= size, filled[1], filled[0]) & (~valid | self.o.ready)),
            memory.write_enable.eq(write), memory.write_address.eq(write_address),
            memory.write_data.eq(self.i.payload),
            memory.read_enable.eq(read), memory.read_address.eq(read_address),
            self.o.payload.eq(memory.read_data), self.o.valid.eq(valid),
        ]
        with m.If(read | self.o.ready):
            m.d.sync += valid.eq(read)
        with m.If(write):
            m.d.sync += write_address.eq(following(write_address, 2 * size))
            for bank in range(2):
                with m.If(write_address == (bank + 1) * size - 1):
                    m.d.sync += filled[bank].eq(1)
        self._read_on(m, read, read_address, filled)
        memory.place(m, platform, "memory")
        return m

    def _read_on(self, m, read, address, filled):
        """Move the address down a column, to the next one, to the next matrix."""
        rows, columns = self._rows, self._columns
        row = Signal(range(rows))
        column = Signal(range(columns))
        last = Signal(2)
        m.d.comb += [last[0].eq(row == rows - 1), last[1].eq(column == columns - 1)]
        with m.If(read):
            m.d.sync += [row.eq(following(row, rows)), address.eq(address + columns)]
            with m.If(last[0]):
                m.d.sync += [column.eq(following(column, columns)),
                             address.eq(address - (columns * (rows - 1) - 1))]
            with m.If(last.all()):
                second = address >= rows * columns
                m.d.sync += address.eq(Mux(second, 0, rows * columns))
                for bank in range(2):
                    with m.If(second == bank):
                        m.d.sync += filled[bank].eq(0)
