// What both masters are held to. `DATA, `ADDRESS, `PAGES are bits of a word, an address, the number
// of a page; `SIZE is log2 of a word's bytes, `BEATS the beats of the longest burst, `LOW the bits
// that tell the words of a burst apart, `COUNT those that are left of an offset.

// What is offered stays: 1 where it waited and the payload or valid changed.
module changed #(parameter WIDTH = 1)(input clk, rst, valid, ready, input [WIDTH-1:0] payload,
                                      output bad);
  reg waiting = 0;
  reg [WIDTH-1:0] offered;
  always @(posedge clk) begin
    waiting <= valid && !ready && !rst;
    offered <= payload;
  end
  assign bad = waiting && !(valid && payload == offered);
endmodule

// A burst that must not be: outside the window, past 4 KiB, too long, or not aligned.
module misplaced(input [`PAGES+19:0] window, input [`ADDRESS-1:0] addr, input [7:0] len,
                 output outside, crossing);
  wire [`PAGES-1:0] base = window[`PAGES-1:0], page = addr[`ADDRESS-1:12];
  wire [19:0] pages = window[`PAGES+19:`PAGES];
  wire [13:0] after = addr[11:0] + ((len + 14'd1) << `SIZE);
  assign outside = page < base || page - base >= pages;
  assign crossing = after > 4096 || len >= `BEATS || (addr & ((1 << `SIZE) - 1)) != 0;
endmodule

// What is remembered of a request that had a burst, and still has a burst to come.
module lost(input begun, input valid, input [31:0] offset, input [23:0] words,
            input [`COUNT-1:0] progress, output bad);
  wire [23:0] others = words - 1;
  wire [32:0] last = offset[31:`SIZE] + others;
  assign bad = begun && !(valid && last >> (32 - `SIZE) == 0 && progress <= last >> `LOW);
endmodule
