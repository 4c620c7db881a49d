"""What the benches of blocks between streams share: payloads in, an order of expectations out."""

import collections
from typing import Any

from cocotb.clock import Clock

from .streams import Clocking, StreamDriver, StreamMonitor

__all__ = ["StreamBench"]


class StreamBench:
    """Sends payloads, and hands what comes out to a check, beside what is expected next.

    A subclass calls :meth:`connect` once its streams are made, and has :meth:`compare`; it may
    look on in every cycle by its own :meth:`cycle`.

    Parameters
    ----------
    dut
        The simulator's top.
    """

    def __init__(self, dut):
        self._dut = dut
        self.covered: collections.Counter[str] = collections.Counter()
        self.received_at: list[int] = []
        self.expected: collections.deque[Any] = collections.deque()
        self.checked = 0

    def connect(self, drivers: dict[str, StreamDriver], output: StreamMonitor) -> None:
        """Start the clock for the streams; ``drivers`` by what their payloads are called."""
        self._drivers, self._output = drivers, output
        self.clocking = Clocking(self._dut, [*drivers.values(), output])
        Clock(self._dut.clk, 10, "ns").start()

    def compare(self, payload: dict, expected: Any) -> None:
        """Assert that a payload is the expected one."""
        raise NotImplementedError

    def receive(self, payload: dict) -> None:
        """Take a payload of the output; ``received_at`` lists the cycles of all."""
        assert self.expected, (f"{self._output.name}: a transfer more than the {self.checked} "
                               f"expected: {payload}")
        self.compare(payload, self.expected.popleft())
        self.checked += 1
        self.received_at.append(self.clocking.cycles)

    async def reset(self) -> None:
        """Reset the block and forget what is under way."""
        self.expected.clear()
        await self.clocking.reset()
        self.covered["resets"] += 1

    async def cycle(self) -> None:
        """One clock cycle."""
        await self.clocking.cycle()

    async def cycles(self, number: int) -> None:
        """Some clock cycles."""
        for _ in range(number):
            await self.cycle()

    async def finish(self, *, still_limit: int, surplus_cycles: int) -> None:
        """Go on until all is sent and received, then look out for surplus payloads.

        Raises ``AssertionError`` when nothing moves for ``still_limit`` cycles.
        """
        moved, still = 0, 0
        while self.expected or any(driver.pending for driver in self._drivers.values()):
            await self.cycle()
            transfers = sum(stream.transfers for stream in self.clocking.streams)
            moved, still = transfers, 0 if transfers != moved else still + 1
            assert still < still_limit, (
                f"nothing moves for {still} cycles: {len(self.expected)} results, "
                + ", ".join(f"{driver.pending} {name}" for name, driver in self._drivers.items())
                + " are left")
        await self.cycles(surplus_cycles)
