"""The bench around accumulators: streams joined to a checker."""

import collections

from cocotb.clock import Clock

from sparrow.hw.export import flat_ports
from sparrow.hw.mac.accumulators import Accumulators
from sparrow.hw.spec.mac import AccumulatorsSpec

from ..streams import Clocking, StreamDriver, StreamMonitor, pattern
from .scenario import Scenario

__all__ = ["AccumulatorsBench"]

_SURPLUS_CYCLES = 20
_STILL_CYCLES = 200


class AccumulatorsBench:
    """Drives exported accumulators and checks their results against golden's, in order.

    Parameters
    ----------
    dut
        The simulator's top.
    spec : AccumulatorsSpec
    idle, stall : str
        Patterns (see :func:`..streams.pattern`) in which the input offers and the output accepts.
    seed : int
    """

    def __init__(self, dut, spec: AccumulatorsSpec, *, idle: str = "always",
                 stall: str = "always", seed: int = 0):
        ports = flat_ports(Accumulators(spec=spec))
        self.arriving = StreamDriver(dut, "i", ports, pattern(idle, seed), seed=seed)
        self.results = StreamMonitor(dut, "o", ports, pattern(stall, seed + 1),
                                     receive=self._check)
        self.clocking = Clocking(dut, [self.arriving, self.results])
        self.covered: collections.Counter = collections.Counter()
        self.received_at: list[int] = []
        self._error, self._reported = dut.error, 0
        self._expected: collections.deque = collections.deque()
        self._checked = 0
        Clock(dut.clk, 10, "ns").start()

    def _check(self, payload):
        assert self._expected, f"o: a transfer more than the {self._checked} expected: {payload}"
        expected = self._expected.popleft()
        for column, (is_, should) in enumerate(zip(payload["sums"], expected["sums"],
                                                   strict=True)):
            assert is_ == should, (f"transfer {self._checked}, column {column}: sum is {is_}, "
                                   f"golden says {should}")
        for field, value in payload.items():
            assert value == expected[field], (f"transfer {self._checked}: {field} is {value}, "
                                              f"golden says {expected[field]}")
        self._checked += 1
        self.received_at.append(self.clocking.cycles)

    async def reset(self) -> None:
        """Reset the accumulators and forget what is under way."""
        self._expected.clear()
        self._reported = 0
        await self.clocking.reset()
        self.covered["resets"] += 1

    async def run(self, scenario: Scenario, *, cycles: int | None = None) -> None:
        """Run a scenario to its end, or for some cycles.

        At the end it looks out for surplus results, and at ``error``.
        """
        for payload in scenario.payloads:
            self.arriving.send(payload)
        self._expected.extend(scenario.expected)
        if cycles is not None:
            for _ in range(cycles):
                await self._cycle()
            return
        self.covered.update(scenario.covered)
        moved, still = 0, 0
        while self._expected or self.arriving.pending:
            await self._cycle()
            transfers = self.arriving.transfers + self.results.transfers
            moved, still = transfers, 0 if transfers != moved else still + 1
            assert still < _STILL_CYCLES, (
                f"nothing moves for {still} cycles: {len(self._expected)} results, "
                f"{self.arriving.pending} vectors are left")
        for _ in range(_SURPLUS_CYCLES):
            await self._cycle()
        assert self._reported == scenario.error, (
            f"error is {self._reported}, golden says {int(scenario.error)}")

    async def _cycle(self):
        await self.clocking.cycle()
        error = int(self._error.value)
        assert error >= self._reported, "error fell without a reset"
        self._reported = error

    def coverage(self) -> dict:
        """What has been exercised so far."""
        return {**self.covered, "results": self._checked, "cycles": self.clocking.cycles,
                "i stalls": self.arriving.stalls, "o stalls": self.results.stalls}
