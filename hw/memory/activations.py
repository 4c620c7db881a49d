"""The activation buffer: two banks of vectors, each written and read side by side."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..spec.base import require_integer
from .two_port import TwoPortMemory

__all__ = ["ActivationBuffer"]

_BANKS = 2


class ActivationBuffer(wiring.Component):
    """Two banks of ``rows`` vectors, with two users that write and two or three that read.

    Parameters
    ----------
    rows : int
        Vectors of a bank, a power of two.
    part_width : int
        Bits that are written at once: a share of a vector.
    parts : int
        Shares of a vector.
    operand : bool
        Whether there is a third user that reads.
    read_latency : int
        Of the memories, 1 or 2 cycles.

    Members
    -------
    result_valid : ``In(1)``, result_bank, result_row, result_data
        Write a vector; always done.
    load_valid, load_enable : ``In(parts)``, load_bank, load_row, load_data; load_ready : ``Out``
        Write parts of a vector, in a cycle in which ``load_ready`` is up: not while a result goes
        to the same bank.
    step_enable : ``In(2)``, step_row, step_ready : ``Out``, step_data : ``Out``, two vectors
        Read a row of each bank whose bit is set, in a cycle in which ``step_ready`` is up: not
        while one of these banks is read for others. ``step_data`` holds it ``read_latency`` cycles
        later, until what is read of that bank next.
    others : ``Out(2)``
        Banks that are read for ``fetch`` or ``operand``; their ``step_data`` is gone
        ``read_latency`` cycles later.
    fetch_valid, fetch_bank, fetch_row, fetch_ready : ``Out``, fetch_data : ``Out``
        Read a row, in a cycle in which ``fetch_ready`` is up: not while its bank is read for
        ``operand``, or for ``step``, unless it is ``fetch_urgent`` : ``In``. The row is in
        ``fetch_data`` ``read_latency`` cycles later, and only then.
    operand_valid, operand_bank, operand_row, operand_data : ``Out``
        Read a row, always done; it is in ``operand_data`` ``read_latency`` cycles later, and only
        then.

    Notes
    -----
    Memories ``activation_bank`` of ``rows`` rows. A row must not be read in the cycle in which it
    is written; programs see to it by their tokens. Throughput: each bank a write and a read per
    cycle.
    """

    def __init__(self, *, rows: int, part_width: int, parts: int, operand: bool = False,
                 read_latency: int = 1):
        require_integer("rows", rows, 2, 1 << 16)
        self._rows, self._part_width, self._parts = rows, part_width, parts
        self._operand, self._read_latency = operand, read_latency
        row_width = (rows - 1).bit_length()
        vector = part_width * parts
        super().__init__({
            "result_valid": In(1), "result_bank": In(1), "result_row": In(row_width),
            "result_data": In(vector),
            "load_valid": In(1), "load_ready": Out(1), "load_enable": In(parts),
            "load_bank": In(1), "load_row": In(row_width), "load_data": In(vector),
            "step_enable": In(_BANKS), "others": Out(_BANKS), "step_row": In(row_width),
            "step_ready": Out(1), "step_data": Out(_BANKS * vector),
            "fetch_valid": In(1), "fetch_urgent": In(1), "fetch_ready": Out(1),
            "fetch_bank": In(1), "fetch_row": In(row_width), "fetch_data": Out(vector),
            **({"operand_valid": In(1), "operand_bank": In(1), "operand_row": In(row_width),
                "operand_data": Out(vector)} if operand else {}),
        })

    def elaborate(self, platform):
        m = Module()
        busy, fetches, operands = Signal(_BANKS), Signal(_BANKS), Signal(_BANKS)
        outputs = []
        for bank in range(_BANKS):
            memory = TwoPortMemory(name="activation_bank", depth=self._rows,
                                   width=self._part_width, parts=self._parts,
                                   read_latency=self._read_latency)
            memory.place(m, platform, f"bank{bank}")
            result = Signal(name=f"result_{bank}")
            load = Signal(name=f"load_{bank}")
            m.d.comb += [
                result.eq(self.result_valid & (self.result_bank == bank)),
                busy[bank].eq(result),
                load.eq(self.load_valid & (self.load_bank == bank)),
                memory.write_enable.eq(result.replicate(self._parts)
                                       | (self.load_enable & load.replicate(self._parts))),
                memory.write_address.eq(Mux(result, self.result_row, self.load_row)),
                memory.write_data.eq(Mux(result, self.result_data, self.load_data)),
                fetches[bank].eq(self.fetch_valid & (self.fetch_bank == bank) & ~operands[bank]
                                 & (self.fetch_urgent | ~self.step_enable[bank])),
                memory.read_enable.eq(self.others[bank]
                                      | (self.step_enable[bank] & self.step_ready)),
                memory.read_address.eq(Mux(fetches[bank], self.fetch_row, self.step_row)),
            ]
            if self._operand:
                m.d.comb += operands[bank].eq(self.operand_valid & (self.operand_bank == bank))
                with m.If(operands[bank]):
                    m.d.comb += memory.read_address.eq(self.operand_row)
            outputs.append(memory.read_data)
        m.d.comb += [
            self.load_ready.eq(~Mux(self.load_bank, busy[1], busy[0])),
            self.others.eq(fetches | operands),
            self.fetch_ready.eq(fetches.any()),
            self.step_ready.eq(~(self.others & self.step_enable).any()),
            self.step_data.eq(Cat(outputs)),
        ]
        m.d.comb += self.fetch_data.eq(
            Mux(self._later(m, self.fetch_bank, "fetched_bank"), outputs[1], outputs[0]))
        if self._operand:
            m.d.comb += self.operand_data.eq(
                Mux(self._later(m, self.operand_bank, "operand_bank"), outputs[1], outputs[0]))
        return m

    def _later(self, m, bank, name):
        """The bank of the row that is there now."""
        for stage in range(self._read_latency):
            later = Signal(name=f"{name}_{stage}" if stage else name, reset_less=True)
            m.d.sync += later.eq(bank)
            bank = later
        return bank
