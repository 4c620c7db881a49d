"""A bench that starts loops with commands and compares what they put out."""

import collections
import random
from collections.abc import Callable, Iterator

from cocotb.clock import Clock

from sparrow.hw.export import flat_ports
from sparrow.hw.spec.accelerator import AcceleratorSpec
from sparrow.hw.spec.commands import Opcode, command

from ..streams import Clocking, StreamDriver, StreamMonitor, pattern
from .cases import Loop
from .reference import Command

__all__ = ["LoopBench", "command_bits"]

_IDLE_CYCLES = 20


def command_bits(opcode: Opcode, values: Command) -> int:
    """A command as the bits of a ``command`` port."""
    return sum((values[field.name] & ((1 << field.width) - 1)) << field.low
               for field in command(opcode).fields)


class _Start:
    """Hands commands over, as what :class:`Clocking` moves on.

    Parameters
    ----------
    width : int
        Bits of ``command``, which is noise where the loop doesn't need it.
    moves
        When a command may come.
    free, needed : function
        Whether the loop can take one in this cycle; whether it needs the one that it has.
    begin : function
        Gets the command that is taken.
    """

    def __init__(self, dut, width: int, moves: Iterator[bool], *, free: Callable[[], bool],
                 needed: Callable[[], bool], begin: Callable[[Command], None],
                 opcode: Opcode, seed: int):
        self._dut, self._width, self._moves, self._opcode = dut, width, moves, opcode
        self._free, self._needed, self._begin = free, needed, begin
        self._noise = random.Random(seed)
        self._starts = False
        self.commands: collections.deque[Command] = collections.deque()

    def clear(self) -> None:
        """Start nothing, and forget what was to be started."""
        self.commands.clear()
        self._dut.start.value = 0

    def drive(self) -> None:
        """Set ``start`` and ``command``."""
        self._starts = bool(self.commands) and self._free() and next(self._moves)
        self._dut.start.value = int(self._starts)
        if self._starts:
            self._dut.command.value = command_bits(self._opcode, self.commands[0])
        elif not self._needed():
            self._dut.command.value = self._noise.getrandbits(self._width)

    def sample(self) -> None:
        """The command is taken."""
        if self._starts:
            self._begin(self.commands.popleft())


class _Ports:
    """The output of a loop without a stream, as one that :class:`Clocking` moves on."""

    def __init__(self, dut, names: list[str], moves: Iterator[bool],
                 receive: Callable[[dict[str, int]], None]):
        self._dut, self._names, self._moves, self._receive = dut, names, moves, receive
        self.advances = False

    def clear(self) -> None:
        """Take nothing."""
        self.advances = False
        self._dut.advance.value = 0

    def drive(self) -> None:
        """Set ``advance`` for this cycle."""
        self.advances = next(self._moves)
        self._dut.advance.value = int(self.advances)

    def sample(self) -> None:
        """See what is taken."""
        if int(self._dut.busy.value) and self.advances:
            self._receive({name: int(self._dut[name].value) for name in self._names})


class LoopBench:
    """Starts a loop with commands, one after the other, and checks all that it puts out.

    From the cycle after ``start`` to its last output it must be busy, and, unless it has further
    inputs, have something to offer in every cycle. Where it doesn't need a command, there is noise.

    Parameters
    ----------
    dut
        The simulator's top: a component with ``command``, ``start``, and a stream or other ports
        that go on with ``advance`` until ``ends``; ``busy`` goes with either.
    loop : Loop
        What it is.
    spec : AcceleratorSpec
        What it was made for.
    stall : str
        Pattern in which the output is taken, and in which commands come.
    """

    def __init__(self, dut, loop: Loop, spec: AcceleratorSpec, *, stall: str = "always",
                 seed: int = 0):
        self._dut, self._loop, self._spec = dut, loop, spec
        self.covered: collections.Counter[str] = collections.Counter()
        self._expected: collections.deque[dict[str, int]] = collections.deque()
        ports = flat_ports(loop.component(spec=spec))
        outputs = [port.name for port in ports if not port.is_input]
        moves, starts = pattern(stall, seed), pattern(stall, seed + 1)
        self._ports = None if loop.stream else _Ports(
            dut, [name for name in outputs if name not in ("busy", "ends")], moves, self._check)
        output = self._ports or StreamMonitor(dut, str(loop.stream), ports, moves,
                                              receive=self._check)
        width = next(port.width for port in ports if port.name == "command")
        self._start = _Start(dut, width, starts, free=self._free, needed=self._needed,
                             begin=self._begin, opcode=loop.opcode, seed=seed)
        self._inputs = {name: StreamDriver(dut, name, ports, pattern(stall, seed + 2), seed=seed)
                        for name in loop.inputs if f"{name}_valid" in {port.name for port in ports}}
        self._clocking = Clocking(dut, [output, self._start, *self._inputs.values()])
        offers = ["busy", *([] if self._inputs else [f"{loop.stream}_valid"])]
        self._offers = [dut[name] for name in offers if name in outputs]
        Clock(dut.clk, 10, "ns").start()

    def _free(self) -> bool:
        return not self._expected or (self._loop.keeps and self._ends())

    def _needed(self) -> bool:
        return bool(self._expected) and not self._loop.keeps

    def _ends(self) -> bool:
        """The last output of a command is taken in this cycle."""
        return len(self._expected) == 1 and self._ports is not None and self._ports.advances

    def _begin(self, values):
        self._expected.extend(self._loop.expected(values, self._spec))
        for name, driver in self._inputs.items():
            for number in self._loop.inputs[name](values):
                driver.send({"": number})  # the payload is the port
        self.covered["commands"] += 1

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

    async def run(self, *commands: Command, cycles: int | None = None) -> None:
        """Execute commands to their end, each as soon as can be, or for some cycles."""
        self._start.commands.extend(commands)
        spent = 0
        while (self._expected or self._start.commands) and (cycles is None or spent < cycles):
            await self._cycle()
            spent += 1
        if cycles is None:
            await self.idle()

    async def idle(self) -> None:
        """See that nothing more comes out."""
        for _ in range(_IDLE_CYCLES):
            await self._cycle()

    async def _cycle(self) -> None:
        left = len(self._expected)
        await self._clocking.cycle()
        for offer in self._offers:
            assert int(offer.value) == int(left > 0), (
                f"{offer._name} must be {int(left > 0)} with {left} outputs left")
        if self._ports is not None:
            ends = int(left == 1 and self._ports.advances)
            assert int(self._dut.ends.value) == ends, (
                f"ends must be {ends} with {left} outputs left")
            self.covered["starts in the last cycle"] += ends and int(self._dut.start.value)
