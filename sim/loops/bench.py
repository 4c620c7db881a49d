"""A bench that starts loops with commands and compares what they put out."""

import collections
import random

from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, ReadOnly

from sparrow.hw.export import flat_ports
from sparrow.hw.spec.commands import Opcode, command

from ..streams import Clocking, StreamMonitor, pattern

__all__ = ["LoopBench", "command_bits"]

_IDLE_CYCLES = 12


def command_bits(opcode: Opcode, values: dict[str, int]) -> int:
    """A command as the bits of a ``command`` port."""
    return sum((values[field.name] & ((1 << field.width) - 1)) << field.low
               for field in command(opcode).fields)


class LoopBench:
    """Starts a loop with commands, one after the other, and checks all that it puts out.

    Parameters
    ----------
    dut
        The simulator's top: a component with ``command``, ``start``, and a stream or the ports
        ``busy`` and ``advance``.
    component
        What it was exported from.
    stream : str or None
        Name of the stream.
    fields : tuple of str
        Without a stream, the ports to compare.
    stall : str
        Pattern in which the output is taken.
    """

    def __init__(self, dut, component, *, stream: str | None = None, fields: tuple = (),
                 stall: str = "always", seed: int = 0):
        self._dut, self._fields, self._moves = dut, fields, pattern(stall, seed)
        self._random = random.Random(seed)
        self.covered: collections.Counter[str] = collections.Counter()
        self._expected: collections.deque = collections.deque()
        self._monitor = None
        if stream is not None:
            self._monitor = StreamMonitor(dut, stream, flat_ports(component), self._moves,
                                          receive=self._check)
        self._clocking = Clocking(dut, [self._monitor] if self._monitor else [])
        Clock(dut.clk, 10, "ns").start()

    def _check(self, output) -> None:
        assert self._expected, f"{output} is one more than expected"
        expected = self._expected.popleft()
        if isinstance(expected, dict):
            for name, value in expected.items():
                assert output[name] == value, (
                    f"output {self.covered['outputs']}: {name} is {output[name]}, "
                    f"nested loops say {value}")
        else:
            assert output == expected, (f"output {self.covered['outputs']}: {output}, nested "
                                        f"loops say {expected}")
        self.covered["outputs"] += 1

    async def reset(self) -> None:
        """Reset the loop; what was expected is forgotten."""
        self._expected.clear()
        await FallingEdge(self._dut.clk)
        self._dut.start.value = 0
        if self._monitor is None:
            self._dut.advance.value = 0
        await self._clocking.reset()

    async def run(self, opcode: Opcode, values: dict[str, int], expected, *,
                  cycles: int | None = None) -> None:
        """Execute a command to its end, or for some cycles."""
        self._expected.extend(expected)
        await FallingEdge(self._dut.clk)
        self._dut.command.value = command_bits(opcode, values)
        self._dut.start.value = 1
        if self._monitor is not None:
            self._dut[f"{self._monitor.name}_ready"].value = 0
        await FallingEdge(self._dut.clk)
        self._dut.start.value = 0
        self.covered["commands"] += 1
        still, moved, spent = 0, len(self._expected), 0
        while self._expected and (cycles is None or spent < cycles):
            await self._cycle()
            spent += 1
            still = 0 if len(self._expected) < moved else still + 1
            moved = len(self._expected)
            assert still < 200, f"nothing comes out for {still} cycles, {moved} outputs are left"
        if cycles is None:
            for _ in range(_IDLE_CYCLES):
                await self._cycle()

    async def _cycle(self) -> None:
        if self._monitor is not None:
            await self._clocking.cycle()
            return
        await FallingEdge(self._dut.clk)
        moves = next(self._moves)
        self._dut.advance.value = int(moves)
        await ReadOnly()
        busy = int(self._dut.busy.value)
        assert busy or not self._expected, "it has ended before its time"
        if busy and moves:
            self._check(tuple(int(getattr(self._dut, name).value) for name in self._fields))
