"""FPGA elements: memories made of LUTs count, what can't be counted is refused."""

import pytest

from sparrow.flow.errors import UserError
from sparrow.flow.synthesis import estimate

SHIFT = ("module m(input clk, input d, output q); reg [63:0] s; assign q = s[63]; "
         "always @(posedge clk) s <= {s, d}; endmodule\n")
LATCH = "module m(input e, input d, output reg q); always @* if (e) q = d; endmodule\n"


def test_shift_registers_take_luts(tmp_path):
    path = tmp_path / "m.v"
    path.write_text(SHIFT, encoding="utf-8")
    result = estimate(path, "m", "xc7")
    assert result.cells["SRLC32E"] == result.luts == 2


@pytest.mark.parametrize("target", ["xc7"])
def test_a_latch_is_refused(tmp_path, target):
    path = tmp_path / "m.v"
    path.write_text(LATCH, encoding="utf-8")
    with pytest.raises(UserError):
        estimate(path, "m", target)


@pytest.mark.parametrize("target", ["gates", "ecp5", "ice40", "xc7"])
def test_an_empty_module(tmp_path, target):
    path = tmp_path / "m.v"
    path.write_text("module m; endmodule\n", encoding="utf-8")
    if target == "gates":
        with pytest.raises(UserError, match="the top module must hold logic, and is empty"):
            estimate(path, "m", target)
    else:
        assert estimate(path, "m", target).luts == 0
