// The rules of a write master: bursts stay in the data window, cross no 4 KiB, have as many words
// as their address says and none before it; addresses and words stay on offer; a halt lets no burst
// begin. Assumed: the window is steady and ends within the address space, and the client leaves
// requests and words on offer as they are. What the master remembers is stated too, so that a step
// of the induction begins where it can be.
module write_rules(
    input clk, rst, halt, aw_ready, w_ready, b_valid, data_valid,
    input requests_valid, requests_window, input [31:0] requests_offset,
    input [23:0] requests_words, input [1:0] b_resp, input [`DATA-1:0] data_data,
    input [`PAGES+19:0] window);
  wire aw_valid, w_valid, w_last, b_ready, idle, response_error, window_error, beat;
  wire requests_ready, data_ready;
  wire [`ADDRESS-1:0] aw_addr;
  wire [7:0] aw_len;
  wire [`DATA-1:0] w_data;
  wire [`DATA/8-1:0] w_strb;
  wire [`OUTSTANDING-1:0] outstanding;
  wire begun, active, dropping;
  wire [`COUNT-1:0] progress;
  wire [`LEFT-1:0] left;
  master dut(.*, .core_started(begun), .core_progress(progress), .core_active(active),
             .core_left(left), .core_dropping(dropping));

  wire moved_request, moved_data, moved_aw, moved_w, lost, outside, crossing;
  changed #(57) steady_request(clk, rst, requests_valid, requests_ready,
                               {requests_window, requests_offset, requests_words}, moved_request);
  changed #(`DATA) steady_data(clk, rst, data_valid, data_ready, data_data, moved_data);
  changed #(`ADDRESS + 8) steady_aw(clk, rst, aw_valid, aw_ready, {aw_addr, aw_len}, moved_aw);
  changed #(1 + `DATA / 8) steady_w(clk, rst, w_valid, w_ready, {w_last, w_strb}, moved_w);
  misplaced data_window(window, aw_addr, aw_len, outside, crossing);
  lost request(begun, requests_valid, requests_offset, requests_words, progress, lost);

  (* anyconst *) reg [`PAGES+19:0] all;
  reg started = 0;
  reg [8:0] due = 0;      // words of bursts whose address has been on offer
  reg fresh = 1;          // an address on offer is a new one
  reg halted = 0;
  wire [8:0] now_due = due + (aw_valid && fresh ? aw_len + 1 : 0);
  always @(posedge clk) begin
    started <= 1;
    fresh <= rst || !aw_valid || aw_ready;
    due <= rst ? 0 : now_due - (w_valid && w_ready);
    halted <= halt && !rst;
  end
  always @* begin
    if (!started) assume (rst);
    assume (window == all);
    assume (all[`PAGES-1:0] + {2'b0, all[`PAGES+19:`PAGES]} <= 1 << `PAGES);
    assume (!moved_request && !moved_data);
    if (started) begin
      assert (!lost && !moved_aw && !moved_w);
      if (aw_valid) assert (!outside && !crossing);
      assert (now_due == (active ? left + 1 : 0));
      if (active) assert (left < `BEATS);
      if (w_valid) assert (now_due != 0 && w_last == (now_due == 1));
      if (w_valid && !dropping) assert (w_data == data_data && data_valid && &w_strb);
      if (w_valid && dropping) assert (w_strb == 0 && !data_ready);
      if (fresh && halted) assert (!aw_valid);
    end
  end
endmodule
