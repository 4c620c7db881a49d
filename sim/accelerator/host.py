"""The host: the accelerator's registers by name, over cocotbext-axi's AXI4-Lite master."""

import cocotb
from cocotb.triggers import RisingEdge
from cocotbext.axi import AxiLiteBus, AxiLiteMaster, AxiResp

from sparrow.hw.spec.registers import Register, register

from .memory import now

__all__ = ["Host"]


class Host:
    """Reads and writes registers.

    Parameters
    ----------
    dut
        The simulator's top.
    prefix : str
        Of the ports.

    Attributes
    ----------
    writes : int
        Write addresses that were offered on the bus, by anybody.
    """

    def __init__(self, dut, *, prefix: str = "s_axi"):
        self._master = AxiLiteMaster(AxiLiteBus.from_prefix(dut, prefix), dut.clk, dut.rst)
        self._offered = getattr(dut, f"{prefix}_awvalid")
        self._answered = getattr(dut, f"{prefix}_bvalid")
        self.writes = 0
        cocotb.start_soon(self._count())

    async def _count(self):
        offered = RisingEdge(self._offered)
        while True:
            await offered
            self.writes += 1

    async def write(self, name: str, value: int) -> int:
        """Write a register; the cycle that follows the one in which it was written."""
        answered = cocotb.start_soon(self._wait_for_answer())
        answer = await self._master.write(register(name).offset, value.to_bytes(4, "little"))
        assert answer.resp is AxiResp.OKAY, f"write of {name} was answered with {answer.resp}"
        return await answered

    async def _wait_for_answer(self):
        await RisingEdge(self._answered)
        return now()

    async def read(self, name: str) -> int:
        """Read a register."""
        answer = await self._master.read(register(name).offset, 4)
        assert answer.resp is AxiResp.OKAY, f"read of {name} was answered with {answer.resp}"
        return int.from_bytes(answer.data, "little")

    async def set(self, name: str, **fields: int) -> int:
        """Write a register whose named fields have these values, the others 0."""
        return await self.write(name, pack(register(name), **fields))

    async def get(self, name: str, field: str) -> int:
        """Read a field of a register."""
        place = register(name).field(field)
        return (await self.read(name) & place.mask) >> place.low


def pack(entry: Register, **fields: int) -> int:
    """The word of a register whose named fields have these values, the others 0."""
    word = 0
    for name, value in fields.items():
        place = entry.field(name)
        assert 0 <= value < 1 << place.width, f"{entry.name}.{name} can't hold {value}"
        word |= value << place.low
    return word
