"""Builds simulations of an accelerator's Verilog and runs scripts on them."""

import contextlib
import dataclasses
import fcntl
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from sparrow.hw.spec.bus import BusSpec

from ..runner import SimulationError, build, built, run, simulator_version
from .script import CORE_PERIOD, Outcome, Run

__all__ = ["AnySimulation", "Result", "Simulation", "folder_lock", "read_result", "simulation",
           "write_files"]

_MODULE = "sparrow.sim.accelerator.session"


@dataclasses.dataclass(frozen=True)
class Result:
    """What a script did.

    Members
    -------
    outcomes : list of Outcome
        One for each run, up to one that ends in a timeout.
    outputs : list of bytes
        The data window after each run that keeps it.
    cycles : int
        Clock cycles that were simulated.
    seconds : float
        How long that took, build and start of the simulator not counted.
    """
    outcomes: list[Outcome]
    outputs: list[bytes]
    cycles: int
    seconds: float


class AnySimulation(Protocol):
    """What carries out runs: :class:`Simulation`, or one of another engine."""

    @property
    def folder(self) -> Path:
        """Of the build."""

    @property
    def version(self) -> str:
        """Name and version of the simulator."""

    def run(self, runs: Sequence[Run], files: Mapping[str, bytes], folder: Path, *,
            check_rules: bool = False, waves: bool = False) -> Result:
        """Carry out runs; see :meth:`Simulation.run`."""


@dataclasses.dataclass(frozen=True)
class Simulation:
    """A built simulation.

    Parameters
    ----------
    folder : Path
        Of the build.
    top : str
        The top module.
    simulator : str
    address_width : int
        Of the bus.
    core_period : float
        Of ``core_clk``, where there is one, ns; the buses' clock has a period of 10.
    bus : BusSpec, optional
        Also watch the master's bursts, where rules are checked.
    """
    folder: Path
    top: str
    simulator: str
    address_width: int
    core_period: float = CORE_PERIOD
    bus: BusSpec | None = None

    @property
    def version(self) -> str:
        """Name and version of the simulator."""
        return f"{self.simulator} {simulator_version(self.simulator)}"

    def run(self, runs: Sequence[Run], files: Mapping[str, bytes], folder: Path, *,
            check_rules: bool = False, waves: bool = False) -> Result:
        """Carry out runs, one after the other, on one accelerator.

        Parameters
        ----------
        runs : sequence of Run
        files : mapping of str to bytes
            The content of the files that the runs name.
        folder : Path
            Where it runs, for inputs, outputs and logs.
        check_rules : bool
            Watch the stream rule on the buses in every cycle.
        waves : bool
            Keep a waveform, where the build was made for that.

        Raises
        ------
        SimulationError
            If the simulation breaks off, or the bench finds a rule broken; with its words.
        """
        folder = write_files(folder, files)
        script = [entry.to_json() for entry in runs]
        (folder / "script.json").write_text(json.dumps(script), encoding="utf-8")
        parameters = {"folder": str(folder), "address_width": self.address_width,
                      "check_rules": check_rules, "core_period": self.core_period,
                      "bus": self.bus.to_mapping() if self.bus and check_rules else None}
        results, _ = run(built(self.simulator), self.top, _MODULE, self.folder,
                         parameters=parameters, waves=waves, run_folder=folder)
        for result in results:
            if result.outcome != "passed":
                text = " ".join(result.message.split()) or f"see {folder / 'run.log'}"
                raise SimulationError(f"The simulation failed: {text}")
        return read_result(runs, folder)


def write_files(folder: Path, files: Mapping[str, bytes]) -> Path:
    """Put the files of runs into a folder, where no results are left; its absolute path."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    (folder / "outcomes.json").unlink(missing_ok=True)
    return folder.absolute()


def read_result(runs: Sequence[Run], folder: Path) -> Result:
    """What ``outcomes.json`` and ``outputs.bin`` in a folder say."""
    values = json.loads((folder / "outcomes.json").read_text(encoding="utf-8"))
    outcomes = [Outcome(**outcome) for outcome in values["outcomes"]]
    outputs, position = [], 0
    content = (folder / "outputs.bin").read_bytes()
    for entry, _ in zip(runs, outcomes):
        if entry.keep:
            outputs.append(content[position:position + entry.data_size])
            position += entry.data_size
    return Result(outcomes, outputs, values["cycles"], values["seconds"])


def simulation(verilog: str, top: str, folder: Path, *, address_width: int,
               simulator: str = "verilator", optimize: bool = False,
               waves: bool = False) -> Simulation:
    """Build a simulation, or take the one of the same Verilog that is in the folder.

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
    simulator : str
        ``verilator`` or ``icarus``.
    optimize : bool
        Let the compiler optimize Verilator's model.
    waves : bool
        Make it fit for waveforms.

    Raises
    ------
    SimulationError
        If the simulator isn't there or doesn't build it.
    """
    folder = folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    key = f"{simulator} {simulator_version(simulator)} {optimize} {waves}\n{verilog}"
    digest = hashlib.sha256(key.encode()).hexdigest()
    stamp = folder / "built"
    with folder_lock(folder / "lock"):
        if not stamp.exists() or stamp.read_text(encoding="utf-8") != digest:
            stamp.unlink(missing_ok=True)
            source = folder / f"{top}.v"
            source.write_text(verilog, encoding="utf-8")
            build(source, top, folder / "build", simulator=simulator, waves=waves,
                  optimize=optimize)
            stamp.write_text(digest, encoding="utf-8")
    return Simulation(folder / "build", top, simulator, address_width)


@contextlib.contextmanager
def folder_lock(path: Path) -> Iterator[None]:
    """Wait for other processes that have locked the file."""
    with open(path, "w", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
