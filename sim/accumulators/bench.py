"""The bench around accumulators: streams joined to a checker."""

from sparrow.hw.export import flat_ports
from sparrow.hw.mac.accumulators import Accumulators
from sparrow.hw.spec.mac import AccumulatorsSpec

from ..bench import StreamBench
from ..streams import StreamDriver, StreamMonitor, pattern
from .scenario import Scenario

__all__ = ["AccumulatorsBench"]

_SURPLUS_CYCLES = 20
_STILL_CYCLES = 200


class AccumulatorsBench(StreamBench):
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
        super().__init__(dut)
        ports = flat_ports(Accumulators(spec=spec))
        self.arriving = StreamDriver(dut, "i", ports, pattern(idle, seed), seed=seed)
        self.results = StreamMonitor(dut, "o", ports, pattern(stall, seed + 1),
                                     receive=self.receive)
        self._error, self._reported = dut.error, 0
        self.connect({"vectors": self.arriving}, self.results)

    def compare(self, payload, expected) -> None:
        """Sums column by column, then the other fields."""
        for column, (is_, should) in enumerate(zip(payload["sums"], expected["sums"],
                                                   strict=True)):
            assert is_ == should, (f"transfer {self.checked}, column {column}: sum is {is_}, "
                                   f"golden says {should}")
        for field, value in payload.items():
            assert value == expected[field], (f"transfer {self.checked}: {field} is {value}, "
                                              f"golden says {expected[field]}")

    async def reset(self) -> None:
        """Reset the accumulators and forget what is under way."""
        self._reported = 0
        await super().reset()

    async def run(self, scenario: Scenario, *, cycles: int | None = None) -> None:
        """Run a scenario to its end, or for some cycles.

        At the end it looks out for surplus results, and at ``error``.
        """
        for payload in scenario.payloads:
            self.arriving.send(payload)
        self.expected.extend(scenario.expected)
        if cycles is not None:
            await self.cycles(cycles)
            return
        self.covered.update(scenario.covered)
        await self.finish(still_limit=_STILL_CYCLES, surplus_cycles=_SURPLUS_CYCLES)
        assert self._reported == scenario.error, (
            f"error is {self._reported}, golden says {int(scenario.error)}")

    async def cycle(self) -> None:
        """One clock cycle; ``error`` must not fall."""
        await super().cycle()
        error = int(self._error.value)
        assert error >= self._reported, "error fell without a reset"
        self._reported = error

    def coverage(self) -> dict:
        """What has been exercised so far."""
        return {**self.covered, "results": self.checked, "cycles": self.clocking.cycles,
                "i stalls": self.arriving.stalls, "o stalls": self.results.stalls}
