"""What others need to use an accelerator: C header and driver, FuseSoC core, constraints."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from sparrow.hw.export import ClockPorts
from sparrow.hw.spec.accelerator import AcceleratorSpec
from sparrow.hw.spec.bus import BusClock

from .c_header import c_header
from .constraints import sdc, xdc
from .core_file import core_file

__all__ = ["DRIVER_FILES", "HEADER_FILE", "Surroundings", "c_header", "companions", "core_file",
           "sdc", "xdc"]

HEADER_FILE = "sparrow_accelerator.h"
DRIVER_FILES = ("sparrow_driver.h", "sparrow_driver.c")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What a system asks of the Verilog that is put into it.

    Parameters
    ----------
    separate_memories : bool
        Bodies of memories are in a file of their own.
    clock_ports : ClockPorts
    period, core_period : float
        Of the clock, and of ``core_clk`` where there is one, ns.
    """
    separate_memories: bool = False
    clock_ports: ClockPorts = dataclasses.field(default_factory=ClockPorts)
    period: float = 10.0
    core_period: float = 10.0


def companions(spec: AcceleratorSpec, top: str, files: Sequence[str],
               around: Surroundings | None = None) -> dict[str, str]:
    """What belongs beside the Verilog of an accelerator: texts by name of the file.

    Parameters
    ----------
    spec : AcceleratorSpec
    top : str
        The top module.
    files : sequence of str
        Names of the Verilog files.
    around : Surroundings
    """
    around = around or Surroundings()
    clocks = {around.clock_ports.clock: around.period}
    if spec.bus_clock is BusClock.SEPARATE:
        clocks["core_clk"] = around.core_period
    description = (f"Neural network accelerator, {spec.lanes} x {spec.columns} MACs, "
                   f"{spec.data_width} bit {spec.protocol.value.upper()}")
    driver = {name: Path(__file__).with_name(name).read_text(encoding="utf-8")
              for name in DRIVER_FILES}
    return {HEADER_FILE: c_header(spec), **driver,
            f"{top}.core": core_file(top, description=description, files=files),
            f"{top}.sdc": sdc(top, clocks), f"{top}.xdc": xdc(top, clocks)}
