"""The bench around a requantizer: streams joined to a checker."""

import collections

from sparrow.hw.export import flat_ports
from sparrow.hw.post import Requantize
from sparrow.hw.spec.requantize import RequantizeSpec

from ..bench import StreamBench
from ..streams import StreamDriver, StreamMonitor, pattern
from .scenario import Scenario

__all__ = ["RequantizeBench", "latency"]
_SURPLUS_CYCLES = 20


def latency(spec: RequantizeSpec) -> int:
    """Cycles from a vector's transfer to its values, those not counted that stand still."""
    return 4 + spec.bias


class RequantizeBench(StreamBench):
    """Drives an exported requantizer and checks its values against golden's, in order.

    In every cycle it also checks ``error``, and the latency of what comes out.

    Parameters
    ----------
    dut
        The simulator's top.
    spec : RequantizeSpec
    idle, waiting, stall : str
        Patterns (see :func:`..streams.pattern`) in which sums and parameters are offered and
        values accepted.
    seed : int
    """

    def __init__(self, dut, spec: RequantizeSpec, *, idle: str = "always",
                 waiting: str = "always", stall: str = "always", seed: int = 0):
        super().__init__(dut)
        ports = flat_ports(Requantize(spec=spec))
        self.sums = StreamDriver(dut, "i", ports, pattern(idle, seed), seed=seed)
        self.parameters = StreamDriver(dut, "parameters", ports, pattern(waiting, seed + 1),
                                       seed=seed + 1)
        self.values = StreamMonitor(dut, "o", ports,
                                    pattern(stall if spec.stalls else "always", seed + 2),
                                    receive=self.receive)
        self.moved_at: list[int] = []  # transfers of sums, in cycles that don't stand still
        self._limit = 200 + 4 * spec.steps
        self._error = dut.error
        self._fault: int | None = None
        self._under_way: collections.deque[int] = collections.deque()
        self._steps_at: list[int] = []  # of the vector that is coming out
        self._steps = 1 if spec.collect else spec.steps
        self._latency = latency(spec)
        self.connect({"vectors": self.sums, "parameters": self.parameters}, self.values)

    def compare(self, payload, expected) -> None:
        """Values column by column, then the other fields."""
        for column, (is_, should) in enumerate(zip(payload["values"], expected["values"],
                                                   strict=True)):
            assert not should or is_ in should, (
                f"transfer {self.checked}, value {column}: value is {is_}, "
                f"golden says {' or '.join(map(str, should))}")
        for field in payload.keys() - {"values"}:
            assert payload[field] == expected[field], (
                f"transfer {self.checked}: {field} is {payload[field]}, "
                f"must be {int(expected[field])}")

    def receive(self, payload) -> None:
        """Take a payload; ``received_at`` lists the cycles of those that end a vector."""
        super().receive(payload)
        if not payload.get("end", 1):
            self.received_at.pop()

    async def reset(self) -> None:
        """Reset the requantizer and forget what is under way."""
        self._under_way.clear()
        self._steps_at.clear()
        self._fault = None
        await super().reset()

    async def run(self, scenario: Scenario, *, cycles: int | None = None) -> None:
        """Run a scenario to its end, or for some cycles; then look out for surplus values."""
        for payload in scenario.sums:
            self.sums.send(payload)
        for payload in scenario.parameters:
            self.parameters.send(payload)
        self.expected.extend(scenario.expected)
        if scenario.fault is not None:
            self._fault = self.parameters.transfers + scenario.fault
        if cycles is not None:
            await self.cycles(cycles)
            return
        self.covered.update(scenario.covered)
        await self.finish(still_limit=self._limit, surplus_cycles=_SURPLUS_CYCLES)

    async def cycle(self) -> None:
        """One clock cycle; ``error`` and latencies must be what they should."""
        moved = self.clocking.cycles - self.values.stalls
        sums, values = self.sums.transfers, self.values.transfers
        due = int(self._fault is not None and self.parameters.transfers > self._fault)
        await super().cycle()
        error = int(self._error.value)
        assert error == due, f"error is {error} in cycle {self.clocking.cycles}, must be {due}"
        if self.sums.transfers > sums:
            self.moved_at.append(moved)
            self._under_way.append(moved)
        if self.values.transfers > values:
            self._steps_at.append(moved)
        if len(self._steps_at) == self._steps:
            latencies = [at - self._under_way[0] for at in self._steps_at]
            documented = list(range(self._latency - self._steps + 1, self._latency + 1))
            assert latencies == documented, (
                f"transfer {self.checked - 1}: latencies are {latencies} cycles that don't stand "
                f"still, documented are {documented}")
            self._under_way.popleft()
            self._steps_at.clear()

    def coverage(self) -> dict:
        """What has been exercised so far."""
        return {**self.covered, "results": self.checked, "cycles": self.clocking.cycles,
                "i stalls": self.sums.stalls, "parameters stalls": self.parameters.stalls,
                "o stalls": self.values.stalls}
