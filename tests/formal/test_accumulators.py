"""Proofs that results on offer stay as they are until they are taken."""

import re

import pytest

from sparrow.flow.verilog import verilog
from sparrow.hw.export import flat_ports
from sparrow.hw.mac.accumulators import Accumulators
from sparrow.hw.spec.mac import AccumulatorsSpec

pytestmark = pytest.mark.formal

_SMALL = {"columns": 1, "depth": 2, "sum_width": 3, "accumulator_width": 4}
_SPECS = {
    "default": {},
    "every mode": {"maximum": True, "shifted": True},
    "restart_after_last": {"restart_after_last": True},
    "unregistered": {"restart_after_last": True, "registered": False, "maximum": True},
}


def _design(**changes):
    spec = AccumulatorsSpec(**{**_SMALL, **changes})
    accumulators = Accumulators(spec=spec)
    return accumulators, verilog(accumulators, spec, "accumulators")


def _kept_by_input(wrapper, accumulators):
    """The wrapper, with vectors that stay until they are taken: results pass them on."""
    inputs = [port.name for port in flat_ports(accumulators)
              if port.member == "i" and port.path[0] == "payload"]
    return wrapper.replace("endmodule", f"""\
  wire [{len(inputs) * 8 - 1}:0] arriving = {{{", ".join(f"8'd0 | {name}" for name in inputs)}}};
  reg [{len(inputs) * 8 - 1}:0] held;
  reg held_up = 0;
  always @(posedge clk) begin
    held <= arriving;
    held_up <= i_valid && !i_ready && !rst;
  end
  always @* if (held_up) assume (i_valid && arriving == held);
endmodule""")


@pytest.mark.parametrize("changes", _SPECS.values(), ids=_SPECS.keys())
def test_results_wait(prove, stream_rule, changes):
    accumulators, design = _design(**changes)
    wrapper = stream_rule(accumulators, "accumulators", "o")
    if not changes.get("registered", True):
        wrapper = _kept_by_input(wrapper, accumulators)
    assert prove(design, "accumulators", wrapper) == "PASS"


def test_proof_can_fail(prove, stream_rule):
    """Vectors that change on their way in do so on their way out."""
    accumulators, design = _design(**_SPECS["unregistered"])
    wrapper = stream_rule(accumulators, "accumulators", "o")
    assert re.search(r"always @\(posedge clk\)", wrapper)
    assert prove(design, "accumulators", wrapper, mode="bmc", depth=4) == "FAIL"
