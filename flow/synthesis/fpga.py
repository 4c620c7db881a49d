"""Synthesis for FPGA families: what a design takes of their elements."""

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from sparrow.flow.errors import UserError
from sparrow.flow.synthesis.design import (
    MEMORIES,
    Design,
    memory_bits_of_file,
    stage,
)
from sparrow.flow.synthesis.dsp_registers import absorb_output_registers
from sparrow.flow.tools import run_folder, run_yosys

__all__ = ["FAMILIES", "Family", "SynthesizedDesign", "synthesize"]


@dataclass(frozen=True)
class Family:
    """An FPGA family.

    Members
    -------
    name, device
        ``device`` is the one that ``--place`` uses.
    scripts
        Ways to synthesize it; the result with the fewest LUTs and carry cells is taken.
    luts, flip_flops, dsps, carry_cells, block_rams
        Prefixes of the element types counted as such.
    """

    name: str
    device: str
    scripts: tuple[str, ...]
    luts: tuple[str, ...]
    flip_flops: tuple[str, ...]
    dsps: tuple[str, ...]
    carry_cells: tuple[str, ...]
    block_rams: tuple[str, ...]


CHAINS = """\
(* techmap_celltype = "$add $sub" *)
module chain (A, B, Y);
  parameter A_SIGNED = 0, B_SIGNED = 0, A_WIDTH = 1, B_WIDTH = 1, Y_WIDTH = 1;
  parameter _TECHMAP_CELLTYPE_ = "";
  localparam subtract = _TECHMAP_CELLTYPE_ == "$sub";
  input [A_WIDTH-1:0] A;
  input [B_WIDTH-1:0] B;
  output [Y_WIDTH-1:0] Y;
  wire [Y_WIDTH-1:0] X, CO;
  \\$alu #(.A_SIGNED(A_SIGNED), .B_SIGNED(B_SIGNED), .A_WIDTH(A_WIDTH), .B_WIDTH(B_WIDTH),
    .Y_WIDTH(Y_WIDTH)) adder (.A(A), .B(B), .BI(subtract), .CI(subtract), .X(X), .Y(Y), .CO(CO));
endmodule
"""
"""Every sum as a carry chain of its own.

Otherwise Yosys merges ``a + b + c`` into carry-save adders of LUTs, which take four times the
LUTs of carry chains: an FPGA's full adder is in its carry chain.
"""

_CHAINED = """\
flatten
opt_expr
opt_clean
wreduce
peepopt
opt_clean
techmap -map chains.v
opt_clean
"""

# DSPs that add as well as multiply must see the sums before they become chains.
FAMILIES = {family.name: family for family in (
    Family("ice40", "iCE40 UP5K",
           ("synth_ice40 -dsp -device u -top {top}",
            _CHAINED + "synth_ice40 -dsp -device u -top {top}"),
           ("SB_LUT4",), ("SB_DFF",), ("SB_MAC16",), ("SB_CARRY",), ("SB_RAM40",)),
    Family("ecp5", "ECP5-85",
           (_CHAINED + "synth_ecp5 -top {top}", _CHAINED + "synth_ecp5 -nowidelut -top {top}"),
           ("LUT4",), ("TRELLIS_FF",), ("MULT18X18D",), ("CCU2C",), ("DP16KD", "PDPW16KD")),
    Family("xc7", "Xilinx 7 series",
           ("synth_xilinx -family xc7 -flatten -noiopad -noclkbuf -top {top} -run begin:coarse\n"
            "techmap -map chains.v\nopt_clean\n"
            "synth_xilinx -family xc7 -flatten -noiopad -noclkbuf -top {top} -run coarse:",),
           ("LUT1", "LUT2", "LUT3", "LUT4", "LUT5", "LUT6"), ("FDRE", "FDSE", "FDCE", "FDPE"),
           ("DSP48E1",), ("CARRY4",), ("RAMB",)),
)}

_SYNTHESIZE = """\
{read}write_rtlil design.il
design -reset
{memories}design -reset
read_rtlil design.il
{synthesis}
tee -q -o statistics.json stat -json
write_json netlist.json
"""


# LUTs that serve as memories and shift registers, and how many of them a cell takes.
_LUTS_PER_CELL = {
    "TRELLIS_DPR16X4": 4, "SRL16E": 1, "SRLC16E": 1, "SRLC32E": 1, "RAM16X1D": 2, "RAM32X1S": 1,
    "RAM64X1S": 1, "RAM32X1D": 2, "RAM64X1D": 2, "RAM128X1S": 2, "RAM128X1D": 4, "RAM256X1S": 4,
    "RAM32M": 4, "RAM64M": 4,
}


@dataclass(frozen=True)
class SynthesizedDesign:
    """What a design takes.

    Members
    -------
    counts
        Cells by type.
    memory_bits
        Of memories that can be written.
    netlist
        JSON text for nextpnr.
    command
        Yosys' command that made it.
    """

    counts: Counter[str]
    memory_bits: int
    netlist: str
    command: str

    def number(self, prefixes: tuple[str, ...]) -> int:
        """How many elements there are whose type begins with one of ``prefixes``."""
        return sum(number for kind, number in self.counts.items() if kind.startswith(prefixes))

    def luts(self, family: Family) -> int:
        """LUTs, those that serve as memory included."""
        return self.number(family.luts) + sum(
            number * _LUTS_PER_CELL.get(kind, 0) for kind, number in self.counts.items())


def _check_elements(counts: Counter[str], family: Family) -> None:
    """Refuse what Yosys left over or what isn't counted: a total must not leave it out."""
    counted = family.luts + family.flip_flops + family.dsps + family.carry_cells + family.block_rams
    free = ("PFUMX", "L6MUX21", "MUXF7", "MUXF8", "$scopeinfo", "INV", "GND", "VCC", "IBUF", "OBUF",
            "BUFG", "$print", "$check")
    unknown = sorted(kind for kind in counts
                     if not kind.startswith((*counted, *free)) and kind not in _LUTS_PER_CELL)
    if unknown:
        raise UserError(f"the design must be made of LUTs, flip-flops, DSPs, carry cells and RAMs "
                        f"of {family.device}, and needs {', '.join(unknown)}")


def _counts(path: Path) -> Counter[str]:
    statistics = json.loads(path.read_text(encoding="utf-8"))
    return Counter(statistics.get("design", {}).get("num_cells_by_type", {}))


def _synthesize(subject: Design, family: Family, synthesis: str) -> SynthesizedDesign:
    with run_folder() as folder:
        (folder / "chains.v").write_text(CHAINS, encoding="utf-8")
        script = _SYNTHESIZE.format(read=stage(subject, folder), memories=MEMORIES,
                                    synthesis=synthesis.format(top=subject.top))
        run_yosys(script, folder, {subject.file: subject.name})
        counts = _counts(folder / "statistics.json")
        netlist = (folder / "netlist.json").read_text(encoding="utf-8")
        if family.name == "ecp5":
            netlist, counts = absorb_output_registers(netlist, subject.top)
        _check_elements(counts, family)
        command = "; ".join(line.format(top=subject.top) for line in synthesis.splitlines()
                            if line.startswith("synth_"))
        return SynthesizedDesign(counts, memory_bits_of_file(folder / "memories.json"), netlist,
                                 command)


def synthesize(subject: Design, family: Family) -> SynthesizedDesign:
    """Synthesize a design for a family, flat.

    Raises
    ------
    UserError
        If Yosys refuses the design.
    """
    results = [_synthesize(subject, family, synthesis) for synthesis in family.scripts]
    return min(results, key=lambda result: result.luts(family) + result.number(family.carry_cells))
