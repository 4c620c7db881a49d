"""Simulations of accelerators for the commands: built once for the same Verilog."""

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from sparrow.compiler import Program
from sparrow.flow.blocks import block
from sparrow.flow.errors import UserError
from sparrow.golden.network import Network
from sparrow.hw.spec.accelerator import AcceleratorSpec
from sparrow.hw.spec.bus import BusClock
from sparrow.sim.accelerator import Traffic, simulation
from sparrow.sim.accelerator.network import NetworkResult, run_network
from sparrow.sim.accelerator.simulate import AnySimulation
from sparrow.sim.native import native_simulation
from sparrow.sim.runner import SimulationError

__all__ = ["ENGINES", "OPTIMIZE_CYCLES", "built_simulation", "images_for", "require_engine",
           "simulate"]

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


def images_for(network: Network, count: int, *, seed: int = 0) -> torch.Tensor:
    """Images for a network: handwritten digits where they fit, else random numbers."""
    if network.input.shape == (1, 8, 8):
        from sparrow.flow.datasets import dataset
        images = dataset("digits").test_images
        repeats = -(-count // len(images))
        return network.input.to_elements(images.repeat(repeats, 1, 1, 1)[:count])
    from sparrow.sim.accelerator.samples import sample_images
    return sample_images(network, count, seed=seed)
