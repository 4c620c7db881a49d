"""Memories of one port: alone, and two that take turns."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from ..hierarchy import SharedComponent
from ..spec.base import require_integer

__all__ = ["AlternatingMemory", "OnePortMemory"]


class OnePortMemory(SharedComponent):
    """``depth`` rows, one of which can be written or read in a cycle.

    Nothing else is in this module, so that an ASIC flow can put a memory macro in its place.

    Parameters
    ----------
    name : str
        What the module is called in Verilog, a plain identifier.
    depth : int
        Rows, 1 to 1 048 576.
    width : int
        Bits of a row, 1 to 65 536.
    read_latency : int
        Cycles from a read to its row, 1 or 2.

    Members
    -------
    enable : ``In(1)``
        Do something.
    write : ``In(1)``
        Write a row rather than read one.
    address : ``In(address_width)``
    write_data : ``In(width)``
    read_data : ``Out(width)``
        The row that was read ``read_latency`` cycles before or, in a cycle in which none was, the
        last one before that.

    Raises
    ------
    TypeError, ValueError
        If a number isn't an integer or is out of range.

    Notes
    -----
    Latency: ``read_latency`` cycles. No address of ``depth`` or more may be asked of it. Contents
    are not reset.
    """

    def __init__(self, *, name: str, depth: int, width: int, read_latency: int = 1):
        require_integer("depth", depth, 1, 1 << 20)
        require_integer("width", width, 1, 1 << 16)
        require_integer("read_latency", read_latency, 1, 2)
        self.module_name = name
        self._depth, self._width, self._read_latency = depth, width, read_latency
        super().__init__({"enable": In(1), "write": In(1), "address": In(self.address_width),
                          "write_data": In(width), "read_data": Out(width)})

    @property
    def separate_name(self) -> str:
        """The name of the module where its body is left to others, after its shape.

        ``sparrow_ram_1rw_256x512``, with ``_l2`` behind it if reads take two cycles.
        """
        latency = "_l2" if self._read_latency == 2 else ""
        return f"sparrow_ram_1rw_{self._depth}x{self._width}{latency}"

    @property
    def depth(self) -> int:
        """Rows."""
        return self._depth

    @property
    def width(self) -> int:
        """Bits of a row."""
        return self._width

    @property
    def read_latency(self) -> int:
        """Cycles from a read to its row."""
        return self._read_latency

    @property
    def address_width(self) -> int:
        """Bits of an address, at least 1."""
        return max(1, (self._depth - 1).bit_length())

    @property
    def parameters(self):
        return (self.module_name, self._depth, self._width, self._read_latency)

    def elaborate(self, platform):
        m = Module()
        m.submodules.rows = rows = Memory(shape=self._width, depth=self._depth, init=[])
        write, read = rows.write_port(), rows.read_port()
        found = read.data
        if self._read_latency == 2:
            found = Signal(self._width, reset_less=True)
            m.d.sync += found.eq(read.data)
        m.d.comb += [
            write.en.eq(self.enable & self.write), write.addr.eq(self.address),
            write.data.eq(self.write_data),
            read.en.eq(self.enable & ~self.write), read.addr.eq(self.address),
            self.read_data.eq(found),
        ]
        return m


class AlternatingMemory(wiring.Component):
    """Two memories of one port, of rows by turns, for who reads and writes by turns.

    Parameters
    ----------
    name, depth, width
        As for :class:`.two_port.TwoPortMemory`; ``depth`` of at least 2.
    select : int
        Which bit of an address chooses the memory: 0, even and odd rows; or 1, pairs of rows, and
        ``depth`` is at least 4.
    read_latency : int
        Of both memories, 1 or 2 cycles.

    Members
    -------
    write_enable, write_address, write_data, read_enable, read_address, read_data
        As there, with a row in one part. In a cycle in which both enables are up, the addresses
        must be of different memories.

    Notes
    -----
    Latency of reads: ``read_latency`` cycles.
    """

    def __init__(self, *, name: str, depth: int, width: int, select: int = 0,
                 read_latency: int = 1):
        require_integer("select", select, 0, 1)
        require_integer("depth", depth, 2 << select, 1 << 20)
        rows = depth // (2 << select) * (1 << select) + min(depth % (2 << select), 1 << select)
        self._select, self._read_latency = select, read_latency
        self._banks = [OnePortMemory(name=name, depth=rows, width=width, read_latency=read_latency)
                       for _ in range(2)]
        address_width = (depth - 1).bit_length()
        super().__init__({
            "write_enable": In(1), "write_address": In(address_width), "write_data": In(width),
            "read_enable": In(1), "read_address": In(address_width), "read_data": Out(width)})

    def place(self, m: Module, platform, name: str) -> None:
        """Make this component the submodule ``name`` of ``m``."""
        m.submodules[name] = self

    def elaborate(self, platform):
        m = Module()
        odd = Signal(reset_less=True)  # the row that was read last
        select = self._select
        written, wanted = (Cat(address[:select], address[select + 1:])
                           for address in (self.write_address, self.read_address))
        for number, bank in enumerate(self._banks):
            bank.place(m, platform, ("even", "odd")[number])
            reads = self.read_enable & (self.read_address[select] == number)
            m.d.comb += [
                bank.write.eq(self.write_enable & (self.write_address[select] == number)),
                bank.enable.eq(bank.write | reads),
                bank.address.eq(Mux(bank.write, written, wanted)),
                bank.write_data.eq(self.write_data),
            ]
        with m.If(self.read_enable):
            m.d.sync += odd.eq(self.read_address[select])
        if self._read_latency == 2:
            found, odd = odd, Signal(name="odd_out", reset_less=True)
            m.d.sync += odd.eq(found)
        even_bank, odd_bank = self._banks
        m.d.comb += self.read_data.eq(Mux(odd, odd_bank.read_data, even_bank.read_data))
        return m
