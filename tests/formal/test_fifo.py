"""A proof that a queue loses nothing, invents nothing, and keeps the order of its words.

An arbitrary word that goes in, at any time, comes out after as many words as were before it. The
memory is replaced by what its contract says, no more: one arbitrary row is kept, others hold
anything, and so does a row that is read while it is being written. It takes one cycle or two.
"""

import re

import pytest

from sparrow.flow.verilog import verilog
from sparrow.hw.memory.fifo import StreamFifo
from sparrow.hw.spec.bus import BusSpec

pytestmark = pytest.mark.formal

_WIDTH = 3
_MEMORY = """\
module queue(input clk, input write_enable, read_enable,
             input [{bits}:0] write_address, read_address,
             input [2:0] write_data, output [2:0] read_data);
  (* anyconst *) reg [{bits}:0] row;
  (* anyseq *) reg [2:0] anything;
  reg [2:0] kept, found, later;
  assign read_data = {last};
  always @(posedge clk) begin
    if (write_enable && write_address == row) kept <= write_data;
    if (read_enable)
      found <= read_address != row || (write_enable && write_address == row) ? anything : kept;
    later <= found;
  end
endmodule
"""
_WRAPPER = """\
module contract(input clk, rst, i_valid, o_ready, choose, input [2:0] i);
  localparam DEPTH = {depth};
  wire i_ready, o_valid;
  wire [2:0] o;
  wire [{level}:0] level;
  wire [{bits}:0] row, read_row, write_row;
  wire [2:0] kept;
{wires}
  fifo dut(.clk(clk), .rst(rst), .i_valid(i_valid), .i_ready(i_ready), .i(i), .o_valid(o_valid),
           .o_ready(o_ready), .o(o), .level(level), .\\core_memory.row (row),
           .\\core_memory.kept (kept), .core_read_address(read_row),
           .core_write_address(write_row){ports});
  reg started = 0, tracking = 0, waiting = 0;
  reg [2:0] word, offered;
  integer held = 0, ahead = 0;
  wire in = i_valid && i_ready, out = o_valid && o_ready;
  wire [31:0] unread = held - fetched, place = read_row + ahead - fetched;
  always @(posedge clk) begin
    started <= 1;
    held <= rst ? 0 : held + in - out;
    waiting <= o_valid && !o_ready && !rst;
    offered <= o;
    if (rst) tracking <= 0;
    else if (!tracking && in && choose && write_row == row) begin
      tracking <= 1;
      word <= i;
      ahead <= held - out;
    end else if (tracking && out) begin
      if (ahead == 0) tracking <= 0;
      ahead <= ahead - 1;
    end
  end
  always @* begin
    if (!started) assume (rst);
    assume (row < DEPTH);
    if (started) begin
      assert (held >= 0 && held <= DEPTH && level == held);
      assert (i_ready == (held != DEPTH));
      assert (read_row < DEPTH && write_row < DEPTH);
      assert (o_valid ? held != 0 : held <= {latency});
      assert (unread < DEPTH);
      assert ((read_row + unread) % DEPTH == write_row);
      if (waiting) assert (o_valid && o == offered);
      if (tracking) begin
        assert (ahead >= 0 && ahead < held);
{held}
        else assert (place % DEPTH == row && kept == word);
      end
    end
  end
endmodule
"""
_EXPOSED = ["core_memory.row", "core_memory.kept", "core_read_address", "core_write_address"]
# What depends on the memory's latency: words that are fetched, and where a word then is.
_LATENCIES = {
    1: {"last": "found", "ports": "", "wires": "  wire fetched = o_valid;", "held": """\
        if (o_valid && ahead == 0) assert (o == word);"""},
    2: {"last": "later", "ports": """,
           .core_coming(coming), .core_read(read), .core_kept(queued), .core_read_data(data),
           .\\core_memory.found (found)""", "wires": """\
  wire coming, read, queued;
  wire [2:0] data, found;
  wire [1:0] fetched = coming + read + queued;""", "held": """\
        if (ahead == 0 && o_valid) assert (o == word);
        else if (ahead == queued && read) assert (data == word);
        else if (ahead == queued + read && coming) assert (found == word);"""},
}
_MORE_EXPOSED = ["core_coming", "core_read", "core_kept", "core_read_data", "core_memory.found"]
_FAULTS = {
    "fullness": (r"assign i_ready = .*;", "assign i_ready = 1'b1;"),
    "the output's valid": (r"assign core_fetch = (\w+) & \w+;", r"assign core_fetch = \1;"),
    "reading what is written": (r"assign core_fetch = .* & (\w+);", r"assign core_fetch = \1;"),
    "the row to read": (r"\.read_address\(core_read_address\)",
                        ".read_address(core_write_address)"),
    "wrapping around": (r"core_write_address == 3'h4", "core_write_address == 3'h3"),
}
_FAULTS_OF_TWO = {
    "the word that is kept": (r"= \w+ \? core_read_data : core_word;", "= core_read_data;"),
    "the order": (r"assign o = core_kept \? core_word : core_read_data;",
                  "assign o = core_read_data;"),
}


def _prove(prove, words, latency, *, fault=None, **options):
    bits = max(1, (words - 1).bit_length()) - 1
    component = StreamFifo(name="queue", width=_WIDTH, depth=words, read_latency=latency)
    text = verilog(component, BusSpec(), "fifo")
    memory = _MEMORY.format(bits=bits, last=_LATENCIES[latency]["last"])
    design, count = re.subn(r"^module queue\(.*?^endmodule\n", lambda _: memory, text,
                            flags=re.M | re.S)
    assert count == 1
    if fault is not None:
        design, count = re.subn(*fault, design)
        assert count
    wrapper = _WRAPPER.format(depth=words, bits=bits, level=words.bit_length() - 1,
                              latency=latency, **_LATENCIES[latency])
    exposed = _EXPOSED + (_MORE_EXPOSED if latency == 2 else [])
    return prove(design, "fifo", wrapper, exposed=exposed, **options)


@pytest.mark.parametrize("words, latency", [
    (2, 1), (5, 1), (5, 2), *(pytest.param(*case, marks=pytest.mark.heavy)
                              for case in ((2, 2), (8, 1), (8, 2)))])
def test_contract(prove, words, latency):
    assert _prove(prove, words, latency, depth=2) == "PASS"


@pytest.mark.parametrize("latency", [1, pytest.param(2, marks=pytest.mark.heavy)])
@pytest.mark.parametrize("fault", [
    pytest.param(fault, id=name, marks=[pytest.mark.heavy] * (number % 2))
    for number, (name, fault) in enumerate(_FAULTS.items())])
def test_proof_can_fail(prove, fault, latency):
    assert _prove(prove, 5, latency, fault=fault, mode="bmc", depth=14) == "FAIL"


@pytest.mark.heavy
@pytest.mark.parametrize("fault", _FAULTS_OF_TWO.values(), ids=_FAULTS_OF_TWO.keys())
def test_proof_of_two_can_fail(prove, fault):
    assert _prove(prove, 5, 2, fault=fault, mode="bmc", depth=14) == "FAIL"
