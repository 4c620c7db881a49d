module golden(
  input clk, input rst,
  input weights_index, input signed [3:0] weights_value, input weights_load,
  input weights_commit, input weights_valid,
  input signed [3:0] activation0, input signed [3:0] activation1,
  input activations_first, input activations_last,
  input activations_mode_start, input activations_mode_finish, input activations_valid,
  input sums_ready
);
  wire weights_ready, activations_ready;
  wire signed [8:0] sums;
  wire sums_first, sums_last, sums_mode_start, sums_mode_finish, sums_valid;
  wire [3:0] tags = {sums_mode_finish, sums_mode_start, sums_last, sums_first};
  wire signed [8:0] dut_next;
  wire signed [3:0] dut_live0, dut_live1, dut_shadow0, dut_shadow1;
  wire dut_committed, dut_occupied, dut_starting, dut_waiting;
  wire [3:0] dut_tags;

  mac_array dut(
    .clk(clk), .rst(rst),
    .weights_loads({weights_load, weights_value, weights_index}),
    .weights_commit(weights_commit), .weights_valid(weights_valid),
    .weights_ready(weights_ready),
    .activations_vector({activation1, activation0}), .activations_first(activations_first),
    .activations_last(activations_last), .activations_mode_start(activations_mode_start),
    .activations_mode_finish(activations_mode_finish), .activations_valid(activations_valid),
    .activations_ready(activations_ready),
    .sums_sums(sums), .sums_first(sums_first), .sums_last(sums_last),
    .sums_mode_start(sums_mode_start), .sums_mode_finish(sums_mode_finish),
    .sums_valid(sums_valid), .sums_ready(sums_ready),
    .\core_engine_column0.result (dut_next),
    .\core_engine_column0.cell0.live (dut_live0), .\core_engine_column0.cell1.live (dut_live1),
    .\core_engine_column0.cell0.shadow (dut_shadow0),
    .\core_engine_column0.cell1.shadow (dut_shadow1),
    .core_engine_control_committed(dut_committed),
    .core_engine_control_occupied(dut_occupied), .core_engine_control_starting(dut_starting),
    .core_engine_valid1(dut_waiting), .core_engine_tags1(dut_tags));

  // The reference: what was loaded, what is live, and two stages of sums to come.
  reg signed [3:0] shadow0, shadow1, live0, live1;
  reg committed, occupied, starting, waiting, offered;
  reg signed [8:0] waiting_sum, offered_sum;
  reg [3:0] waiting_tags, offered_tags;
  reg started = 0;

  wire advance = !offered || sums_ready;
  wire needs_block = activations_first || !occupied;
  wire accept = activations_valid && advance && (committed || !needs_block);
  wire swap = accept && needs_block;
  wire may_load = !starting && (!committed || swap);
  wire transfer = weights_valid && may_load;
  wire signed [3:0] meets0 = swap ? shadow0 : live0;
  wire signed [3:0] meets1 = swap ? shadow1 : live1;

  always @(posedge clk) begin
    starting <= 0;
    if (swap) begin
      live0 <= shadow0;
      live1 <= shadow1;
      shadow0 <= 0;
      shadow1 <= 0;
      committed <= 0;
      occupied <= 1;
    end
    if (transfer) begin
      if (weights_load && !weights_index) shadow0 <= weights_value;
      if (weights_load && weights_index) shadow1 <= weights_value;
      if (weights_commit) committed <= 1;
    end
    if (advance) begin
      offered <= waiting;
      offered_sum <= waiting_sum;
      offered_tags <= waiting_tags;
      waiting <= accept;
      waiting_sum <= activation0 * meets0 + activation1 * meets1;
      waiting_tags <= {activations_mode_finish, activations_mode_start, activations_last,
                       activations_first};
    end
    if (rst) begin
      started <= 1;
      starting <= 1;
      {committed, occupied, waiting, offered} <= 0;
      shadow0 <= 0;
      shadow1 <= 0;
    end
  end

  always @* begin
    if (!started) assume (rst);
    if (started) begin
      assert (weights_ready == may_load);
      assert (activations_ready == (advance && (committed || !needs_block)));
      assert (sums_valid == offered);
      if (offered) assert (sums == offered_sum);
      if (offered) assert (tags == offered_tags);
      // what makes the proof inductive
      assert (dut_starting == starting && dut_committed == committed);
      assert (dut_occupied == occupied && dut_waiting == waiting);
      if (starting) assert (!committed && !occupied && shadow0 == 0 && shadow1 == 0);
      if (!starting) assert (dut_shadow0 == shadow0 && dut_shadow1 == shadow1);
      if (occupied) assert (dut_live0 == live0 && dut_live1 == live1);
      if (waiting) assert (dut_next == waiting_sum && dut_tags == waiting_tags);
    end
  end
endmodule
