"""The bench around a transform: streams joined to a checker."""

from sparrow.hw.export import flat_ports

from ..bench import StreamBench
from ..streams import StreamDriver, StreamMonitor, pattern
from .scenario import Kind, Scenario

__all__ = ["WinogradBench"]

_SURPLUS_CYCLES = 20
_STILL_CYCLES = 200


class WinogradBench(StreamBench):
    """Drives an exported transform and checks its outputs against golden's, in order.

    Parameters
    ----------
    dut
        The simulator's top.
    kind : Kind
    idle, stall : str
        Patterns (see :func:`..streams.pattern`) in which the input offers and the output accepts.
    patient : bool
        The output accepts nothing before it is offered.
    seed : int
    """

    def __init__(self, dut, kind: Kind, *, idle: str = "always", stall: str = "always",
                 patient: bool = False, seed: int = 0):
        super().__init__(dut)
        ports = flat_ports(kind.block)
        self.vectors = StreamDriver(dut, "i", ports, pattern(idle, seed), seed=seed)
        self.results = StreamMonitor(dut, "o", ports, pattern(stall, seed + 1),
                                     receive=self.receive, patient=patient)
        self.connect({"vectors": self.vectors}, self.results)

    def compare(self, payload, expected) -> None:
        """The place, then the vector, element by element."""
        for field in sorted(set(payload) - {"vector"}):
            assert payload[field] == expected[field], (
                f"transfer {self.checked}: {field} is {payload[field]}, "
                f"documented is {expected[field]}")
        for element, (is_, should) in enumerate(zip(payload["vector"], expected["vector"],
                                                    strict=True)):
            assert is_ == should, (f"transfer {self.checked}, element {element}: it is {is_}, "
                                   f"golden says {should}")

    async def run(self, scenario: Scenario, *, cycles: int | None = None) -> None:
        """Run a scenario to its end and look out for surplus outputs; or for some cycles."""
        for payload in scenario.payloads:
            self.vectors.send(payload)
        self.expected.extend(scenario.expected)
        if cycles is not None:
            await self.cycles(cycles)
            return
        self.covered.update(scenario.covered)
        await self.finish(still_limit=_STILL_CYCLES, surplus_cycles=_SURPLUS_CYCLES)

    def coverage(self) -> dict:
        """What has been exercised so far."""
        return {**self.covered, "results": self.checked, "cycles": self.clocking.cycles,
                "i stalls": self.vectors.stalls, "o stalls": self.results.stalls}
