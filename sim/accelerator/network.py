"""Images through a compiled network on the accelerator's Verilog, compared with golden."""

import dataclasses
import random
from collections.abc import Sequence
from pathlib import Path

import torch

from sparrow.compiler import Program
from sparrow.golden.network import Network, execute
from sparrow.hw.spec.registers import ErrorCode

from .compare import first_difference
from .script import Outcome, Run, Traffic
from .simulate import AnySimulation

__all__ = ["ImageResult", "NetworkResult", "image_results", "image_runs", "run_network"]

_SLACK = 20_000  # cycles


@dataclasses.dataclass(frozen=True)
class ImageResult:
    """One image.

    Members
    -------
    outcome : Outcome
    difference : str
        Why it isn't what it must be, in one line, or empty.
    layer_cycles : dict of str to int
        Measured, by layer; layers without commands of their own take none.
    output : torch.Tensor or None
        The network's output, int8, shape (channels, height, width).
    """
    outcome: Outcome
    difference: str
    layer_cycles: dict[str, int]
    output: torch.Tensor | None


@dataclasses.dataclass(frozen=True)
class NetworkResult:
    """All images.

    Members
    -------
    images : list of ImageResult
    simulated_cycles : int
    seconds : float
        Of simulation.
    simulator : str
    compared : tuple of str
        Layers whose outputs were compared: those that a run leaves in memory.
    """
    images: list[ImageResult]
    simulated_cycles: int
    seconds: float
    simulator: str
    compared: tuple[str, ...]

    @property
    def bit_exact(self) -> int:
        """Images of which every layer that is compared is equal to golden's."""
        return sum(not image.difference for image in self.images)

    @property
    def difference(self) -> str:
        """The first one, naming its image, or empty."""
        for number, image in enumerate(self.images):
            if image.difference:
                return f"Image {number}: {image.difference}"
        return ""

    @property
    def layer_cycles(self) -> dict[str, int]:
        """For each layer the most cycles of any image."""
        merged: dict[str, int] = {}
        for image in self.images:
            for name, cycles in image.layer_cycles.items():
                merged[name] = max(merged.get(name, 0), cycles)
        return merged

    @property
    def cycles(self) -> int:
        """The most cycles of an image, from start to end."""
        return max((image.outcome.cycles for image in self.images), default=0)


def run_network(simulation: AnySimulation, program: Program, network: Network,
                inputs: torch.Tensor, folder: Path, *, traffic: Traffic | None = None,
                watchdog: int = 100_000, check_rules: bool = False,
                timeout: int | None = None) -> NetworkResult:
    """Run a program on some images, one after the other, and compare what it leaves in memory.

    That is every layer's output if it was compiled with ``keep_all``, and the network's in any
    case. Before each image the data window is filled with noise, so that nothing is right because
    it was there before.

    Parameters
    ----------
    simulation : AnySimulation
        Of an accelerator of the program's specification.
    program : Program
    network : Network
        What it was compiled from.
    inputs : torch.Tensor, int8, shape (images, channels, height, width)
    folder : Path
        Where it runs.
    traffic : Traffic
        How the memory behaves.
    watchdog : int
        Cycles.
    check_rules : bool
        Watch the stream rule on the buses.
    timeout : int
        Cycles per image; by default four times as many as predicted, and some.

    Raises
    ------
    SimulationError
        If the simulation breaks off.
    """
    runs, files = image_runs(program, inputs, traffic=traffic or Traffic(), watchdog=watchdog,
                             timeout=timeout)
    result = simulation.run(runs, files, folder, check_rules=check_rules)
    images = image_results(program, network, inputs, result.outcomes, result.outputs)
    return NetworkResult(images, result.cycles, result.seconds, simulation.version, program.kept)


def image_runs(program: Program, inputs: torch.Tensor, *, traffic: Traffic, watchdog: int,
               timeout: int | None, prefix: str = "") -> tuple[list[Run], dict[str, bytes]]:
    """A run for each image, and the files that they name, with a prefix to their names."""
    limit = timeout if timeout is not None else 4 * program.cycles + _SLACK
    noise = random.Random(1)
    windows = bytearray()
    for image in inputs:
        window = bytearray(noise.randbytes(program.data_size))
        program.write_input(window, image)
        windows += window
    files = {f"{prefix}program.bin": program.program_bytes, f"{prefix}data.bin": bytes(windows)}
    run = Run(program=f"{prefix}program.bin", data=f"{prefix}data.bin",
              data_size=program.data_size, start=program.start,
              program_size=len(program.program_bytes), watchdog=watchdog, timeout=limit,
              traffic=traffic)
    return [dataclasses.replace(run, data_offset=number * program.data_size)
            for number in range(len(inputs))], files


def image_results(program: Program, network: Network, inputs: torch.Tensor,
                  outcomes: Sequence[Outcome], memories: Sequence[bytes]) -> list[ImageResult]:
    """What became of images, as far as there are outcomes and data windows of their runs."""
    trace = execute(network, inputs, trace=True)
    assert isinstance(trace, dict)
    return [_image(program, outcome, memory,
                   {name: tensor[number] for name, tensor in trace.items()})
            for number, (outcome, memory) in enumerate(zip(outcomes, memories))]


def _image(program: Program, outcome: Outcome, memory: bytes,
           expected: dict[str, torch.Tensor]) -> ImageResult:
    names = [layer.name for layer in program.layers if layer.commands]
    complaint = _complaint(outcome, len(names))
    cycles = dict(zip(names, outcome.layer_cycles))
    if complaint:
        return ImageResult(outcome, complaint, cycles, None)
    found = {name: program.read_tensor(memory, name) for name in program.kept}
    difference = first_difference(found, {name: expected[name] for name in found}) or ""
    return ImageResult(outcome, difference, cycles, found[program.output])


def _complaint(outcome: Outcome, layers: int) -> str:
    """What is wrong with a run apart from its results, or empty."""
    if outcome.end == "timeout":
        return (f"no interrupt in {outcome.interrupt} cycles; {len(outcome.retired)} of {layers} "
                "layers were complete")
    if outcome.end != "done":
        return (f"stopped by error {ErrorCode(outcome.error_code).name} at command "
                f"{outcome.error_command}, after {len(outcome.retired)} of {layers} layers")
    if outcome.strays:
        return f"outside its windows: {outcome.strays[0]}"
    if outcome.writes_while_running:
        return f"{outcome.writes_while_running} register writes between start and interrupt"
    if len(outcome.retired) != layers or outcome.counters["LAYERS"] != layers:
        return (f"layers retired must be {layers}, not {len(outcome.retired)} pulses and "
                f"{outcome.counters['LAYERS']} counted")
    return ""
