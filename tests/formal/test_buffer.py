"""A proof that words of bursts for which room was reserved always find room.

For all bursts of 1 to ``burst_words`` words that come and go within 13 cycles from a reset.
"""

import re

import pytest
from amaranth.lib import data

from sparrow.flow.verilog import verilog
from sparrow.hw.bus.buffer import BurstBuffer
from sparrow.hw.spec.bus import BusSpec

pytestmark = pytest.mark.formal

_WRAPPER = """\
module rules(input clk, rst, i_valid, i_word_data, i_end, o_ready, reserve);
  wire i_ready, o_valid, o_data, room;
  buffer dut(.clk(clk), .rst(rst), .i_valid(i_valid), .i_ready(i_ready), .i_end(i_end),
             .i_word_data(i_word_data), .o_valid(o_valid), .o_ready(o_ready), .o_data(o_data),
             .reserve(reserve), .room(room));
  reg started = 0;
  reg [3:0] promised = 0, words = 0;  // bursts; words of the present one
  always @(posedge clk) begin
    started <= 1;
    if (!rst) begin
      promised <= promised + reserve - (i_valid && i_end);
      if (i_valid) words <= i_end ? 0 : words + 1;
    end
  end
  always @* begin
    assume (rst == !started);
    if (started) begin
      if (reserve) assume (room);
      if (i_valid) assume (promised != 0 && (words < 1 || i_end));
      if (i_valid) assert (i_ready);
    end
  end
endmodule
"""


def _design(latency=1):
    word = data.StructLayout({"data": 1})
    component = BurstBuffer(name="queue", word=word, words=5, burst_words=2, read_latency=latency)
    return verilog(component, BusSpec(), "buffer")


@pytest.mark.parametrize("latency", [1, 2])
def test_room(prove, latency):
    assert prove(_design(latency), "buffer", _WRAPPER, mode="bmc", depth=14) == "PASS"


@pytest.mark.parametrize("fault", [
    (r"2'h2 : ", "2'h3 : "),
    (r"assign core_freed = (\w+) & \S+;", r"assign core_freed = \1;"),
], ids=["free at first", "freed too early"])
def test_proof_can_fail(prove, fault):
    broken, count = re.subn(*fault, _design())
    assert count == 1
    assert prove(broken, "buffer", _WRAPPER, mode="bmc", depth=14) == "FAIL"
