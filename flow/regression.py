"""A block's regression on a simulator: where it is built, and what it is told."""

import hashlib
import shutil
from pathlib import Path
from typing import Any

from sparrow.flow.blocks import Block
from sparrow.flow.errors import UserError
from sparrow.sim.runner import SimulationError, TestResult, build, run

__all__ = ["build_folder", "run_regression"]


def build_folder(kind: str, name: str, content: str, *, suffix: str = "",
                 folder: Path | None = None) -> Path:
    """An empty folder: ``folder``, or one under ``build/kind`` for a name and a content."""
    if folder is None:
        digest = hashlib.sha256(content.encode()).hexdigest()[:12]
        folder = Path("build", kind, f"{name}-{digest}{suffix}").absolute()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def run_regression(block: Block, spec: Any, source: Path, *, module: str, seed: int, blocks: int,
                   exhaustive: bool, simulator: str = "verilator", waves: bool = False,
                   **parameters: Any) -> tuple[list[TestResult], dict[str, int]]:
    """Build a block's Verilog beside its file, run cocotb tests, give their results and coverage.

    Parameters
    ----------
    block, spec
        What the file holds.
    source : Path
        The file.
    module : str
        Module of the tests.
    seed, blocks, exhaustive
        See :func:`.proof.prove`.
    simulator, waves
        See :func:`.proof.prove`.
    parameters
        What else the module reads by :func:`sparrow.sim.report.bench_parameters`.

    Raises
    ------
    UserError
        If the simulator isn't there or breaks off.
    """
    top, folder = block.top_name, source.parent / "build"
    told = {"block": block.name, "spec": spec.to_mapping(), "seed": seed, "blocks": blocks,
            "exhaustive": exhaustive}
    try:
        runner = build(source, top, folder, simulator=simulator, waves=waves)
        return run(runner, top, module, folder, parameters=told | parameters, seed=seed,
                   waves=waves)
    except SimulationError as error:
        raise UserError(str(error)) from None
