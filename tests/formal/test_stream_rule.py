"""Proofs that sums on offer stay as they are until they are taken, whatever the inputs do."""

import re

import pytest

from sparrow.flow.verilog import verilog
from sparrow.hw.mac import MacArray
from sparrow.hw.spec.mac import MacArraySpec

pytestmark = pytest.mark.formal

_SMALL = {"lanes": 2, "columns": 1, "precision": "custom", "activation_width": 4,
          "weight_width": 4, "accumulator_width": 10}
_SPECS = {
    "weight_stationary": {},
    "weight_stationary, deep": {"pipeline_stages": 4, "columns": 2},
    "output_stationary": {"dataflow": "output_stationary"},
    "systolic": {"topology": "systolic", "columns": 2},
    "systolic output_stationary": {"topology": "systolic", "dataflow": "output_stationary"},
}


def _design(**changes):
    spec = MacArraySpec(**{**_SMALL, **changes})
    array = MacArray(spec=spec)
    return array, verilog(array, spec, "mac_array")


@pytest.mark.parametrize("changes", _SPECS.values(), ids=_SPECS.keys())
def test_sums_wait(prove, stream_rule, changes):
    array, design = _design(**changes)
    # nothing stalls between a systolic array's inputs and its drain: what is there passes
    depth = 10 if {"topology", "dataflow"} <= set(changes) else 2
    wrapper = stream_rule(array, "mac_array", "sums")
    assert prove(design, "mac_array", wrapper, depth=depth) == "PASS"


def test_proof_can_fail(prove, stream_rule):
    array, design = _design()
    broken, count = re.subn(r"sums_valid <= \w+;", "sums_valid <= activations_valid;", design)
    assert count == 1
    wrapper = stream_rule(array, "mac_array", "sums")
    assert prove(broken, "mac_array", wrapper, mode="bmc", depth=4) == "FAIL"
