"""Verilog maps for Yosys' ``techmap``, written for the cells that a library has."""

from sparrow.flow.synthesis.catalogue import Adder

__all__ = ["RIPPLE", "full_adder_map"]

RIPPLE = """\
(* techmap_celltype = "$alu" *)
module ripple_alu (A, B, CI, BI, X, Y, CO);
  parameter A_SIGNED = 0, B_SIGNED = 0, A_WIDTH = 1, B_WIDTH = 1, Y_WIDTH = 1;
  (* force_downto *) input [A_WIDTH-1:0] A;
  (* force_downto *) input [B_WIDTH-1:0] B;
  input CI, BI;
  (* force_downto *) output [Y_WIDTH-1:0] X, Y, CO;
  (* force_downto *) wire [Y_WIDTH-1:0] a, b;
  wire [Y_WIDTH:0] carry;
  \\$pos #(.A_SIGNED(A_SIGNED), .A_WIDTH(A_WIDTH), .Y_WIDTH(Y_WIDTH)) extend_a (.A(A), .Y(a));
  \\$pos #(.A_SIGNED(B_SIGNED), .A_WIDTH(B_WIDTH), .Y_WIDTH(Y_WIDTH)) extend_b (.A(B), .Y(b));
  wire [Y_WIDTH-1:0] c = b ^ {Y_WIDTH{BI}};
  assign X = a ^ c;
  assign carry = {(a & c) | (carry[Y_WIDTH-1:0] & X), CI};
  assign Y = X ^ carry[Y_WIDTH-1:0];
  assign CO = carry[Y_WIDTH:1];
endmodule

(* techmap_celltype = "$lcu" *)
module ripple_lcu (P, G, CI, CO);
  parameter WIDTH = 1;
  (* force_downto *) input [WIDTH-1:0] P, G;
  input CI;
  (* force_downto *) output [WIDTH-1:0] CO;
  wire [WIDTH:0] carry;
  assign carry = {G | (P & carry[WIDTH-1:0]), CI};
  assign CO = carry[WIDTH:1];
endmodule
"""
"""Adders whose carry ripples, as gates in which ``extract_fa`` finds full adders."""


def full_adder_map(adder: Adder, *, inverted: bool) -> str:
    """The map of ``$fa`` onto a library's full adder.

    Parameters
    ----------
    adder
        The library's cell.
    inverted
        Invert every input and output. The function stays: sum and carry of complements are the
        complements of sum and carry.
    """
    mark = "~" if inverted else ""
    inputs = ", ".join(f".{pin}({mark}{port}[i])" for pin, port in zip(adder.inputs, "ABC"))
    return f"""\
(* techmap_celltype = "$fa" *)
module full_adder (A, B, C, X, Y);
  parameter WIDTH = 1;
  (* force_downto *) input [WIDTH-1:0] A, B, C;
  (* force_downto *) output [WIDTH-1:0] X, Y;
  genvar i;
  generate for (i = 0; i < WIDTH; i = i + 1) begin: bits
    wire carry, sum;
    {adder.cell} adder ({inputs}, .{adder.carry}(carry), .{adder.sum}(sum));
    assign X[i] = {mark}carry;
    assign Y[i] = {mark}sum;
  end endgenerate
endmodule
"""
