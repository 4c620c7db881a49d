"""The delay by OpenSTA, where it is installed: a second opinion on our own timing analysis."""

import re
import shutil
import subprocess
from pathlib import Path

from sparrow.flow.synthesis.gate_verilog import netlist_verilog
from sparrow.flow.synthesis.netlist import Netlist
from sparrow.flow.tools import run_folder

__all__ = ["opensta_delay", "opensta_version"]

_SCRIPT = """\
read_liberty cells.lib
read_verilog netlist.v
link_design {top}
create_clock -name clock -period {period} {clocks}
set_input_delay 0 -clock clock [all_inputs -no_clocks]
set_output_delay 0 -clock clock [all_outputs]
set_delay_calculator {calculator}
puts "slack [worst_slack -max]"
exit
"""
_PERIOD_NS = 1000.0


def opensta_version() -> str | None:
    """The version of the ``sta`` on the path; ``None`` where there is none."""
    program = shutil.which("sta")
    if program is None:
        return None
    result = subprocess.run([program, "-version"], capture_output=True, text=True, check=False)
    return result.stdout.strip() or "version unknown"


def opensta_delay(netlist: Netlist, liberty: Path, clocks: tuple[str, ...],
                  time_unit: float, *, lumped: bool = False) -> float | None:
    """The shortest clock period in ns; ``None`` where OpenSTA isn't installed or can't tell.

    Parameters
    ----------
    netlist
        Flat and without memories, mapped onto ``liberty``.
    clocks
        The names of the clock ports, which are taken as one clock.
    time_unit
        The library's, in ns.
    lumped
        Take wires as mere capacitances, as :mod:`sparrow.flow.synthesis.timing` does, and not
        with their resistance too.
    """
    program = shutil.which("sta")
    if program is None or not clocks:
        return None
    calculator = "lumped_cap" if lumped else "dmp_ceff_elmore"
    period = _PERIOD_NS / time_unit
    with run_folder() as folder:
        (folder / "cells.lib").write_bytes(liberty.read_bytes())
        (folder / "netlist.v").write_text(netlist_verilog(netlist, split_ports=True),
                                          encoding="utf-8")
        ports = f"[get_ports {{{' '.join(clocks)}}}]"
        script = _SCRIPT.format(top=netlist.name, period=period, clocks=ports,
                                calculator=calculator)
        (folder / "run.tcl").write_text(script, encoding="utf-8")
        result = subprocess.run([program, "-no_splash", "-exit", "run.tcl"], cwd=folder,
                                capture_output=True, text=True, check=False)
    match = re.search(r"^slack ([-\d.eE+]+)$", result.stdout, re.MULTILINE)
    return (period - float(match[1])) * time_unit if match else None
