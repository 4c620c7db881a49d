"""Many small networks in one session of the simulator, whose start takes as long as they all."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import torch

from sparrow.compiler import Program
from sparrow.golden.network import Network
from sparrow.sim.accelerator import Run, Simulation, Traffic
from sparrow.sim.accelerator.network import ImageResult, image_results, image_runs

__all__ = ["Case", "run_batch"]


@dataclasses.dataclass(frozen=True)
class Case:
    """A network that is to run.

    Parameters
    ----------
    program : Program
    network : Network
        What it was compiled from.
    inputs : torch.Tensor, int8, shape (images, channels, height, width)
    traffic : Traffic
        How the memory behaves.
    timeout : int
        Cycles per image.
    """
    program: Program
    network: Network
    inputs: torch.Tensor
    traffic: Traffic
    timeout: int


def run_batch(simulation: Simulation, cases: Sequence[Case], folder: Path, *,
              watchdog: int = 100_000, check_rules: bool = False) -> list[list[ImageResult]]:
    """Run networks one after the other on one accelerator, and compare every layer's output.

    Parameters
    ----------
    simulation : Simulation
        Of an accelerator of the programs' specification.
    cases : sequence of Case
    folder : Path
        Where it runs.
    watchdog : int
        Cycles.
    check_rules : bool
        Watch the stream rule on the buses.

    Returns
    -------
    list of list of ImageResult
        For each case its images. After a timeout nothing runs any more, so that images are missing.

    Raises
    ------
    SimulationError
        If the simulation breaks off.
    """
    runs: list[Run] = []
    files: dict[str, bytes] = {}
    for number, case in enumerate(cases):
        more, content = image_runs(case.program, case.inputs, traffic=case.traffic,
                                   watchdog=watchdog, timeout=case.timeout, prefix=f"{number}_")
        runs += more
        files |= content
    result = simulation.run(runs, files, folder, check_rules=check_rules)
    images, position = [], 0
    for case in cases:
        here = slice(position, position + len(case.inputs))
        images.append(image_results(case.program, case.network, case.inputs,
                                    result.outcomes[here], result.outputs[here]))
        position = here.stop
    return images
