"""``sparrow generate``: a block's Verilog."""

import argparse
import math
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sparrow.flow.blocks import add_spec_arguments, block
from sparrow.flow.errors import UserError

if TYPE_CHECKING:
    from sparrow.flow.interface import Surroundings

__all__ = ["add_parser", "run"]

_PERIOD = 10.0


def add_parser(subparsers: Any) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "generate", help="Verilog of a block",
        description="Write a block's Verilog: one file, the same bytes for the same "
                    "specification. Beside that of the accelerator, also a C header with its "
                    "registers and commands, a driver in C, a FuseSoC core and the clock's "
                    "constraints, SDC and XDC.")
    add_spec_arguments(parser)
    parser.add_argument("-o", "--output", required=True, metavar="FILE.v", help="file to write")
    parser.add_argument("--memories", choices=("inside", "separate"), default="inside",
                        help="separate: one module for each shape of memory, such as "
                             "sparrow_ram_1r1w_512x256, with behavioural bodies in "
                             "FILE_memories.v; inside: an earlier such file goes (default: "
                             "%(default)s)")
    parser.add_argument("--clock-port", metavar="NAME", default="clk",
                        help="name of the clock (default: %(default)s)")
    parser.add_argument("--reset-port", metavar="NAME",
                        help="name of the reset (default: rst, or rst_n where it is active low)")
    parser.add_argument("--reset-polarity", choices=("high", "low"), default="high",
                        help="level of the synchronous reset (default: %(default)s)")
    parser.add_argument("--clock-period", type=float, metavar="NS",
                        help=f"for the accelerator's constraints (default: {_PERIOD:g})")
    parser.add_argument("--core-clock-period", type=float, metavar="NS",
                        help=f"the same for core_clk, with bus_clock=separate (default: "
                             f"{_PERIOD:g})")


def _period(arguments: argparse.Namespace, name: str) -> float:
    """One of the two periods, ns."""
    period = getattr(arguments, name)
    if period is None:
        return _PERIOD
    option = f"--{name.replace('_', '-')}"
    if arguments.block != "accelerator":
        raise UserError(f"{option} must go with block accelerator, not {arguments.block!r}")
    if not (math.isfinite(period) and 0.001 <= period <= 1e6):
        raise UserError(f"{option} must be from 0.001 to 1000000 ns, not {period:g}")
    return period


def _surroundings(arguments: argparse.Namespace, spec: Any) -> "Surroundings":
    from sparrow.flow.interface import Surroundings
    from sparrow.hw.export import ClockPorts
    from sparrow.hw.spec.bus import BusClock

    period, core_period = (_period(arguments, name)
                           for name in ("clock_period", "core_clock_period"))
    if arguments.core_clock_period is not None and spec.bus_clock is not BusClock.SEPARATE:
        raise UserError("--core-clock-period must go with bus_clock 'separate', not "
                        f"{spec.bus_clock.value!r}")
    low = arguments.reset_polarity == "low"
    reset = arguments.reset_port
    if reset is None:
        reset = "rst_n" if low else "rst"
    try:
        ports = ClockPorts(clock=arguments.clock_port, active_low=low,
                           reset=reset)
    except ValueError as error:
        raise UserError(str(error)) from None
    return Surroundings(separate_memories=arguments.memories == "separate", clock_ports=ports,
                        period=period, core_period=core_period)


def run(arguments: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    from sparrow.flow.files import require_writable, write_atomically
    from sparrow.flow.memory_bodies import are_memory_bodies
    from sparrow.flow.progress import progress
    from sparrow.hw.export import PortNameError
    started = time.monotonic()
    found = block(arguments.block)
    spec = found.parse(arguments.spec, arguments.settings)
    around = _surroundings(arguments, spec)
    path = Path(arguments.output)
    memories = path.parent / f"{path.stem}_memories.v"
    beside = {}
    if not path.exists() or path.is_file():
        names = [path.name] + [memories.name] * around.separate_memories
        beside = {path.with_name(name): content
                  for name, content in found.files_beside(spec, names, around).items()}
    elif around.separate_memories:
        raise UserError(f"--memories separate must go with a regular file, not {path}")
    if path in beside:
        raise UserError(f"-o must be another file than those written beside it, not {path}")
    for file in (path, *([memories] if around.separate_memories else []), *beside):
        require_writable(file)
    with progress(f"generating {arguments.block}"):
        try:
            files = found.verilog_files(spec, around)
        except PortNameError as error:
            raise UserError(str(error)) from None
    if around.separate_memories and not files.memories:
        raise UserError(f"--memories separate must go with a block that has memories, which "
                        f"{arguments.block} hasn't")
    write_atomically(path, files.text)
    print(f"{path}: module {found.top_name}, {len(files.text.encode()) / 1000:.0f} kB, "
          f"{time.monotonic() - started:.1f} s")
    if files.memories:
        beside = {memories: files.memories, **beside}
    for file, content in beside.items():
        write_atomically(file, content)
        print(file)
    if not files.memories and are_memory_bodies(memories):
        memories.unlink()  # they would be there twice
        print(f"{memories}: removed, memories are inside now")
    return 0
