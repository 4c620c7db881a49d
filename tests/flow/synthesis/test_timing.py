import pytest

from sparrow.flow.synthesis.design import design
from sparrow.flow.synthesis.mapping import GENERIC, map_design
from sparrow.flow.synthesis.opensta import opensta_delay, opensta_version
from sparrow.flow.synthesis.recipes import recipe
from sparrow.flow.synthesis.timing import critical_path

NANGATE = "liberty/nangate45_typ.lib"
SG13G2 = "liberty/sg13g2_stdcell_typ_1p20V_25C.lib"


def test_ripple_carry_is_the_critical_path(data_file):
    text = """module adder (input clk, input [15:0] a, b, output reg [15:0] sum);
        reg [15:0] x, y; always @(posedge clk) begin x <= a; y <= b; sum <= x + y; end
        endmodule"""
    mapped = map_design(design(text, "adder"), data_file(NANGATE), recipe("area"))
    path = critical_path(mapped.flat, mapped.library)
    assert path.start in {f"register {name}[{bit}]" for name in "xy" for bit in range(3)}
    assert path.end == "register sum[15]"
    assert sum(cell == "FA_X1" for cell, _, _ in path.steps) >= 13
    times = [time for _, _, time in path.steps]
    assert times == sorted(times) and times[-1] + path.setup_ns == pytest.approx(path.delay_ns)


def test_no_tables_no_delay(designs):
    mapped = map_design(design(designs["column"], "column"), GENERIC, recipe("area"))
    assert critical_path(mapped.flat, mapped.library) is None


def test_loop_has_no_delay(data_file):
    text = "module ring (input a, output y); wire z; assign z = ~(a & y); assign y = ~(z & a);" \
        " endmodule"
    mapped = map_design(design(text, "ring"), data_file(NANGATE), recipe("area"))
    assert critical_path(mapped.flat, mapped.library) is None


@pytest.mark.skipif(opensta_version() is None, reason="OpenSTA (sta) is not installed")
@pytest.mark.parametrize("library", [NANGATE, SG13G2])
@pytest.mark.parametrize("name", [
    "area", *(pytest.param(name, marks=pytest.mark.heavy) for name in ("timing", "reference"))])
def test_agrees_with_opensta(data_file, designs, library, name):
    path = data_file(library)
    mapped = map_design(design(designs["column"], "column"), path, recipe(name))
    own = critical_path(mapped.flat, mapped.library).delay_ns
    clocks = mapped.flat.clock_ports(mapped.catalogue)
    assert clocks == ("clk",)
    lumped = opensta_delay(mapped.flat, path, clocks, 1.0, lumped=True)
    assert own == pytest.approx(lumped, rel=1e-3)
    assert own == pytest.approx(opensta_delay(mapped.flat, path, clocks, 1.0), rel=0.03)
