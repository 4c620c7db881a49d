"""Placement and routing by nextpnr: the clock frequency that a design really reaches."""

import json
import os
import re
import statistics
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from sparrow.flow.errors import UserError
from sparrow.flow.synthesis.design import Design
from sparrow.flow.synthesis.fpga import Family, SynthesizedDesign, synthesize
from sparrow.flow.tools import ToolError, run_folder, run_tool

__all__ = ["PLACEABLE", "Placement", "place"]

PLACEABLE = ("ecp5", "ice40")
_ARGUMENTS = {
    "ecp5": ("--85k", "--package", "CABGA756", "--speed", "6", "--out-of-context",
             "--freq", "100"),
    "ice40": ("--up5k", "--package", "sg48", "--pcf-allow-unconstrained", "--freq", "50"),
}
_USED = re.compile(r"^Info:\s+(\w+):\s+(\d+)/\s*(\d+)\s+\d+%", re.MULTILINE)


@dataclass(frozen=True)
class Placement:
    """What nextpnr says; ``fmax_mhz`` is ``None`` where the design doesn't fit or has no clock.

    Members
    -------
    fmax_mhz
        The median over the seeds.
    per_seed
        Seed → MHz.
    note
        How it was placed, or why it wasn't.
    """

    fmax_mhz: float | None
    per_seed: dict[int, float]
    note: str


def _misfit(error: ToolError) -> str | None:
    """What there is too much of, if that is why nextpnr failed."""
    over = [f"{used} {kind} of {available}" for kind, used, available
            in _USED.findall(error.output) if int(used) > int(available)]
    if over:
        return ", ".join(over)
    known = ("Unable to find a placement", "Unable to place", "no Bels remaining")
    return str(error) if any(text in error.output for text in known) else None


def _frequency(netlist: str, family: Family, seed: int) -> float | None:
    with run_folder() as folder:
        (folder / "netlist.json").write_text(netlist, encoding="utf-8")
        run_tool(f"yowasp-nextpnr-{family.name}",
                 ["--json", "netlist.json", *_ARGUMENTS[family.name], "--timing-allow-fail",
                  "--seed", str(seed), "--report", "report.json"], folder)
        report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    return min((clock["achieved"] for clock in report["fmax"].values()), default=None)


def _clocks(module: dict) -> set:
    return {bit for cell in module["cells"].values()
            for pin in ("C", "CLK", "CLOCK", "RCLK", "WCLK") if pin in cell["connections"]
            for bit in cell["connections"][pin]}


def harness(netlist: str, subject: Design) -> Design:
    """A design between shift registers, so that three pins are enough.

    Every input but the clock comes from a shift register, every output is folded into another.
    """
    module = json.loads(netlist)["modules"][subject.top]
    clocks = _clocks(module)
    connections, inputs, outputs = [], 0, 0
    for name, port in module["ports"].items():
        width = len(port["bits"])
        if port["direction"] == "inout":
            raise UserError(f"port {name} must be an input or an output to be placed, not inout")
        if port["direction"] == "output":
            value, outputs = f"results[{outputs + width - 1}:{outputs}]", outputs + width
        elif set(port["bits"]) <= clocks:
            value = f"{{{width}{{clk}}}}"
        else:
            value, inputs = f"stimuli[{inputs + width - 1}:{inputs}]", inputs + width
        connections.append(f".\\{name} ({value})")
    text = f"""
module sparrow_harness (input clk, input shift_in, output shift_out);
  reg [{max(inputs, 1) - 1}:0] stimuli;
  reg [{outputs}:0] captured;
  wire [{outputs}:0] results;
  assign results[{outputs}] = 1'b0;
  assign shift_out = captured[{outputs}];
  always @(posedge clk) begin
    stimuli <= {{stimuli, shift_in}};
    captured <= results ^ {{captured, 1'b0}};
  end
  {subject.top} design ({", ".join(connections)});
endmodule
"""
    return Design(subject.text + text, "sparrow_harness", subject.name)


def place(subject: Design, synthesized: SynthesizedDesign, family: Family,
          seeds: Sequence[int]) -> Placement:
    """Place and route a design once per seed.

    On ECP5 out of context: the ports are left unconnected. On iCE40, where nextpnr can't do that,
    between shift registers.

    Raises
    ------
    UserError
        If the family can't be placed, or nextpnr fails other than for want of room.
    """
    if family.name not in PLACEABLE:
        raise UserError(f"--place must go with target {' or '.join(PLACEABLE)}, "
                        f"not {family.name!r}")
    netlist, how = synthesized.netlist, "out of context"
    if family.name == "ice40":
        netlist = synthesize(harness(netlist, subject), family).netlist
        how = "between shift registers"
    try:
        with ThreadPoolExecutor(min(len(seeds), os.cpu_count() or 1)) as pool:
            found = list(pool.map(lambda seed: _frequency(netlist, family, seed), seeds))
    except ToolError as error:
        misfit = _misfit(error)
        if misfit is None:
            raise
        return Placement(None, {}, f"does not fit {family.device}: {misfit}")
    per_seed = {seed: fmax for seed, fmax in zip(seeds, found) if fmax is not None}
    if not per_seed:
        return Placement(None, {}, "no path between registers")
    return Placement(statistics.median(per_seed.values()), per_seed,
                     f"nextpnr, {family.device}, {how}, median of {len(per_seed)} seeds")
