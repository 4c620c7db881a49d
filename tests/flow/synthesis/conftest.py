"""Designs, and a cache of their own for the tests."""

import pytest

ADDER = """\
module adder (input [3:0] a, input [3:0] b, output [3:0] sum);
  assign sum = a + b;
endmodule
"""

COUNTER = """\
module counter (input clk, input rst, input enable, output reg [7:0] count);
  always @(posedge clk) if (rst) count <= 0; else if (enable) count <= count + 1;
endmodule
"""

BUFFERED = """\
module buffered (input clk, input write, input [3:0] at, input [7:0] value,
                 output reg [7:0] found, output reg [1:0] flags);
  reg [7:0] words [0:15];
  always @(posedge clk) begin
    if (write) words[at] <= value;
    found <= words[at];
    flags <= value[1:0];
  end
endmodule
"""

# Double-buffered weights, Booth rows of an encoded operand, a carry-save tree, registered sum.
COLUMN = """\
module row (input clk, input swap, input write, input [3:0] value, input [2:0] one, input [2:0] two,
            input [2:0] minus, output [7:0] first, output [7:0] second);
  reg [3:0] next, live;
  always @(posedge clk) begin
    if (write) next <= value; else if (swap) next <= 0;
    if (swap) live <= next;
  end
  wire [7:0] wide = {{4{live[3]}}, live};
  wire [7:0] r0 = (wide & {8{one[0]}}) | (~wide & {8{minus[0]}}) | ({wide, 1'b0} & {8{two[0]}});
  wire [7:0] r1 = (wide & {8{one[1]}}) | (~wide & {8{minus[1]}}) | ({wide, 1'b0} & {8{two[1]}});
  wire [7:0] r2 = (wide & {8{one[2]}}) | (~wide & {8{minus[2]}}) | ({wide, 1'b0} & {8{two[2]}});
  assign first = r0 ^ {r1, 2'b0} ^ {r2, 4'b0};
  wire [7:0] b = {r1, 2'b0}, c = {r2, 4'b0};
  assign second = {r0 & b | c & (r0 ^ b), 1'b0};
endmodule

module column (input clk, input swap, input [1:0] write, input [3:0] value, input [2:0] one,
               input [2:0] two, input [2:0] minus, output reg [7:0] sum);
  wire [7:0] a, b, c, d;
  row row0 (.clk(clk), .swap(swap), .write(write[0]), .value(value), .one(one), .two(two),
            .minus(minus), .first(a), .second(b));
  row row1 (.clk(clk), .swap(swap), .write(write[1]), .value(value), .one(one), .two(two),
            .minus(minus), .first(c), .second(d));
  always @(posedge clk) sum <= (a ^ b ^ c) + {a & b | c & (a ^ b), 1'b0} + d;
endmodule
"""


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    """No test sees results of another."""
    monkeypatch.setenv("SPARROW_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def designs() -> dict[str, str]:
    """Verilog text by the name of its top module."""
    return {"adder": ADDER, "counter": COUNTER, "buffered": BUFFERED, "column": COLUMN}
