"""Builds native simulations of an accelerator's Verilog and runs scripts on them."""

import dataclasses
import hashlib
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..accelerator.script import Run
from ..accelerator.simulate import Result, folder_lock, read_result, write_files
from ..runner import SimulationError, simulator_version
from .build import build_driver, build_key
from .script import script_text

__all__ = ["NativeSimulation", "native_simulation"]


@dataclasses.dataclass(frozen=True)
class NativeSimulation:
    """A built simulation; it stands in for :class:`..accelerator.Simulation`.

    Parameters
    ----------
    folder : Path
        Of the build.
    driver : Path
        The program that runs a script.
    address_width : int
        Of the bus.
    """
    folder: Path
    driver: Path
    address_width: int

    @property
    def version(self) -> str:
        """Name and version of the simulator."""
        return f"verilator {simulator_version('verilator')}, native"

    def run(self, runs: Sequence[Run], files: Mapping[str, bytes], folder: Path, *,
            check_rules: bool = False, waves: bool = False) -> Result:
        """Carry out runs, one after the other, on one accelerator.

        Parameters
        ----------
        runs : sequence of Run
            Without faults.
        files : mapping of str to bytes
            The content of the files that the runs name.
        folder : Path
            Where it runs, for inputs and outputs.
        check_rules : bool
            Watch the stream rule on the buses in every cycle.
        waves : bool
            Must be false.

        Raises
        ------
        SimulationError
            If the simulation breaks off, or the driver finds a rule broken, with its words; or if
            a run asks for what the driver can't do.
        """
        if waves:
            raise SimulationError("Waveforms must come from engine 'cocotb'; engine 'native' keeps "
                                  "none")
        script = script_text(runs, files, address_width=self.address_width,
                             check_rules=check_rules)
        folder = write_files(folder, files)
        (folder / "script.txt").write_text(script, encoding="utf-8")
        process = subprocess.run([self.driver, folder], capture_output=True, text=True, check=False,
                                 stdin=subprocess.DEVNULL, errors="replace")
        if process.returncode:
            text = " ".join(process.stderr.split()) or f"exit status {process.returncode}"
            raise SimulationError(f"The simulation failed: {text}")
        return read_result(runs, folder)


def native_simulation(verilog: str, top: str, folder: Path, *,
                      address_width: int) -> NativeSimulation:
    """Build a native simulation, or take the one of the same Verilog that is in the folder.

    Processes that ask for the same folder wait for each other.

    Parameters
    ----------
    verilog : str
        Text that holds the accelerator.
    top : str
        Its module.
    folder : Path
        Where to build.
    address_width : int
        Of the accelerator's bus.

    Raises
    ------
    SimulationError
        If it can't be built.
    """
    folder = folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    key = f"{simulator_version('verilator')} {build_key()}\n{verilog}"
    digest = hashlib.sha256(key.encode()).hexdigest()
    stamp, build = folder / "built", folder / "build"
    with folder_lock(folder / "lock"):
        if not stamp.exists() or stamp.read_text(encoding="utf-8") != digest:
            stamp.unlink(missing_ok=True)
            source = folder / f"{top}.v"
            source.write_text(verilog, encoding="utf-8")
            build_driver(source, top, build)
            stamp.write_text(digest, encoding="utf-8")
    return NativeSimulation(build, build / "Vmodel", address_width)
