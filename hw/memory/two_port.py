"""A memory with a port to write and a port to read."""

import re

from amaranth.hdl import Module, Signal
from amaranth.lib import data
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from ..hierarchy import SharedComponent
from ..spec.base import require_integer

__all__ = ["TwoPortMemory"]


class TwoPortMemory(SharedComponent):
    """``depth`` rows, one of which can be written and one of which can be read in a cycle.

    Nothing else is in this module, so that an ASIC flow can put a memory macro in its place.

    Parameters
    ----------
    name : str
        What the module is called in Verilog, a plain identifier.
    depth : int
        Rows, 1 to 1 048 576.
    width : int
        Bits of each part of a row, 1 to 65 536.
    parts : int
        Parts of a row that are written apart from each other, 1 to 64.
    read_latency : int
        Cycles from a read to its row, 1 or 2.

    Members
    -------
    write_enable : ``In(parts)``
        Which parts of the row to write.
    write_address : ``In(address_width)``
    write_data : ``In(parts * width)``
        A row, its first part in the lowest bits.
    read_enable : ``In(1)``
        Read a row.
    read_address : ``In(address_width)``
    read_data : ``Out(parts * width)``
        The row that was read ``read_latency`` cycles before or, in a cycle in which none was, the
        last one before that.

    Raises
    ------
    TypeError
        If ``name`` is no string or a number isn't an integer.
    ValueError
        If ``name`` is no identifier or a number is out of range.

    Notes
    -----
    Latency: ``read_latency`` cycles from a read to its data; what is written can be read in the
    next cycle.
    Throughput: a write and a read per cycle. Neither may be asked of an address of ``depth`` or
    more, and reading a row in the cycle in which it is written gives an undefined row: so it
    doesn't matter whether a macro reads or writes first. Contents are not reset.
    """

    def __init__(self, *, name: str, depth: int, width: int, parts: int = 1,
                 read_latency: int = 1):
        if not isinstance(name, str):
            raise TypeError(f"name must be a string, not {name!r}")
        if not re.fullmatch(r"[A-Za-z]\w*", name, re.ASCII):
            raise ValueError(f"name must be a letter, then letters, digits and underscores, "
                             f"not {name!r}")
        require_integer("depth", depth, 1, 1 << 20)
        require_integer("width", width, 1, 1 << 16)
        require_integer("parts", parts, 1, 64)
        require_integer("read_latency", read_latency, 1, 2)
        self.module_name = name
        self._depth, self._width, self._parts = depth, width, parts
        self._read_latency = read_latency
        super().__init__({
            "write_enable": In(parts),
            "write_address": In(self.address_width),
            "write_data": In(parts * width),
            "read_enable": In(1),
            "read_address": In(self.address_width),
            "read_data": Out(parts * width),
        })

    @property
    def name(self) -> str:
        """The name of the module."""
        return self.module_name

    @property
    def separate_name(self) -> str:
        """The name of the module where its body is left to others, after its shape.

        ``sparrow_ram_1r1w_512x256``, with ``_be4`` behind it if four parts are written apart, and
        ``_l2`` if reads take two cycles.
        """
        parts = f"_be{self._parts}" if self._parts > 1 else ""
        latency = "_l2" if self._read_latency == 2 else ""
        return f"sparrow_ram_1r1w_{self._depth}x{self._parts * self._width}{parts}{latency}"

    @property
    def depth(self) -> int:
        """Rows."""
        return self._depth

    @property
    def width(self) -> int:
        """Bits of each part of a row."""
        return self._width

    @property
    def parts(self) -> int:
        """Parts of a row."""
        return self._parts

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
        return (self.module_name, self._depth, self._width, self._parts, self._read_latency)

    def elaborate(self, platform):
        m = Module()
        row = data.ArrayLayout(self._width, self._parts)
        m.submodules.rows = rows = Memory(shape=row, depth=self._depth, init=[])
        write = rows.write_port(granularity=1)
        read = rows.read_port()
        found = read.data
        if self._read_latency == 2:
            found = Signal(row, reset_less=True)
            m.d.sync += found.eq(read.data)
        m.d.comb += [
            write.en.eq(self.write_enable),
            write.addr.eq(self.write_address),
            write.data.eq(self.write_data),
            read.en.eq(self.read_enable),
            read.addr.eq(self.read_address),
            self.read_data.eq(found),
        ]
        return m
