"""What the driver reads: a script of runs as lines of text, and registers as a C++ header."""

from collections.abc import Mapping, Sequence

from sparrow.hw.spec.registers import register

from ..accelerator.script import (
    CHANNELS,
    COUNTERS,
    Fault,
    Run,
    Traffic,
    program_window,
    window_bases,
)
from ..runner import SimulationError

__all__ = ["registers_header", "script_text"]

_NAMED = ("CONTROL", "STATUS", "ERROR_CODE", "ERROR_COMMAND", "STREAM_ERROR", "INTERRUPT_ENABLE",
          "INTERRUPT_STATUS", "PROGRAM_START", "WATCHDOG")
_SEEDS = 1 << 64


def script_text(runs: Sequence[Run], files: Mapping[str, bytes], *, address_width: int,
                check_rules: bool) -> str:
    """The text of ``script.txt``.

    The first line has the bases of program and data window, and whether rules are checked. Then
    each run has a line: program, data (or ``-``), offset and size of the data window, size of
    the program window, start, watchdog, timeout, whether the data window is kept, latency,
    bandwidth, pattern of stalls, and the seeds of the five channels.

    Raises
    ------
    SimulationError
        If a run asks for what the driver can't do.
    """
    bases = window_bases(address_width)
    lines = [f"{bases['PROGRAM']} {bases['DATA']} {int(check_rules)}"]
    lines += [_line(number, run, files) for number, run in enumerate(runs)]
    return "\n".join(lines) + "\n"


def _line(number: int, run: Run, files: Mapping[str, bytes]) -> str:
    if run.fault != Fault():
        name = next(name for name, value in vars(Fault()).items()
                    if getattr(run.fault, name) != value)
        raise SimulationError(f"Run {number}: fault {name} must go to engine 'cocotb'; engine "
                              "'native' injects none")
    for name in (run.program, run.data):
        if name.split() not in ([], [name]):
            raise SimulationError(f"Run {number}: file name must have no spaces, not {name!r}")
    size = program_window(len(files[run.program]), run.program_size)
    values = [run.program, run.data or "-", run.data_offset, run.data_size, size, run.start,
              run.watchdog, run.timeout, int(run.keep), *_traffic(number, run.traffic)]
    return " ".join(map(str, values))


def _traffic(number: int, traffic: Traffic) -> list[object]:
    seeds = [abs(1000 * traffic.seed + channel) for channel in range(len(CHANNELS))]
    if max(seeds) >= _SEEDS:
        raise SimulationError(f"Run {number}: seed must be of at most 54 bits, not {traffic.seed}")
    return [traffic.latency, repr(float(traffic.bandwidth)), traffic.stalls, *seeds]


def counter_signals() -> dict[str, str]:
    """The signal of the top module that a counter register shows, by the register's name."""
    return {name: f"core_{name.lower()}" for name in COUNTERS}


def registers_header(top: str = "accelerator") -> str:
    """The text of ``registers.h``: what the driver must know of the accelerator's registers."""
    lines = ["// Made by sim/native/script.py from hw/spec/registers.py.", "", "#pragma once", ""]
    lines += [f"constexpr unsigned {name} = {register(name).offset:#x};" for name in _NAMED]
    windows = ", ".join(f"{register(f'{name}_BASE').offset:#x}" for name in ("PROGRAM", "DATA"))
    lines += [f"constexpr unsigned WINDOW_REGISTERS[2] = {{{windows}}};  // base, high, size", "",
              "constexpr struct {", "    const char* name;", "    unsigned offset;",
              "} COUNTERS[] = {"]
    lines += [f'    {{"{name}", {register(name).offset:#x}}},' for name in COUNTERS]
    lines += ["};", "",
              "template <typename Model> std::vector<uint32_t> counters_of(Model& model) {",
              "    const auto& root = *model.rootp;", "    return {"]
    lines += [f"        root.{top}__DOT__{signal}," for signal in counter_signals().values()]
    return "\n".join([*lines, "    };", "}", ""])
