"""Proving a block: its regression on a simulator, for one specification."""

import dataclasses
import os
import re
from pathlib import Path
from typing import Any

from sparrow.flow.blocks import Block
from sparrow.flow.errors import UserError
from sparrow.flow.regression import build_folder, run_regression
from sparrow.sim.runner import TestResult, simulator_version

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
        If the simulator isn't there or breaks off, or ``verilog`` lacks clock or reset.
    """
    if verilog is not None:
        _require_clock(verilog, block.top_name)
    text = block.verilog(spec) if verilog is None else verilog
    # a folder for each process, so that proofs can run side by side
    folder = build_folder("sim", block.top_name, f"{simulator} {waves} {text}",
                          suffix=f"-{os.getpid()}", folder=folder)
    source = folder / f"{block.top_name}.v"
    source.write_text(text, encoding="utf-8")
    results, coverage = run_regression(block, spec, source, module=block.regression, seed=seed,
                                       blocks=blocks, exhaustive=exhaustive, simulator=simulator,
                                       waves=waves)
    version = simulator_version(simulator)
    return Proof(f"{simulator} {version}", results, coverage, folder)


def _require_clock(verilog: str, top: str) -> None:
    """Check that the module has the clock and the reset that a regression drives."""
    code = re.sub(r"//[^\n]*|/\*.*?\*/", " ", verilog, flags=re.S)
    header = re.search(rf"\bmodule\s+{re.escape(top)}\b([^;]*);", code)
    for port in ("clk", "rst"):
        if header and not re.search(rf"\b{port}\b", header[1]):
            raise UserError(f"module {top} must have ports clk and rst, active high, to be tested; "
                            f"{port} is missing")
