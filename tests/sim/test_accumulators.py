"""The cocotb regression of accumulators of several sizes, on both simulators."""

import pytest

from sparrow.flow.blocks import block
from sparrow.flow.proof import prove
from sparrow.hw.spec import AccumulatorsSpec

SPECS = {
    "some": {"columns": 3, "depth": 5, "sum_width": 10, "accumulator_width": 14},
    "every addition": {"columns": 4, "depth": 64, "sum_width": 4, "accumulator_width": 7},
    "every mode": {"columns": 4, "depth": 64, "sum_width": 4, "accumulator_width": 7,
                   "maximum": True, "shifted": True},
    "all options": {"columns": 3, "depth": 5, "sum_width": 10, "accumulator_width": 14,
                    "maximum": True, "shifted": True, "overflow": False,
                    "restart_after_last": True, "registered": False},
    "restarted": {"columns": 2, "depth": 3, "sum_width": 9, "accumulator_width": 12,
                  "maximum": True, "shifted": True, "restart_after_last": True},
    "single port": {"columns": 2, "depth": 5, "sum_width": 9, "accumulator_width": 12,
                    "maximum": True, "shifted": True, "restart_after_last": True,
                    "registered": False, "single_port": True},
    "one": {"columns": 1, "depth": 1, "sum_width": 2, "accumulator_width": 2},
}


def check(proof, spec):
    failures = [f"{result.name}: {result.message}" for result in proof.results
                if result.outcome == "failed"]
    assert proof.passed, "\n".join(failures)
    modes = [*(["accumulators above their sums", "sums at least their accumulators"]
               if spec.maximum else []), *(["shifted results"] if spec.shifted else [])]
    for exercised in ("results", "overflows", "vectors at full speed", "resets", "i stalls",
                      "o stalls", *modes):
        assert proof.coverage[exercised] > 10, exercised
    assert proof.coverage["vectors past the last pixel"] > 0


@pytest.mark.parametrize("name", ["some", "every addition", "every mode", "all options",
                                  "single port"])
def test_verilator(name, tmp_path):
    spec = AccumulatorsSpec(**SPECS[name])
    proof = prove(block("accumulators"), spec, blocks=12, exhaustive=name.startswith("every"),
                  folder=tmp_path)
    check(proof, spec)
    if name.startswith("every"):
        assert proof.coverage["pairs of accumulator and sum"] == 1 << 11
    if name == "every mode":
        assert proof.coverage["pairs of accumulator and shifted sum"] == 1 << 11
        assert proof.coverage["pairs of accumulator and maximum"] == 1 << 8


@pytest.mark.parametrize("name", ["some", "all options", "restarted", "one"])
def test_icarus(name, tmp_path, icarus):
    spec = AccumulatorsSpec(**SPECS[name])
    check(prove(block("accumulators"), spec, simulator="icarus", blocks=12, folder=tmp_path), spec)
