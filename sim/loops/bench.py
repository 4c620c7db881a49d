"""A bench that starts loops with commands and compares what they put out."""

import collections

from cocotb.clock import Clock

from sparrow.hw.export import flat_ports
from sparrow.hw.spec.accelerator import AcceleratorSpec
from sparrow.hw.spec.commands import Opcode, command

from ..streams import Clocking, StreamMonitor, pattern
from .cases import Loop

__all__ = ["LoopBench", "command_bits"]

_IDLE_CYCLES = 20


def command_bits(opcode: Opcode, values: dict[str, int]) -> int:
    """A command as the bits of a ``command`` port."""
    return sum((values[field.name] & ((1 << field.width) - 1)) << field.low
               for field in command(opcode).fields)


class _Start:
    """Hands a command over, as what :class:`Clocking` moves on; ``command`` is the next one."""

    def __init__(self, dut):
        self._dut = dut
        self.command: int | None = None

    def clear(self) -> None:
        """Start nothing."""
        self.command = None
        self._dut.start.value = 0

    def drive(self) -> None:
        """Set ``start``, and ``command``, which stays."""
        self._dut.start.value = int(self.command is not None)
        if self.command is not None:
            self._dut.command.value = self.command
        self.command = None

    def sample(self) -> None:
        """Nothing to see."""


class _Ports:
    """The output of a loop without a stream, as one that :class:`Clocking` moves on."""

    def __init__(self, dut, moves, receive):
        self._dut, self._moves, self._receive = dut, moves, receive

    def clear(self) -> None:
        """Take nothing."""
        self._dut.advance.value = 0

    def drive(self) -> None:
        """Set ``advance`` for this cycle."""
        self._advances = next(self._moves)
        self._dut.advance.value = int(self._advances)

    def sample(self) -> None:
        """See what is taken."""
        if int(self._dut.busy.value) and self._advances:
            self._receive({name: int(self._dut[name].value) for name in ("bank", "row")})


class LoopBench:
    """Starts a loop with commands, one after the other, and checks all that it puts out.

    From the cycle after ``start`` to its last output it must have something to offer in every
    cycle.

    Parameters
    ----------
    dut
        The simulator's top: a component with ``command``, ``start``, and a stream or the ports
        ``bank``, ``row`` and ``advance``; ``busy`` goes with either.
    loop : Loop
        What it is.
    spec : AcceleratorSpec
        What it was made for.
    stall : str
        Pattern in which the output is taken.
    """

    def __init__(self, dut, loop: Loop, spec: AcceleratorSpec, *, stall: str = "always",
                 seed: int = 0):
        self._loop, self._spec = loop, spec
        self.covered: collections.Counter[str] = collections.Counter()
        self._expected: collections.deque[dict[str, int]] = collections.deque()
        moves = pattern(stall, seed)
        ports = flat_ports(loop.component(spec=spec))
        output = (_Ports(dut, moves, self._check) if loop.stream is None else
                  StreamMonitor(dut, loop.stream, ports, moves, receive=self._check))
        self._start = _Start(dut)
        self._clocking = Clocking(dut, [self._start, output])
        names = {port.name for port in ports}
        self._offers = [dut[name] for name in ("busy", f"{loop.stream}_valid") if name in names]
        Clock(dut.clk, 10, "ns").start()

    def _check(self, output: dict[str, int]) -> None:
        assert self._expected, f"{output} is one more than expected"
        expected = self._expected.popleft()
        for name, value in expected.items():
            assert output[name] == value, (f"output {self.covered['outputs']}: {name} is "
                                           f"{output[name]}, nested loops say {value}")
        self.covered["outputs"] += 1

    async def reset(self) -> None:
        """Reset the loop; what was expected is forgotten."""
        self._expected.clear()
        await self._clocking.reset()

    async def run(self, values: dict[str, int], *, cycles: int | None = None) -> None:
        """Execute a command to its end, or for some cycles."""
        self._start.command = command_bits(self._loop.opcode, values)
        await self._cycle()
        self._expected.extend(self._loop.expected(values, self._spec))
        self.covered["commands"] += 1
        spent = 0
        while self._expected and (cycles is None or spent < cycles):
            await self._cycle()
            spent += 1
        if cycles is None:
            await self.idle()

    async def idle(self) -> None:
        """See that nothing more comes out."""
        for _ in range(_IDLE_CYCLES):
            await self._cycle()

    async def _cycle(self) -> None:
        due = int(bool(self._expected))
        await self._clocking.cycle()
        for offer in self._offers:
            assert int(offer.value) == due, (
                f"{offer._name} must be {due} with {len(self._expected)} outputs left")
