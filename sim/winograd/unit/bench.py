"""The bench around a unit for Winograd convolution: streams and a memory joined to a checker."""

import random

from sparrow.hw.export import flat_ports
from sparrow.hw.spec.winograd import WinogradConvSpec
from sparrow.hw.winograd.conv import WinogradConv

from ...bench import StreamBench
from ...streams import StreamDriver, StreamMonitor, pattern
from .scenario import Scenario

__all__ = ["ALWAYS", "WinogradConvBench"]

ALWAYS = ("always",) * 4
"""Patterns in which nothing waits."""


class _Memory:
    """A memory with a cycle of latency, whose output stays until the next read."""

    def __init__(self, dut, rows: int, bits: int, seed: int):
        self._enable, self._row, self._data = dut.read_enable, dut.read_row, dut.read_data
        self._noise = random.Random(seed)
        self._bits = bits
        self.rows = [0] * rows
        self.transfers = 0
        self.clear()

    def clear(self) -> None:
        """What was read last is unknown."""
        self._data.value = self._noise.getrandbits(self._bits)
        self._read: int | None = None

    def drive(self) -> None:
        """Show what was read in the cycle before, or go on showing what there is."""
        if self._read is not None:
            self._data.value = self._read
            self._read = None

    def sample(self) -> None:
        """Read."""
        if int(self._enable.value):
            self._read = self.rows[int(self._row.value)]
            self.transfers += 1


class WinogradConvBench(StreamBench):
    """Drives an exported unit and checks its results against golden's, in order.

    Parameters
    ----------
    dut
        The simulator's top.
    spec : WinogradConvSpec
    patterns : (str, str, str, str)
        See :func:`...streams.pattern`: how passes, weights and parameters are offered and results
        accepted.
    patient : bool
        No result is accepted before it is offered.
    seed : int
    """

    def __init__(self, dut, spec: WinogradConvSpec, *, patterns: tuple[str, ...] = ALWAYS,
                 patient: bool = False, seed: int = 0):
        super().__init__(dut)
        component = WinogradConv(spec=spec)
        component._MustUse__used = True  # only its ports are wanted
        ports = flat_ports(component)
        self.drivers = {
            name: StreamDriver(dut, name, ports, pattern(kind, seed + number), seed=seed + number)
            for number, (name, kind) in enumerate(zip(("passes", "weights", "parameters"),
                                                      patterns, strict=False))}
        self.results = StreamMonitor(dut, "o", ports, pattern(patterns[3], seed + 3),
                                     receive=self.receive, patient=patient)
        self.memory = _Memory(dut, spec.rows, spec.lanes * spec.activation_width, seed)
        self._columns = spec.columns
        # a block of weights one by one, and all that is in the unit without a read or a result
        self._limit = 100 + 12 * spec.transform.positions * max(spec.tiles, spec.lanes)
        self.connect(self.drivers, self.results)
        self.clocking.streams.append(self.memory)

    def compare(self, payload, expected) -> None:
        """The place, then the values column by column."""
        for field in ("x", "y", "first", "last"):
            assert payload[field] == expected[field], (
                f"result {self.checked}: {field} is {payload[field]}, "
                f"must be {int(expected[field])}")
        for column, (is_, should) in enumerate(zip(payload["values"], expected["values"],
                                                   strict=True)):
            assert is_ == should, (
                f"result {self.checked}, pixel {payload['y']}, {payload['x']}, column {column}: "
                f"value is {is_}, golden says {should}")

    async def run(self, scenario: Scenario, *, cycles: int | None = None) -> None:
        """Run a scenario to its end and look out for surplus results; or for some cycles."""
        self.memory.rows = scenario.memory
        for name, driver in self.drivers.items():
            for payload in getattr(scenario, name):
                driver.send(payload)
        self.expected.extend(scenario.expected)
        if cycles is not None:
            await self.cycles(cycles)
            return
        self.covered.update(scenario.covered)
        await self.finish(still_limit=self._limit, surplus_cycles=20)

    def coverage(self) -> dict:
        """What has been exercised so far."""
        return {**self.covered, "results": self.checked, "sums": self.checked * self._columns,
                "cycles": self.clocking.cycles, "rows read": self.memory.transfers,
                "o stalls": self.results.stalls,
                **{f"{name} stalls": driver.stalls for name, driver in self.drivers.items()}}
