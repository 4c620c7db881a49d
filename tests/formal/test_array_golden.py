"""A proof that an array with 4-bit operands computes what golden says, at the right moment.

``array_golden.v`` describes loads, commits, swaps, sums and handshakes once more, with ``*`` and
``+``. The proof is an induction: it holds for any length of time and any pattern of stalls.
"""

import re
from pathlib import Path

import pytest

from sparrow.flow.verilog import verilog
from sparrow.hw.mac import MacArray
from sparrow.hw.spec.mac import MacArraySpec

pytestmark = pytest.mark.formal

_SPEC = MacArraySpec(lanes=2, columns=1, precision="custom", activation_width=4, weight_width=4)
_WRAPPER = Path(__file__).with_name("array_golden.v").read_text(encoding="utf-8")
_EXPOSED = ["core_engine_column0.result", "core_engine_column0.cell*.live",
            "core_engine_column0.cell*.shadow", "core_engine_control_committed",
            "core_engine_control_occupied", "core_engine_control_starting", "core_engine_valid1",
            "core_engine_tags1"]
_FAULTS = {
    "an adder": (r"assign carry = a & b;", "assign carry = a | b;"),
    "a commit": (r"core_engine_control_committed <= (\w+);",
                 r"core_engine_control_committed <= \1 | weights_valid;"),
    "clearing the shadow": (r"core_engine_clear = .*;", "core_engine_clear = 1'b0;"),
}


@pytest.fixture(scope="module")
def design():
    return verilog(MacArray(spec=_SPEC), _SPEC, "mac_array")


def test_array_equals_golden(prove, design):
    assert prove(design, "mac_array", _WRAPPER, exposed=_EXPOSED) == "PASS"


@pytest.mark.parametrize("fault", _FAULTS.values(), ids=_FAULTS.keys())
def test_proof_can_fail(prove, design, fault):
    broken, count = re.subn(*fault, design)
    assert count
    verdict = prove(broken, "mac_array", _WRAPPER, exposed=_EXPOSED, mode="bmc", depth=7)
    assert verdict == "FAIL"
