"""Drivers and monitors of streams, moved on once per clock cycle by one loop.

Inputs are set after the falling edge and everything is sampled once it has settled, so that a
sample is what the flip-flops see at the rising edge, in every simulator.
"""

import collections
import random
from collections.abc import Callable, Iterator

from cocotb.triggers import FallingEdge, ReadOnly

from .bits import pack, unpack

__all__ = ["PATTERNS", "Clocking", "StreamDriver", "StreamMonitor", "pattern"]

PATTERNS = [("always", "always"), ("often", "often"), ("seldom", "always"), ("always", "seldom"),
            ("bursts", "bursts"), ("alternate", "alternate")]
"""Of idle inputs and a stalling output, see :func:`pattern`: what random traffic goes through."""


def pattern(kind: str, seed: int) -> Iterator[bool]:
    """Whether a stream may move, cycle by cycle.

    Parameters
    ----------
    kind : str
        ``always``; ``often`` (3 of 4 cycles); ``seldom`` (1 of 4); ``bursts`` (runs of up to
        20 cycles each way); ``alternate``.
    """
    source = random.Random(seed)
    while True:
        if kind == "always":
            yield True
        elif kind == "bursts":
            yield from [True] * source.randint(1, 20)
            yield from [False] * source.randint(1, 20)
        elif kind == "alternate":
            yield from (True, False)
        else:
            yield source.random() < {"often": 0.75, "seldom": 0.25}[kind]


class _Stream:
    def __init__(self, dut, name: str, ports, moves: Iterator[bool]):
        self.name = name
        self.moves = moves
        self.transfers = 0
        self.stalls = 0
        self._ports = {port.name[len(name) + 1:]: port for port in ports
                       if port.member == name and port.path[:1] == ("payload",)}
        self._handles = {field: getattr(dut, port.name) for field, port in self._ports.items()}
        self._valid = getattr(dut, f"{name}_valid")
        self._ready = getattr(dut, f"{name}_ready")


class StreamDriver(_Stream):
    """Sends payloads (dicts of field values) in order, keeping the stream rule.

    While it has nothing to send, the payload is noise.
    """

    def __init__(self, dut, name, ports, moves, *, seed: int = 0):
        super().__init__(dut, name, ports, moves)
        self._queue: collections.deque[dict[str, int]] = collections.deque()
        self._offering = False
        self._noise = random.Random(seed)
        self._cycle = 0
        self.taken_at: list[int] = []

    def send(self, payload: dict) -> None:
        """Append a payload; its fields are those of the stream's flat ports."""
        self._queue.append({field: pack(self._ports[field].layout, value)
                            for field, value in payload.items()})

    @property
    def pending(self) -> int:
        """Payloads that haven't been taken."""
        return len(self._queue)

    def clear(self) -> None:
        """Forget all payloads, as a reset does."""
        self._queue.clear()
        self._offering = False
        self._valid.value = 0

    def drive(self) -> None:
        """Set the inputs for this cycle."""
        if not self._offering and self._queue and next(self.moves):
            self._offering = True
            for field, value in self._queue[0].items():
                self._handles[field].value = value
        elif not self._offering:
            for field, port in self._ports.items():
                self._handles[field].value = self._noise.getrandbits(port.width)
        self._valid.value = int(self._offering)

    def sample(self) -> None:
        """See whether the payload is taken; ``taken_at`` lists the cycles of all transfers."""
        if self._offering:
            if int(self._ready.value):
                self._queue.popleft()
                self._offering = False
                self.transfers += 1
                self.taken_at.append(self._cycle)
            else:
                self.stalls += 1
        self._cycle += 1


class StreamMonitor(_Stream):
    """Takes payloads, hands them to ``receive``, and checks the stream rule.

    A ``patient`` one isn't ready before a payload is on offer: ``valid`` must not wait for it.
    """

    def __init__(self, dut, name, ports, moves, *, receive: Callable[[dict], None],
                 patient: bool = False):
        super().__init__(dut, name, ports, moves)
        self._patient = patient
        self._receive = receive
        self._waiting: dict[str, int] | None = None

    def clear(self) -> None:
        """Forget what was on offer, as a reset does."""
        self._waiting = None
        self._ready.value = 0

    def drive(self) -> None:
        """Set ``ready`` for this cycle."""
        self._accepts = next(self.moves) and not (self._patient and self._waiting is None)
        self._ready.value = int(self._accepts)

    def sample(self) -> None:
        """Take a payload, if there is one; raises ``AssertionError`` on a broken rule."""
        if not int(self._valid.value):
            assert self._waiting is None, f"{self.name}: valid fell before the transfer"
            return
        bits = {field: int(handle.value) for field, handle in self._handles.items()}
        assert self._waiting in (None, bits), f"{self.name}: payload changed before the transfer"
        if not self._accepts:
            self._waiting = bits
            self.stalls += 1
            return
        self._waiting = None
        self.transfers += 1
        self._receive({field: unpack(self._ports[field].layout, value)
                       for field, value in bits.items()})


class Clocking:
    """Moves all streams of a bench on, cycle by cycle."""

    def __init__(self, dut, streams: list):
        self._dut = dut
        self.streams = streams
        self.cycles = 0

    async def cycle(self) -> None:
        """One clock cycle."""
        await FallingEdge(self._dut.clk)
        for stream in self.streams:
            stream.drive()
        await ReadOnly()
        for stream in self.streams:
            stream.sample()
        self.cycles += 1

    async def reset(self, cycles: int = 2) -> None:
        """Hold the reset for some cycles; what the streams had on offer is forgotten."""
        await FallingEdge(self._dut.clk)
        self._dut.rst.value = 1
        for stream in self.streams:
            stream.clear()
        for _ in range(cycles):
            await FallingEdge(self._dut.clk)
        self._dut.rst.value = 0
