"""Memory behind the accelerator's master: cocotbext-axi's slave with latency, stalls and faults."""

from collections.abc import Iterator

import cocotb
from cocotb.queue import Queue
from cocotb.triggers import Timer
from cocotb.utils import get_sim_time
from cocotbext.axi import AxiReadBus, AxiSlaveRead, AxiSlaveWrite, AxiWriteBus
from cocotbext.axi.axi_channels import AxiARSink, AxiAWSink

from ..streams import pattern
from .script import Fault, Traffic

__all__ = ["PERIOD", "Memory", "MemorySlave", "now"]

PERIOD = 10  # nanoseconds; rising edges at its multiples
_MOVING = {"ar": "ar_channel", "r": "r_channel", "aw": "aw_channel", "w": "w_channel",
           "b": "b_channel"}


def now() -> int:
    """The number of the current cycle; it begins with the rising edge."""
    return int(get_sim_time("ns")) // PERIOD


class Memory:
    """Some windows of memory; all accesses elsewhere are remembered as strays.

    Parameters
    ----------
    windows : dict of int to bytearray
        By base address.
    writable : int
        Base address of the window that may be written.
    """

    def __init__(self, windows: dict[int, bytearray], writable: int):
        self._windows = windows
        self._writable = writable
        self.fault = Fault()
        self.first_error: int | None = None
        self.strays: list[str] = []

    def _place(self, address, length, kind, forbidden):
        if forbidden is not None and forbidden[0] < address + length and address < forbidden[1]:
            if self.first_error is None:
                self.first_error = now()
            raise ValueError("error on purpose")
        for base, content in self._windows.items():
            if base <= address and address + length <= base + len(content):
                return content, address - base, base
        self.strays.append(f"{kind} of {length} bytes at {address:#x}")
        raise ValueError(self.strays[-1])

    async def read(self, address: int, length: int) -> bytes:
        """Bytes; raises ``ValueError``, which the slave answers with an error."""
        content, offset, _ = self._place(address, length, "read", self.fault.read_error)
        return content[offset:offset + length]

    async def write(self, address: int, data: bytes) -> None:
        """Replace bytes; raises ``ValueError``, which the slave answers with an error."""
        content, offset, base = self._place(address, len(data), "write", self.fault.write_error)
        if base != self._writable:
            self.strays.append(f"write of {len(data)} bytes at {address:#x}")
            raise ValueError(self.strays[-1])
        content[offset:offset + len(data)] = data


class _Late:
    """A channel through which things pass ``latency`` cycles late, in order, side by side.

    It stands in for a sink (``recv``) or a source (``send``) of cocotbext-axi, from which it has
    all else.
    """

    def __init__(self, channel):
        self._channel = channel
        self._waiting: Queue = Queue()
        self._receives = hasattr(channel, "recv")
        self._generation = 0
        self.latency = 1
        cocotb.start_soon(self._take() if self._receives else self._give())

    def __getattr__(self, name):
        return getattr(self._channel, name)

    async def _take(self):
        while True:
            item = await self._channel.recv()
            self._put(item)

    async def _give(self):
        while True:
            item = await self._next()
            await self._channel.send(item)

    def _put(self, item):
        # half a cycle early: what is sent then is driven at the next edge
        due = (now() + self.latency) * PERIOD - PERIOD // 2
        self._waiting.put_nowait((due, self._generation, item))

    async def _next(self):
        while True:
            due, generation, item = await self._waiting.get()
            wait = due - int(get_sim_time("ns"))
            if wait > 0 and self.latency > 1:
                await Timer(wait, "ns")
            if generation == self._generation:  # no reset meanwhile
                return item

    async def recv(self):
        return await self._next()

    async def send(self, item):
        self._put(item)

    def clear(self):
        self._channel.clear()
        self._generation += 1
        while not self._waiting.empty():
            self._waiting.get_nowait()


class MemorySlave:
    """An AXI slave in front of a memory.

    Parameters
    ----------
    dut
        The simulator's top.
    memory : Memory
    prefix : str
        Of the ports.
    """

    def __init__(self, dut, memory: Memory, *, prefix: str = "m_axi"):
        self.memory = memory
        for channel, sink in (("ar", AxiARSink), ("aw", AxiAWSink)):
            _take_widths(dut, f"{prefix}_{channel}", channel, sink)
        self._read = AxiSlaveRead(AxiReadBus.from_prefix(dut, prefix), dut.clk, dut.rst,
                                  target=memory)
        self._write = AxiSlaveWrite(AxiWriteBus.from_prefix(dut, prefix), dut.clk, dut.rst,
                                    target=memory)
        self._channels = {name: getattr(self._side(name), attribute)
                          for name, attribute in _MOVING.items()}
        # reads wait between address and data, writes between the last word and the answer
        self._late = [_Late(self._channels["ar"]), _Late(self._channels["b"])]
        self._read.ar_channel, self._write.b_channel = self._late
        self._stalled = False

    def _side(self, channel):
        return self._read if channel in ("ar", "r") else self._write

    def behave(self, traffic: Traffic, fault: Fault) -> None:
        """Behave so from now on."""
        self.memory.fault = fault
        self.memory.first_error = None
        for channel in self._late:
            channel.latency = traffic.latency
        for number, (name, channel) in enumerate(self._channels.items()):
            bandwidth = traffic.bandwidth if name in ("r", "w") else 1.0
            if traffic.stalls == "always" and bandwidth == 1.0:
                if self._stalled:
                    channel.clear_pause_generator()
                channel.pause = False
            else:
                moves = pattern(traffic.stalls, 1000 * traffic.seed + number)
                channel.set_pause_generator(_pauses(moves, bandwidth))
        self._stalled = traffic.stalls != "always" or traffic.bandwidth != 1.0

    def silence(self, name: str) -> None:
        """Do nothing on a channel, until :meth:`behave`."""
        self._channels[name].clear_pause_generator()
        self._channels[name].pause = True


def _take_widths(dut, port, channel, sink):
    """Let a sink take lengths and locks of AXI3; cocotbext-axi knows the widths of AXI4's alone."""
    sink._signal_widths = dict(sink._signal_widths) | {
        f"{channel}{name}": len(getattr(dut, f"{port}{name}"))
        for name in ("len", "lock") if hasattr(dut, f"{port}{name}")}


def _pauses(moves: Iterator[bool], bandwidth: float) -> Iterator[bool]:
    credit = 0.0
    for may_move in moves:
        credit = min(credit + bandwidth, 1.0)
        moving = may_move and credit >= 1.0 - 1e-9
        if moving:
            credit -= 1.0
        yield not moving
