"""The cocotb regression of requantizers of every rounding, on both simulators."""

import pytest

from sparrow.flow.blocks import block
from sparrow.flow.proof import prove
from sparrow.hw.spec.requantize import RequantizeSpec
from sparrow.sim.requantize.scenario import corner_scenario, stray_columns

TFLITE = {"mantissa_width": 31, "shift_width": 5, "rounding": "tflite"}
SPECS = {
    "bias": {"columns": 5, "lanes": 2, "bias": True},
    "bias, not collected": {"columns": 5, "lanes": 3, "bias": True, "collect": False},
    "never kept waiting": {"columns": 4, "lanes": 2, "bias": True, "collect": False,
                           "stalls": False},
    "bias, one step": {"columns": 3, "lanes": 3, "bias": True, "accumulator_width": 24, **TFLITE},
    "not collected": {"columns": 4, "lanes": 1, "collect": False, "rounding": "half_even"},
    "part-filled last step": {"columns": 5, "lanes": 3},
    "every operand": {"columns": 4, "lanes": 4, "accumulator_width": 8, "mantissa_width": 4,
                      "shift_width": 3, "output_width": 4, "rounding": "half_even"},
    "tflite": {"columns": 5, "lanes": 2, **TFLITE},
    "one column, shifts wider than its sum": {"columns": 1, "lanes": 1, "accumulator_width": 12,
                                              "output_width": 16, **TFLITE},
}
# which takes longer to build
ON_VERILATOR = ["part-filled last step", "every operand", "bias, not collected"]
# what they have, others have, too
TESTED_BY_OTHERS = ["part-filled last step", "bias", "never kept waiting"]


def check(proof, spec):
    failures = [f"{result.name}: {result.message}" for result in proof.results
                if result.outcome == "failed"]
    assert proof.passed, "\n".join(failures)
    for exercised in ("ties", "shifts of 0", "largest shifts", "largest mantissas", "lowest sums",
                      "highest sums", "values at the minimum", "values at the maximum",
                      "values between", "parameter sets", "vectors at full speed", "resets",
                      "i stalls", "parameters stalls", *(["o stalls"] * spec.stalls),
                      *(("lowest biases", "highest biases", "sums with a bias") * spec.bias)):
        assert proof.coverage[exercised] > 10, exercised
    assert proof.coverage["faulty parameters"] > 0


@pytest.mark.parametrize("name", [
    pytest.param(name, marks=[pytest.mark.heavy] * (name in TESTED_BY_OTHERS))
    for name in ON_VERILATOR])
def test_verilator(name, tmp_path):
    spec = RequantizeSpec(**SPECS[name])
    proof = prove(block("requantize"), spec, blocks=8, folder=tmp_path)
    check(proof, spec)
    if name == "every operand":
        assert proof.coverage["sums with mantissa and shift"] == 1 << 15


@pytest.mark.parametrize("name", [
    pytest.param(name, marks=[pytest.mark.heavy] * (name in TESTED_BY_OTHERS))
    for name in SPECS if name not in ON_VERILATOR])
def test_icarus(name, tmp_path, icarus):
    spec = RequantizeSpec(**SPECS[name])
    check(prove(block("requantize"), spec, simulator="icarus", blocks=8, folder=tmp_path), spec)


def test_corners_hold_ties_of_every_shift_that_has_any():
    """Down to the shift that brings the largest product below one half."""
    spec = RequantizeSpec(columns=1, lanes=1, accumulator_width=8, mantissa_width=6)
    scenario = corner_scenario(spec, seed=1)
    scales = iter([payload for payload in scenario.parameters if payload["commit"]])
    tied, scale = set(), None
    for payload in scenario.sums:
        if scale is None or payload["first"]:
            scale = next(scales)
        half = (1 << scale["shift"]) // 2
        if half and payload["sums"][0] * scale["mantissa"] % (2 * half) == half:
            tied.add(scale["shift"])
    assert tied == set(range(1, 8 + 6))


@pytest.mark.parametrize("columns, strays", [(1, [1]), (2, []), (5, [5, 6, 7]), (64, [])])
def test_columns_that_can_be_named_and_are_not_there(columns, strays):
    assert list(stray_columns(RequantizeSpec(columns=columns, lanes=1))) == strays
