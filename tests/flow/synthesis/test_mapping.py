"""The mapped netlist computes what the Verilog says, and counts what is known."""

import shutil
import subprocess
from collections import Counter

import pytest

from sparrow.flow.errors import UserError
from sparrow.flow.synthesis.design import design, memory_bits
from sparrow.flow.synthesis.gate_verilog import cell_models, netlist_verilog
from sparrow.flow.synthesis.mapping import GENERIC, map_design
from sparrow.flow.synthesis.recipes import recipe
from sparrow.flow.synthesis.timing import critical_path

NANGATE = "liberty/nangate45_typ.lib"
SG13G2 = "liberty/sg13g2_stdcell_typ_1p20V_25C.lib"

BENCH = """\
module bench;
  reg clk = 0;
  reg [31:0] random;
  wire [7:0] expected, found;
  integer i, seed = 1, different = 0, compared = 0;
  {top} rtl ({rtl});
  mapped gates ({gates});
  initial begin
    for (i = 0; i < 4000; i = i + 1) begin
      random = $random(seed);
      {warm_up}
      #1 clk = 1; #1 clk = 0; #1;
      if (i > 8) begin
        compared = compared + (^expected !== 1'bx);
        if (expected !== found) different = different + 1;
      end
    end
    $display("compared %0d different %0d", compared, different);
  end
endmodule
"""
PORTS = {
    "column": (".clk(clk), .swap(random[0]), .write(random[3:2]), .value(random[7:4]), "
               ".one(random[10:8]), .two(random[13:11]), .minus(random[16:14]), .sum({out})",
               "if (i < 4) random[3:0] = i == 0 ? 4'b1100 : 4'b0001;"),
    "counter": (".clk(clk), .rst(random[3:0] == 0), .enable(random[4]), .count({out})",
                "if (i < 2) random = 0;"),
}


def same_as_rtl(icarus, tmp_path, text, top, mapped) -> str:
    """Simulate RTL and netlist side by side; returns what the bench says."""
    ports, warm_up = PORTS[top]
    bench = BENCH.format(top=top, rtl=ports.format(out="expected"),
                         gates=ports.format(out="found"), warm_up=warm_up)
    gates = netlist_verilog(mapped.flat).replace(f"module {top}(", "module mapped(")
    (tmp_path / "all.v").write_text("\n".join([
        text, gates, cell_models(mapped.library, mapped.counts), bench]))
    program = tmp_path / "bench"
    subprocess.run([icarus, "-g2005", "-s", "bench", "-o", program, tmp_path / "all.v"],
                   check=True)
    return subprocess.run([shutil.which("vvp") or "vvp", program], check=True,
                          capture_output=True, text=True).stdout.strip()


@pytest.mark.parametrize("name", ["area", "reference"])
@pytest.mark.parametrize("top", ["column", "counter"])
def test_generic_netlist_equals_rtl(icarus, tmp_path, designs, name, top):
    mapped = map_design(design(designs[top], top), GENERIC, recipe(name))
    result = same_as_rtl(icarus, tmp_path, designs[top], top, mapped)
    assert result == "compared 3991 different 0"


@pytest.mark.parametrize("library, name, hierarchy", [
    (NANGATE, "area", False), (NANGATE, "area", True),
    pytest.param(NANGATE, "timing", False, marks=pytest.mark.heavy),
    pytest.param(SG13G2, "area", False, marks=pytest.mark.heavy)])
def test_library_netlist_equals_rtl(data_file, icarus, tmp_path, designs, library, name, hierarchy):
    path = data_file(library)
    mapped = map_design(design(designs["column"], "column"), path, recipe(name),
                        hierarchy=hierarchy)
    result = same_as_rtl(icarus, tmp_path, designs["column"], "column", mapped)
    assert result == "compared 3991 different 0"


def test_bench_can_fail(icarus, tmp_path, designs):
    mapped = map_design(design(designs["column"], "column"), GENERIC, recipe("area"))
    adder = next(cell for cell in mapped.flat.cells.values() if cell["type"] == "FA")
    adder["connections"]["A"] = ["0"]
    result = same_as_rtl(icarus, tmp_path, designs["column"], "column", mapped)
    assert result.startswith("compared 3991 different ") and not result.endswith(" 0")


def test_adder_is_full_adders(designs):
    mapped = map_design(design(designs["adder"], "adder"), GENERIC, recipe("area"))
    assert mapped.counts["FA"] == 2  # bits 1 and 2; 0 has no carry in, 3 none out
    assert not mapped.counts["DFF"]


def test_inverters_are_absorbed(designs):
    text = """
        module inverting (input clk, input a, input b, output reg x, output y);
          reg stored;
          always @(posedge clk) begin stored <= ~a; x <= a & b; end
          assign y = stored;
        endmodule"""
    mapped = map_design(design(text, "inverting"), GENERIC, recipe("area"))
    assert mapped.counts == {"DFF": 2, "NAND2": 1}
    reference = map_design(design(text, "inverting"), GENERIC, recipe("reference"))
    assert reference.counts == {"DFF": 2, "AND2": 1, "INV": 1}


@pytest.mark.parametrize("text, hierarchy", [
    # what a flip-flop stores is also written into a memory, or goes to a submodule
    ("""module top (input clk, input [1:0] a, input at, input other, output reg [1:0] q,
                    output reg [1:0] next);
          reg [1:0] words [0:1];
          always @(posedge clk) begin next <= ~a; words[at] <= ~a; q <= words[other]; end
        endmodule""", False),
    ("""module part (input clk, input [1:0] d, output reg [1:0] q);
          always @(posedge clk) q <= d;
        endmodule
        module top (input clk, input [1:0] a, output [1:0] q, output reg [1:0] next);
          part inner (.clk(clk), .d(~a), .q(q));
          always @(posedge clk) next <= ~a;
        endmodule""", True)])
def test_inverters_that_others_read_stay(text, hierarchy):
    mapped = map_design(design(text, "top"), GENERIC, recipe("area"), hierarchy=hierarchy)
    assert mapped.counts["INV"] == 2
    for module in mapped.modules:
        driven, read = set("01x"), set()
        for port in module.ports.values():
            (driven if port["direction"] == "input" else read).update(port["bits"])
        for cell in module.cells.values():
            for pin, bits in cell["connections"].items():
                (read if cell["port_directions"][pin] == "input" else driven).update(bits)
        assert read <= driven


def test_memory_stays_a_box(designs):
    mapped = map_design(design(designs["buffered"], "buffered"), GENERIC, recipe("area"))
    assert memory_bits(mapped.flat.cells) == 16 * 8
    assert mapped.counts["DFF"] == 2


def test_rom_is_logic():
    words = " ".join(f"4'd{i}: q <= 8'd{(i * 37 + 11) % 256};" for i in range(16))
    text = f"""module rom (input clk, input [3:0] a, output reg [7:0] q);
        always @(posedge clk) case (a) {words} endcase endmodule"""
    mapped = map_design(design(text, "rom"), GENERIC, recipe("area"))
    assert memory_bits(mapped.flat.cells) == 0
    assert 0 < mapped.counts["DFF"] <= 8 and mapped.area > 8 * 6


def test_hierarchy(designs):
    mapped = map_design(design(designs["column"], "column"), GENERIC, recipe("area"),
                        hierarchy=True)
    assert mapped.instances == {"column": 1, "row": 2}
    own = {module.name: mapped.area_of(module) for module in mapped.modules}
    assert mapped.area == pytest.approx(own["column"] + 2 * own["row"])


def test_buffers_relieve_a_heavy_net(data_file):
    text = """module wide (input clk, input hold, input [255:0] d, output reg [255:0] q);
        reg held; always @(posedge clk) begin held <= hold; if (!held) q <= d; end endmodule"""
    mapped = map_design(design(text, "wide"), data_file(NANGATE), recipe("area"))
    assert 0 < mapped.buffer_area < 0.05 * mapped.area
    cells = mapped.library.cells
    load, limit = Counter(), {}
    for cell in mapped.flat.cells.values():
        for pin, (bit,) in cell["connections"].items():
            if cell["port_directions"][pin] == "input":
                load[bit] += cells[cell["type"]].pins[pin].rise_capacitance
            else:
                limit[bit] = cells[cell["type"]].pins[pin].max_capacitance
    assert all(load[bit] <= limit[bit] for bit in limit)
    result = critical_path(mapped.flat, mapped.library)
    assert result.delay_ns < 1.5


def test_a_cell_that_the_library_lacks(tmp_path):
    path = tmp_path / "few.lib"
    text = GENERIC.read_text()
    path.write_text(text[:text.index("  cell (DFFR)")] + "}\n")
    reset = """module r (input clk, input n, input d, output reg q);
        always @(posedge clk or negedge n) if (!n) q <= 0; else q <= d; endmodule"""
    with pytest.raises(UserError, match="dffs with async set or reset are not supported$"):
        map_design(design(reset, "r"), path, recipe("area"))


def test_a_black_box_has_no_area():
    text = """(* blackbox *) module macro (input a, output y); endmodule
        module t (input a, output y); macro inner (.a(a), .y(y)); endmodule"""
    with pytest.raises(UserError, match="every element of the design, which it lacks for macro$"):
        map_design(design(text, "t"), GENERIC, recipe("area"))


def test_recipe_that_needs_delays(designs):
    with pytest.raises(UserError, match="^recipe 'timing' must go with a liberty library that has "
                       "delay tables, which 'sparrow_gates' doesn't$"):
        map_design(design(designs["adder"], "adder"), GENERIC, recipe("timing"))
