"""The bench around an accelerator: memory, host, and an eye on both buses."""

import logging
import math

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, FallingEdge, First, RisingEdge, Timer

from sparrow.hw.spec.bus import BusSpec

from .host import Host
from .memory import PERIOD, Memory, MemorySlave, now
from .rules import BurstRule, StreamRule
from .script import CORE_PERIOD, COUNTERS, Outcome, Run, pages, program_window, window_bases

__all__ = ["AcceleratorBench"]

_DRAIN_LIMIT = 5000  # cycles


class AcceleratorBench:
    """Runs programs on an exported accelerator.

    Parameters
    ----------
    dut
        The simulator's top.
    address_width : int
        Of the bus; the windows lie as high as it goes.
    check_rules : bool
        Watch the stream rule on both buses in every cycle, which takes time.
    bus : BusSpec, optional
        Watch the master's bursts, too.
    core_period : float
        Of ``core_clk``, where there is one, ns; the buses' clock has a period of 10.
    """

    def __init__(self, dut, *, address_width: int = 32, check_rules: bool = False,
                 bus: BusSpec | None = None, core_period: float = CORE_PERIOD):
        self._dut = dut
        self._core_clock = getattr(dut, "core_clk", dut.clk)
        self._reset_cycles = 3
        self._core_cycles = 1.0  # in a cycle of the buses
        if self._core_clock is not dut.clk:
            self._core_cycles = PERIOD / core_period
            Clock(self._core_clock, core_period, "ns").start()
            self._reset_cycles += math.ceil(8 * max(1.0, core_period / PERIOD))
        for name in ("cocotb.accelerator", f"cocotb.{dut._name}"):
            logging.getLogger(name).setLevel(logging.ERROR)
        self._bases = window_bases(address_width)
        self._program, self._data = bytearray(pages(0)), bytearray(pages(0))
        self.memory = self._new_memory()
        dut.rst.value = 1
        self.slave = MemorySlave(dut, self.memory)
        self.host = Host(dut)
        self._retired: list[int] = []
        Clock(dut.clk, PERIOD, "ns").start()
        cocotb.start_soon(self._watch_retired())
        if check_rules:
            StreamRule(dut)
        if bus is not None:
            BurstRule(dut, bus)

    def _new_memory(self):
        return Memory({self._bases["PROGRAM"]: self._program, self._bases["DATA"]: self._data},
                      writable=self._bases["DATA"])

    async def reset(self) -> None:
        """Hold the reset for some cycles."""
        await FallingEdge(self._dut.clk)
        self._dut.rst.value = 1
        await ClockCycles(self._dut.clk, self._reset_cycles, FallingEdge)
        self._dut.rst.value = 0
        await ClockCycles(self._dut.clk, 2, FallingEdge)

    async def _watch_retired(self):
        retired, rises, falls = (self._dut.retired, RisingEdge(self._dut.retired),
                                 FallingEdge(self._core_clock))
        while True:
            await rises
            await falls
            while retired.value == 1:
                self._retired.append(now())
                await falls

    def load(self, program: bytes, data: bytes | None, *, data_size: int,
             program_size: int = 0) -> None:
        """Put program and data where the windows are, behind the bus' back.

        Parameters
        ----------
        program : bytes
        data : bytes or None
            ``None`` leaves there what is there.
        data_size, program_size : int
            Bytes of the windows.
        """
        size = program_window(len(program), program_size)
        self._program[:] = program[:size].ljust(size, b"\0")
        if data is not None:
            self._data[:] = data.ljust(data_size, b"\0")
        assert len(self._data) == data_size, "the data window's size needs content"

    async def run(self, run: Run) -> Outcome:
        """Start what has been loaded, and wait for its end."""
        await self._settle()
        self.slave.behave(run.traffic, run.fault)
        self.memory.strays.clear()
        for window, content in (("PROGRAM", self._program), ("DATA", self._data)):
            base = self._bases[window]
            await self.host.write(f"{window}_BASE", base & 0xFFFF_FFFF)
            await self.host.write(f"{window}_BASE_HIGH", base >> 32)
            await self.host.write(f"{window}_SIZE", len(content))
        await self.host.write("PROGRAM_START", run.start)
        await self.host.write("WATCHDOG", run.watchdog)
        await self.host.set("INTERRUPT_STATUS", done=1, error=1)
        await self.host.set("INTERRUPT_ENABLE", done=1, error=1)
        assert self._dut.interrupt.value == 0, "the interrupt must be down before the start"
        self._retired.clear()
        started = await self.host.set("CONTROL", start=1)
        return await self._await_end(run, started)

    async def _settle(self):
        """Wait until the accelerator can be started."""
        for _ in range(_DRAIN_LIMIT // 10):
            status = await self.host.read("STATUS")
            if not status & 0b1001:  # busy, draining
                return
            await Timer(10 * PERIOD, "ns")
        raise AssertionError(f"the accelerator must be free {_DRAIN_LIMIT} cycles after its end, "
                             f"but STATUS is {status:#x}")

    async def _await_end(self, run, started):
        writes = self.host.writes
        fault = run.fault
        waits = [RisingEdge(self._dut.interrupt), Timer(run.timeout * PERIOD, "ns")]
        if fault.reset or fault.soft_reset or fault.silent:
            late = max(fault.cycle - (now() - started), 1)
            moment = Timer(late * PERIOD, "ns")
            if await First(*waits, moment) is moment:
                if not fault.silent:
                    return await self._break_off(fault)
                self.slave.silence(fault.silent)
                self.memory.first_error = now()
                await First(*waits)
        else:
            await First(*waits)
        interrupt, written = now(), self.host.writes
        ended = self._dut.interrupt.value == 1
        if not ended:
            return self._outcome("timeout", started, interrupt=interrupt - started,
                                 counters=await self._counters())
        self.slave.behave(run.traffic, type(fault)())if fault.silent else None
        await ClockCycles(self._dut.clk, 2, FallingEdge)
        error = await self.host.get("STATUS", "error")
        cause = self.memory.first_error
        outcome = self._outcome(
            "error" if error else "done", started, interrupt=interrupt - started,
            cause=None if cause is None else cause - started,
            writes_while_running=written - writes,
            error_code=await self.host.read("ERROR_CODE"),
            error_command=await self.host.read("ERROR_COMMAND"),
            stream_error=await self.host.read("STREAM_ERROR"),
            counters=await self._counters())
        await self._check_interrupt(bool(error))
        return outcome

    async def _counters(self):
        return {name: await self.host.read(name) for name in COUNTERS}

    def _outcome(self, end, started, **values):
        retired = [round((cycle - started) * self._core_cycles) for cycle in self._retired]
        return Outcome(end=end, retired=retired,
                       strays=list(self.memory.strays), **values)

    async def _check_interrupt(self, error):
        status = await self.host.read("INTERRUPT_STATUS")
        assert status == (2 if error else 1), f"INTERRUPT_STATUS must be of one kind, not {status}"
        await self.host.set("INTERRUPT_STATUS", done=1, error=1)
        await ClockCycles(self._dut.clk, 2, FallingEdge)
        assert self._dut.interrupt.value == 0, "the interrupt must fall when it is acknowledged"

    async def _break_off(self, fault):
        if fault.reset:
            await self.reset()
        else:
            await self.host.set("CONTROL", soft_reset=1)
            await self._settle()
            assert self._dut.interrupt.value == 0, "a soft reset must raise no interrupt"
        return Outcome(end="reset", strays=list(self.memory.strays))

    @property
    def data(self) -> bytes:
        """What is in the data window."""
        return bytes(self._data)
