"""Simulations of accelerators for the commands: built once for the same Verilog."""

import hashlib
import math
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch

from sparrow.compiler import Program
from sparrow.compress.data import Dataset
from sparrow.flow.blocks import block
from sparrow.flow.errors import UserError
from sparrow.golden.network import Network, execute
from sparrow.hw.spec.accelerator import AcceleratorSpec
from sparrow.hw.spec.bus import BusClock
from sparrow.sim.accelerator import Traffic, simulation
from sparrow.sim.accelerator.network import NetworkResult, run_network
from sparrow.sim.accelerator.simulate import AnySimulation
from sparrow.sim.native import native_simulation
from sparrow.sim.runner import SimulationError

__all__ = ["ENGINES", "OPTIMIZE_CYCLES", "built_simulation", "first_images", "images_for",
           "require_engine", "right_classes", "simulate"]

ENGINES = ("cocotb", "native")

OPTIMIZE_CYCLES = 1_000_000
"""From so many clock cycles on, an optimized build of Verilator's model pays."""


def require_engine(engine: str, spec: AcceleratorSpec) -> None:
    """Raise ``UserError`` if an engine can't simulate an accelerator."""
    if engine == "native" and spec.bus_clock is not BusClock.SAME:
        raise UserError("engine native must go with bus_clock 'same', not "
                        f"{spec.bus_clock.value!r}")


def built_simulation(spec: AcceleratorSpec, *, verilog: str | None = None,
                     simulator: str = "verilator", engine: str = "cocotb", cycles: int = 0,
                     folder: Path | None = None) -> AnySimulation:
    """The simulation of an accelerator, from ``build/sim`` where it has been built before.

    Parameters
    ----------
    spec
        The accelerator.
    verilog
        Its Verilog, if it is at hand.
    simulator
        ``verilator`` or ``icarus``.
    engine
        Of :data:`ENGINES`: a bench in Python, or a driver in C++, on ``verilator`` alone.
    cycles
        How many clock cycles will be simulated, about.
    folder
        Where to build instead.

    Raises
    ------
    UserError
        If the simulator isn't there or doesn't build it.
    """
    found = block("accelerator")
    text = found.verilog(spec) if verilog is None else verilog
    optimize = engine == "cocotb" and cycles >= OPTIMIZE_CYCLES
    if folder is None:
        kind = simulator if engine == "cocotb" else engine
        digest = hashlib.sha256(f"{kind} {optimize} {text}".encode()).hexdigest()[:12]
        folder = Path("build", "sim", f"accelerator-{digest}")
    try:
        if engine == "native":
            if simulator != "verilator":
                raise UserError(f"engine native must run on verilator, not {simulator!r}")
            require_engine(engine, spec)
            return native_simulation(text, found.top_name, folder,
                                     address_width=spec.address_width)
        return simulation(text, found.top_name, folder, address_width=spec.address_width,
                          simulator=simulator, optimize=optimize)
    except SimulationError as error:
        raise UserError(str(error)) from None


def simulate(built: AnySimulation, program: Program, network: Network, inputs: torch.Tensor, *,
             traffic: Traffic) -> NetworkResult:
    """Run images through a simulation; raises ``UserError`` if it breaks off."""
    try:
        with _run_folder(built) as folder:
            return run_network(built, program, network, inputs, folder, traffic=traffic)
    except SimulationError as error:
        raise UserError(str(error)) from None


@contextmanager
def _run_folder(built: AnySimulation) -> Iterator[Path]:
    """A folder beside the build; it stays where the run fails."""
    folder = built.folder.parent / f"run-{os.getpid()}"
    shutil.rmtree(folder, ignore_errors=True)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def right_classes(network: Network, inputs: torch.Tensor, result: NetworkResult,
                  labels: torch.Tensor) -> dict[str, float]:
    """Shares of images whose largest output, the first of equal ones, is at the label.

    Returns
    -------
    dict
        ``accuracy_rtl`` and, of the same images, ``accuracy_golden_same``.
    """
    outputs = execute(network, inputs)
    assert isinstance(outputs, torch.Tensor)
    return {"accuracy_rtl": _share(labels, [image.output for image in result.images]),
            "accuracy_golden_same": _share(labels, list(outputs))}


def _share(labels: torch.Tensor, outputs: Sequence[torch.Tensor | None]) -> float:
    right = [output is not None
             and int((output.flatten() == output.max()).nonzero()[0]) == int(label)
             for output, label in zip(outputs, labels, strict=True)]
    return sum(right) / len(right)


def first_images(network: Network, count: int, data: Dataset, name: str) -> torch.Tensor:
    """The first test images of data, as elements of a network's input.

    Raises
    ------
    UserError
        If the data hasn't as many images, or images of another size.
    """
    images = data.test_images[:count]
    if len(images) < count:
        raise UserError(f"images must be at most the {len(images)} test images of {name!r}, "
                        f"not {count}")
    if images[0].numel() != math.prod(network.input.shape):
        raise UserError(f"data {name!r} must have images of {_sizes(network.input.shape)}, as "
                        f"{network.name} takes them, not of {_sizes(images[0].shape)}")
    return network.input.to_elements(images.reshape(count, *network.input.shape))


def _sizes(shape: Sequence[int]) -> str:
    return "x".join(map(str, shape))


def images_for(network: Network, count: int, *, seed: int = 0) -> torch.Tensor:
    """Images for a network: handwritten digits where they fit, else random numbers."""
    if network.input.shape == (1, 8, 8):
        from sparrow.flow.datasets import dataset
        images = dataset("digits").test_images
        repeats = -(-count // len(images))
        return network.input.to_elements(images.repeat(repeats, 1, 1, 1)[:count])
    from sparrow.sim.accelerator.samples import sample_images
    return sample_images(network, count, seed=seed)
