"""Registers that become part of an ECP5 multiplier, and those that must not."""

import json

import pytest

from sparrow.flow.synthesis.design import design
from sparrow.flow.synthesis.fpga import FAMILIES, synthesize

PRODUCT = """\
module t(input clk, input en, input rst, input signed [7:0] a, b,
         output reg signed [15:0] y{extra});
  wire signed [15:0] p = a * b;
  {body}
endmodule
"""
SIMPLE = "always @(posedge clk) if (en) y <= p;"


def synthesized(body, extra=""):
    subject = design(PRODUCT.format(body=body, extra=extra), "t")
    result = synthesize(subject, FAMILIES["ecp5"])
    cells = json.loads(result.netlist)["modules"]["t"]["cells"].values()
    return result.counts, [cell for cell in cells if cell["type"] == "MULT18X18D"]


@pytest.mark.parametrize("body", [SIMPLE, "always @(posedge clk) y <= p;"])
def test_absorbed(body):
    counts, (multiplier,) = synthesized(body)
    assert counts["TRELLIS_FF"] == 0
    assert multiplier["parameters"]["REG_OUTPUT_CLK"] == "CLK0"
    assert multiplier["connections"]["CE0"] != ["0"]
    assert len(multiplier["connections"]["CLK0"]) == 1


@pytest.mark.parametrize("body, extra", [
    (SIMPLE + " assign z = p[3];", ", output z"),  # a bit that is used elsewhere, too
    ("always @(posedge clk) begin if (en) y[7:0] <= p[7:0]; y[15:8] <= p[15:8]; end", ""),
    ("always @(posedge clk) if (rst) y <= 0; else y <= p;", ""),
    ("always @(negedge clk) y <= p;", ""),
    ("always @* y = p;", ""),
])
def test_left_alone(body, extra):
    """Shared bits, two controls, a reset, the other edge, no register."""
    counts, (multiplier,) = synthesized(body, extra)
    assert "REG_OUTPUT_CLK" not in multiplier["parameters"]
    assert counts["TRELLIS_FF"] == (0 if "@*" in body else 16)
