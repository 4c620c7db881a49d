"""A proof that announced accumulators add up what they were given.

For all vectors within 16 cycles from a reset whose distances are those of ``PixelPlaces``; the
sums of one arbitrary pixel are followed. The memory is replaced by what its contract says, no more:
one arbitrary row is kept, others hold anything, and so does a row that is read while it is written.
"""

import re

import pytest

from sparrow.flow.verilog import verilog
from sparrow.hw.mac.announced import AnnouncedAccumulators
from sparrow.hw.spec.mac import AccumulatorsSpec

pytestmark = pytest.mark.formal

_DEPTH = 5
_TWO_PORTS = """\
module accumulator_memory(input clk, input write_enable, read_enable,
             input [2:0] write_address, read_address,
             input [3:0] write_data, output reg [3:0] read_data);
  (* anyconst *) reg [2:0] row;
  (* anyseq *) reg [3:0] anything;
  reg [3:0] kept, found;
  always @(posedge clk) begin
    if (write_enable && write_address == row) kept <= write_data;
    if (read_enable)
      found <= read_address != row || (write_enable && write_address == row) ? anything : kept;
    read_data <= found;
  end
endmodule
"""
# Each of the two memories of one port.
_ONE_PORT = """\
module accumulator_memory(input clk, input enable, write, input [1:0] address,
             input [3:0] write_data, output reg [3:0] read_data);
  (* anyconst *) reg [1:0] row;
  (* anyseq *) reg [3:0] anything;
  reg [3:0] kept, found;
  always @(posedge clk) begin
    if (enable && write && address == row) kept <= write_data;
    if (enable && !write) found <= address == row ? kept : anything;
    read_data <= found;
  end
endmodule
"""
_WRAPPER = """\
module rules(input clk, rst, announce, last, start, finish, input [2:0] sum);
  (* anyconst *) reg [2:0] followed;
  wire o_valid, o_first, o_last, error;
  wire [3:0] o;
  wire [2:0] address;
{wires}
  accumulators dut(.clk(clk), .rst(rst), .announce(announce), .last(last), .i_valid(due[1]),
    .i_sums(sum), .i_first(1'b0), .i_last(last2), .o_ready(1'b1), .i_ready(),
    .i_mode_start(start), .i_mode_finish(finish),
    .o_valid(o_valid), .o_first(o_first), .o_last(o_last), .o_sums(o), .error(error){ports});
  reg started = 0, known = 0, last1, last2;
  reg [1:0] due = 0;
  reg [2:0] pixel = 0, pixel1, pixel2;  // of the vector to be announced, and of the last two
  reg [3:0] total;
  wire [3:0] now = (start ? 0 : total) + {{sum[2], sum}};
  always @(posedge clk) begin
    started <= 1;
    due <= {{due[0], announce && !rst}};
    {{pixel2, pixel1}} <= {{pixel1, pixel}};
    {{last2, last1}} <= {{last1, last}};
    if (announce && !rst) pixel <= last ? 0 : pixel + 1;
    if (due[1] && pixel2 == followed) begin
      known <= known || start;
      total <= now;
    end
  end
  always @* begin
    assume (rst == !started);
    assume (pixel < {depth});
{places}
    if (announce) begin
      assume (!(due[0] && pixel == pixel1));
      assume (!(due[1] && {conflict}));
    end
    if (started) begin
      assert (!error);
      assert (o_valid == (due[1] && finish));
      if (o_valid) assert (o_first == (pixel2 == 0) && o_last == last2);
      if (o_valid && pixel2 == followed && (known || start)) assert (o == now);
    end
  end
endmodule
"""
_KINDS = {
    False: {"memory": _TWO_PORTS, "wires": "  wire [2:0] row;",
            "ports": r", .\{}.row (row)", "places": "    assume (row == followed);",
            "conflict": "pixel == pixel2"},
    True: {"memory": _ONE_PORT, "wires": "  wire [1:0] even, odd;",
           "ports": r", .\{}.row (even), .\{}.row (odd)",
           "places": "    assume (even == {followed[2], followed[0]});\n"
                     "    assume (odd == {followed[2], followed[0]});",
           "conflict": "pixel[1] == pixel2[1]"},
}


def _prove(prove, single, *, depth=17, wrapper=("", ""), fault=None):
    spec = AccumulatorsSpec(columns=1, depth=_DEPTH, sum_width=3, accumulator_width=4,
                            overflow=False, restart_after_last=True, registered=False,
                            single_port=single)
    kind = _KINDS[single]
    text = verilog(AnnouncedAccumulators(spec=spec), spec, "accumulators")
    design, count = re.subn(r"^module accumulator_memory\(.*?^endmodule\n",
                            lambda _: kind["memory"], text, flags=re.M | re.S)
    assert count == 1
    if fault is not None:
        design, count = re.subn(*fault, design)
        assert count
    memories = re.findall(r"^  accumulator_memory \\?(\S+) +\(", design, re.M)
    text = _WRAPPER.format(depth=_DEPTH, wires=kind["wires"], places=kind["places"],
                           conflict=kind["conflict"], ports=kind["ports"].format(*memories))
    assert wrapper[0] in text
    return prove(design, "accumulators", text.replace(*wrapper), mode="bmc", depth=depth,
                 exposed=[f"{memory}.row" for memory in memories])


@pytest.mark.parametrize("single", [False, True])
def test_sums(prove, single):
    assert _prove(prove, single) == "PASS"


@pytest.mark.parametrize("single", [False, True])
@pytest.mark.parametrize("change", [
    ("assume (!(due[0] && pixel == pixel1));", ""), ("assume (!(due[1]", "assume (1 || (due[1]")],
    ids=["the next cycle", "the second cycle"])
def test_distances_are_needed(prove, single, change):
    assert _prove(prove, single, wrapper=change) == "FAIL"


def test_proof_can_fail(prove):
    fault = r"\.write_address\(core_pixel_1\)", ".write_address(core_pixel_0)"
    assert _prove(prove, False, fault=fault) == "FAIL"
