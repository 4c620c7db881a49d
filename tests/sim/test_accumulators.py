"""The cocotb regression of accumulators of several sizes, on both simulators."""

import pytest

from sparrow.flow.blocks import block
from sparrow.flow.proof import prove
from sparrow.hw.spec import AccumulatorsSpec

SPECS = {
    "some": {"columns": 3, "depth": 5, "sum_width": 10, "accumulator_width": 14},
    "every addition": {"columns": 4, "depth": 64, "sum_width": 4, "accumulator_width": 7},
    "one": {"columns": 1, "depth": 1, "sum_width": 2, "accumulator_width": 2},
}


def check(proof):
    failures = [f"{result.name}: {result.message}" for result in proof.results
                if result.outcome == "failed"]
    assert proof.passed, "\n".join(failures)
    for exercised in ("results", "overflows", "vectors at full speed", "resets", "i stalls",
                      "o stalls"):
        assert proof.coverage[exercised] > 10, exercised
    assert proof.coverage["vectors past the last pixel"] > 0


@pytest.mark.parametrize("name", ["some", "every addition"])
def test_verilator(name, tmp_path):
    proof = prove(block("accumulators"), AccumulatorsSpec(**SPECS[name]), blocks=8,
                  exhaustive=name == "every addition", folder=tmp_path)
    check(proof)
    if name == "every addition":
        assert proof.coverage["pairs of accumulator and sum"] == 1 << 11


@pytest.mark.parametrize("name", ["some", "one"])
def test_icarus(name, tmp_path, icarus):
    check(prove(block("accumulators"), AccumulatorsSpec(**SPECS[name]), simulator="icarus",
                blocks=8, folder=tmp_path))
