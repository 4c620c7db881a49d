"""The bench around a MAC array: streams joined to a checker."""

import collections

from cocotb.clock import Clock

from sparrow.hw.export import flat_ports
from sparrow.hw.mac import MacArray
from sparrow.hw.spec.mac import Dataflow, MacArraySpec

from ..streams import Clocking, StreamDriver, StreamMonitor, pattern
from .scenario import Scenario

__all__ = ["MacArrayBench"]


class MacArrayBench:
    """Drives an exported MAC array and checks its sums against golden's, in order.

    Parameters
    ----------
    dut
        The simulator's top.
    spec : MacArraySpec
    idle, stall : str
        Patterns (see :func:`..streams.pattern`) in which inputs offer and the output accepts.
    patient : bool
        The output isn't accepted before it is on offer.
    seed : int
    """

    def __init__(self, dut, spec: MacArraySpec, *, idle: str = "always", stall: str = "always",
                 patient: bool = False, seed: int = 0):
        self.spec = spec
        ports = flat_ports(MacArray(spec=spec))
        names = ["weights", "activations"]
        if spec.dataflow is Dataflow.INPUT_STATIONARY:
            names.reverse()
        self.stationary, self.moving = (
            StreamDriver(dut, name, ports, pattern(idle, seed + number), seed=seed)
            for number, name in enumerate(names))
        self.sums = StreamMonitor(dut, "sums", ports, pattern(stall, seed + 2),
                                  receive=self._check, patient=patient)
        self.clocking = Clocking(dut, [self.stationary, self.moving, self.sums])
        self.covered: collections.Counter[str] = collections.Counter()
        self.received_at: list[int] = []
        self._expected: collections.deque[dict] = collections.deque()
        self._checked = 0
        Clock(dut.clk, 10, "ns").start()

    def _check(self, payload):
        assert self._expected, f"sums: a transfer more than the {self._checked} expected: {payload}"
        expected = self._expected.popleft()
        for field, value in payload.items():
            wanted = expected[field]
            if isinstance(value, list):
                for column, (is_, should) in enumerate(zip(value, wanted, strict=True)):
                    assert is_ == should, (f"transfer {self._checked}, column {column}: sum is "
                                           f"{is_}, golden says {should}")
            assert value == wanted or isinstance(value, list), (
                f"transfer {self._checked}: {field} is {value}, golden says {wanted}")
        self._checked += 1
        self.received_at.append(self.clocking.cycles)

    def load(self, scenario: Scenario) -> None:
        """Queue a scenario's payloads and expectations."""
        for payload in scenario.stationary:
            self.stationary.send(payload)
        for payload in scenario.moving:
            self.moving.send(payload)
        self._expected.extend(scenario.expected)
        self.covered.update(scenario.covered)

    async def reset(self) -> None:
        """Reset the array and forget what is under way."""
        self._expected.clear()
        await self.clocking.reset()
        self.covered["resets"] += 1

    async def run(self, scenario: Scenario, *, cycles: int | None = None) -> None:
        """Run a scenario to its end, or for some cycles; then look out for surplus sums."""
        self.load(scenario)
        if cycles is not None:
            for _ in range(cycles):
                await self.clocking.cycle()
            return
        limit = 100 + 8 * (self.spec.lanes + self.spec.columns)
        moved, still = 0, 0
        while self._expected or self.stationary.pending or self.moving.pending:
            await self.clocking.cycle()
            transfers = sum(stream.transfers for stream in self.clocking.streams)
            moved, still = transfers, 0 if transfers != moved else still + 1
            assert still < limit, (
                f"nothing moves for {still} cycles: {len(self._expected)} sums, "
                f"{self.moving.pending} vectors, {self.stationary.pending} loads are left")
        for _ in range(2 * (self.spec.lanes + self.spec.columns) + 10):
            await self.clocking.cycle()

    def coverage(self) -> dict:
        """What has been exercised so far."""
        return {**self.covered, "sums": self._checked, "cycles": self.clocking.cycles,
                "weights stalls": self.stationary.stalls, "vector stalls": self.moving.stalls,
                "sums stalls": self.sums.stalls}
