// The rules of a read master with two clients: bursts stay in the windows of their requests, cross
// no 4 KiB, stay on offer, and don't begin during a halt. Assumed: windows are steady and end within
// the address space, and clients leave requests on offer as they are. What the master remembers is
// stated too, so that a step of the induction begins where it can be.
module read_rules(
    input clk, rst, halt, ar_ready, r_valid, r_last, data_0_ready, data_1_ready,
    input requests_0_valid, requests_0_window, requests_1_valid, requests_1_window,
    input [31:0] requests_0_offset, requests_1_offset,
    input [23:0] requests_0_words, requests_1_words,
    input [`DATA-1:0] r_data, input [1:0] r_resp, input [2*`PAGES+39:0] windows);
  wire ar_valid, r_ready, idle, response_error, window_error, beat;
  wire requests_0_ready, requests_1_ready, data_0_valid, data_1_valid, data_0_last, data_1_last;
  wire [`ADDRESS-1:0] ar_addr;
  wire [7:0] ar_len;
  wire [`DATA-1:0] data_0_data, data_1_data;
  wire [1:0] begun, chosen;
  wire busy, issue;
  wire [`COUNT-1:0] progress_0, progress_1;
  master dut(.*, .core_started(begun), .core_chosen(chosen), .core_busy(busy),
             .core_issue(issue), .core_progress_0(progress_0), .core_progress_1(progress_1));

  wire moved_0, moved_1, moved, lost_0, lost_1;
  wire [1:0] outside, crossing;
  changed #(57) steady_0(clk, rst, requests_0_valid, requests_0_ready,
                         {requests_0_window, requests_0_offset, requests_0_words}, moved_0);
  changed #(57) steady_1(clk, rst, requests_1_valid, requests_1_ready,
                         {requests_1_window, requests_1_offset, requests_1_words}, moved_1);
  changed #(`ADDRESS + 8) steady(clk, rst, ar_valid, ar_ready, {ar_addr, ar_len}, moved);
  misplaced program_window(windows[`PAGES+19:0], ar_addr, ar_len, outside[0], crossing[0]);
  misplaced data_window(windows[2*`PAGES+39:`PAGES+20], ar_addr, ar_len, outside[1], crossing[1]);
  lost request_0(begun[0], requests_0_valid, requests_0_offset, requests_0_words, progress_0,
                 lost_0);
  lost request_1(begun[1], requests_1_valid, requests_1_offset, requests_1_words, progress_1,
                 lost_1);

  (* anyconst *) reg [2*`PAGES+39:0] all;
  reg started = 0, window = 0;
  reg fresh = 1;   // an address on offer is a new one
  reg halted = 0;
  always @(posedge clk) begin
    started <= 1;
    fresh <= rst || !ar_valid || ar_ready;
    halted <= halt && !rst;
    if (issue) window <= chosen[1] ? requests_1_window : requests_0_window;
  end
  always @* begin
    if (!started) assume (rst);
    assume (windows == all);
    assume (all[`PAGES-1:0] + {2'b0, all[`PAGES+19:`PAGES]} <= 1 << `PAGES);
    assume (all[2*`PAGES+19:`PAGES+20] + {2'b0, all[2*`PAGES+39:2*`PAGES+20]} <= 1 << `PAGES);
    assume (!moved_0 && !moved_1);
    if (started) begin
      assert (chosen == 1 || chosen == 2);
      if (busy) assert (chosen[1] ? requests_1_valid : requests_0_valid);
      assert (!lost_0 && !lost_1 && !moved);
      if (fresh && halted) assert (!ar_valid);
      if (ar_valid) assert (!outside[window] && !crossing[0]);
    end
  end
endmodule
