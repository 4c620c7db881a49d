"""The bench around a MAC array: streams joined to a checker."""

from sparrow.hw.export import flat_ports
from sparrow.hw.mac import MacArray
from sparrow.hw.spec.mac import Dataflow, MacArraySpec

from ..bench import StreamBench
from ..streams import StreamDriver, StreamMonitor, pattern
from .scenario import Scenario

__all__ = ["MacArrayBench"]


class MacArrayBench(StreamBench):
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
        super().__init__(dut)
        self.spec = spec
        ports = flat_ports(MacArray(spec=spec))
        names = ["weights", "activations"]
        if spec.dataflow is Dataflow.INPUT_STATIONARY:
            names.reverse()
        self.stationary, self.moving = (
            StreamDriver(dut, name, ports, pattern(idle, seed + number), seed=seed)
            for number, name in enumerate(names))
        self.sums = StreamMonitor(dut, "sums", ports, pattern(stall, seed + 2),
                                  receive=self.receive, patient=patient)
        self.connect({"loads": self.stationary, "vectors": self.moving}, self.sums)

    def compare(self, payload, expected) -> None:
        """Sums column by column, and all other fields."""
        for field, value in payload.items():
            wanted = expected[field]
            if isinstance(value, list):
                for column, (is_, should) in enumerate(zip(value, wanted, strict=True)):
                    assert is_ == should, (f"transfer {self.checked}, column {column}: sum is "
                                           f"{is_}, golden says {should}")
            assert value == wanted or isinstance(value, list), (
                f"transfer {self.checked}: {field} is {value}, golden says {wanted}")

    def load(self, scenario: Scenario) -> None:
        """Queue a scenario's payloads and expectations."""
        for payload in scenario.stationary:
            self.stationary.send(payload)
        for payload in scenario.moving:
            self.moving.send(payload)
        self.expected.extend(scenario.expected)
        self.covered.update(scenario.covered)

    async def run(self, scenario: Scenario, *, cycles: int | None = None) -> None:
        """Run a scenario to its end, or for some cycles; then look out for surplus sums."""
        self.load(scenario)
        if cycles is not None:
            await self.cycles(cycles)
            return
        sides = self.spec.lanes + self.spec.columns
        await self.finish(still_limit=100 + 8 * sides, surplus_cycles=2 * sides + 10)

    def coverage(self) -> dict:
        """What has been exercised so far."""
        return {**self.covered, "sums": self.checked, "cycles": self.clocking.cycles,
                "weights stalls": self.stationary.stalls, "vector stalls": self.moving.stalls,
                "sums stalls": self.sums.stalls}
