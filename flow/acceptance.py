"""Whether other tools take a Verilog file: linter, synthesis, strict Verilog-2005 readers."""

import dataclasses
import os
import shutil
import subprocess
import sys
from pathlib import Path

from sparrow.flow.tools import ToolError, run_folder, run_yosys
from sparrow.sim.runner import verilator_environment

__all__ = ["READERS", "Acceptance", "accept"]

WAIVERS = Path(__file__).with_name("waivers.vlt")
"""The lint findings that are known, each with its reason."""

_SLANG = """\
import sys
from pyslang.driver import Driver
driver = Driver()
driver.addStandardArgs()
driver.setTerminalColorsEnabled(False)
sys.exit(not (driver.parseCommandLine("slang --std 1364-2005 design.v")
              and driver.processOptions() and driver.parseAllSources()
              and driver.runFullCompilation(True)))
"""


@dataclasses.dataclass(frozen=True)
class Acceptance:
    """What a tool says of a file.

    Parameters
    ----------
    reader : str
    accepted : bool or None
        ``None`` where the tool isn't installed.
    output : str
        What it printed.
    """
    reader: str
    accepted: bool | None
    output: str


def _command(command, folder, environment=None):
    run = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False,
                         env={**os.environ, **(environment or {})})
    return run.returncode == 0, (run.stdout + run.stderr).strip()


def _verilator(folder, top):
    shutil.copy(WAIVERS, folder / "waivers.vlt")
    environment = verilator_environment()
    command = [str(Path(environment["VERILATOR_ROOT"], "bin", "verilator")), "--lint-only",
               "-Wall", "--top-module", top, "waivers.vlt", "design.v"]
    return _command(command, folder, environment)


def _yosys(folder, top):
    try:
        log = run_yosys(f"read_verilog design.v\nhierarchy -check -top {top}\nproc\n"
                        "check -assert\n", folder)
    except ToolError as error:
        return False, error.output
    return True, log


def _slang(folder, top):
    return _command([sys.executable, "-c", _SLANG], folder)


def _icarus(folder, top):
    if shutil.which("iverilog") is None:
        return None, "iverilog isn't installed"
    return _command(["iverilog", "-g2005", "-Wall", "-s", top, "-o", "design.vvp", "design.v"],
                    folder)


READERS = {"verilator --lint-only -Wall": _verilator, "yosys": _yosys,
           "slang --std 1364-2005": _slang, "iverilog -g2005": _icarus}


def accept(verilog: str, top: str) -> list[Acceptance]:
    """Show a Verilog text to all :data:`READERS`.

    Verilator's findings are errors but for those in :data:`WAIVERS`.
    """
    with run_folder() as folder:
        (folder / "design.v").write_text(verilog, encoding="utf-8")
        return [Acceptance(reader, *ask(folder, top)) for reader, ask in READERS.items()]
