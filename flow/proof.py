"""Proving a block: its regression on a simulator, for one specification."""

import dataclasses
import hashlib
import os
import shutil
from pathlib import Path
from typing import Any

from sparrow.flow.blocks import Block
from sparrow.flow.errors import UserError
from sparrow.sim.runner import SimulationError, TestResult, build, run, simulator_version

__all__ = ["Proof", "prove"]


@dataclasses.dataclass(frozen=True)
class Proof:
    """What a regression found.

    Parameters
    ----------
    simulator : str
        Name and version.
    results : list of TestResult
    coverage : dict
        What was exercised: counts by name.
    folder : Path
        Build folder, logs, and with ``waves`` the waveform.
    """
    simulator: str
    results: list[TestResult]
    coverage: dict[str, int]
    folder: Path

    @property
    def passed(self) -> bool:
        """Whether tests ran and none failed."""
        outcomes = {result.outcome for result in self.results}
        return "passed" in outcomes and "failed" not in outcomes


def prove(block: Block, spec: Any, *, simulator: str = "verilator", seed: int = 1,
          blocks: int = 40, exhaustive: bool = True, waves: bool = False,
          verilog: str | None = None, folder: Path | None = None) -> Proof:
    """Run a block's regression.

    Parameters
    ----------
    block, spec
        What to prove.
    simulator : str
        ``verilator`` or ``icarus``.
    seed : int
        Of all random stimuli.
    blocks : int
        Size of each random scenario.
    exhaustive : bool
        Also run what tries all operands, where that is feasible.
    waves : bool
        Keep a waveform.
    verilog : str, optional
        Verilog to prove, instead of the block's own.
    folder : Path, optional
        Where to build, instead of a folder of its own under ``build/sim``.

    Raises
    ------
    UserError
        If the simulator isn't there or breaks off.
    """
    text = block.verilog(spec) if verilog is None else verilog
    if folder is None:
        digest = hashlib.sha256(f"{simulator} {waves} {text}".encode()).hexdigest()[:12]
        # a folder for each process, so that proofs can run side by side
        folder = Path("build", "sim", f"{block.top_name}-{digest}-{os.getpid()}").absolute()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    source = folder / f"{block.top_name}.v"
    source.write_text(text, encoding="utf-8")
    parameters = {"spec": spec.to_mapping(), "seed": seed, "blocks": blocks,
                  "exhaustive": exhaustive}
    try:
        runner = build(source, block.top_name, folder / "build", simulator=simulator, waves=waves)
        results, coverage = run(runner, block.top_name, block.regression, folder / "build",
                                parameters=parameters, seed=seed, waves=waves)
    except SimulationError as error:
        raise UserError(str(error)) from None
    version = simulator_version(simulator)
    return Proof(f"{simulator} {version}", results, coverage, folder)
