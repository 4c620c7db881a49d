"""Networks that Hypothesis draws, on the small accelerator's Verilog, bit for bit."""

import collections
import dataclasses
import functools

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from sparrow.compiler import CompileError, compile_network
from sparrow.sim.accelerator import Traffic
from sparrow.sim.accelerator.random_networks import KINDS, random_network
from sparrow.sim.accelerator.samples import sample_images

from .batch import Case, run_batch

SLACK = 20_000  # cycles
SLOWEST = 40  # times the prediction
STALLS = ("always", "often", "bursts", "alternate", "seldom")


@dataclasses.dataclass(frozen=True)
class Drawn:
    """What builds a network, one of :func:`sample_images`, and how the memory behaves.

    What stays on the chip isn't stored unless all is to be kept.
    """
    kind: str
    choices: tuple[int, ...]
    image: int  # all smallest, all largest, random
    traffic: Traffic
    keep_all: bool

    @functools.cached_property
    def network(self):
        choices = iter(self.choices)
        return random_network(self.kind, lambda low, high: next(choices))


@st.composite
def drawn(draw, kind):
    choices = []

    def choose(low, high):
        choices.append(draw(st.integers(low, high)))
        return choices[-1]

    random_network(kind, choose)
    made = tuple(choices)
    traffic = Traffic(latency=choose(1, 120), bandwidth=(1.0, 0.5, 0.3)[choose(0, 2)],
                      stalls=STALLS[choose(0, len(STALLS) - 1)], seed=choose(1, 99))
    return Drawn(kind, made, (2, 2, 2, 0, 1)[choose(0, 4)], traffic, bool(choose(0, 1)))


def compiled(spec, entry):
    """A case for the simulation, or ``None`` where the compiler refuses it."""
    try:
        program = compile_network(entry.network, spec, keep_all=entry.keep_all)
    except CompileError:
        return None
    inputs = sample_images(entry.network, 3)[entry.image:entry.image + 1]
    return Case(program, entry.network, inputs, entry.traffic, SLOWEST * program.cycles + SLACK)


@pytest.mark.parametrize("options", [
    # shrinking takes minutes
    pytest.param({"max_examples": 3, "derandomize": True, "phases": [Phase.generate]}, id="few"),
    pytest.param({"max_examples": 100}, id="many", marks=pytest.mark.heavy)])
def test_random_networks(built, spec, tmp_path, options):
    """One network of each kind in each session; the compiler refuses hardly any."""
    counts = collections.Counter()

    @settings(deadline=None, database=None, suppress_health_check=list(HealthCheck), **options)
    @given(st.tuples(*(drawn(kind) for kind in KINDS)))
    def check(entries):
        cases = [(entry, case) for entry in entries if (case := compiled(spec, entry)) is not None]
        counts.update(drawn=len(entries), run=len(cases))
        results = run_batch(built, [case for _, case in cases], tmp_path, check_rules=True)
        for (entry, _), images in zip(cases, results, strict=True):
            assert images, f"{entry} hasn't run after a timeout"
            assert images[0].difference == "", str(entry)

    check()
    assert counts["run"] >= 0.95 * counts["drawn"] > 0, f"refused too many: {counts}"
