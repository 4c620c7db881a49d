"""What is to happen in a simulation of the accelerator, and what did: plain data, as JSON."""

import dataclasses
from typing import Any

from sparrow.hw.spec.registers import REGISTERS

__all__ = ["CHANNELS", "CORE_PERIOD", "COUNTERS", "DATA_BASE", "PROGRAM_BASE", "PAGE", "Fault",
           "Outcome", "Run", "Traffic", "pages", "program_window", "window_bases"]

PROGRAM_BASE = 0x1000_0000
DATA_BASE = 0x2000_0000
PAGE = 4096
CORE_PERIOD = 7.0  # ns, of a core whose clock isn't that of its buses, which has 10
CHANNELS = ("ar", "r", "aw", "w", "b")
COUNTERS = tuple(entry.name for entry in REGISTERS if 0x40 <= entry.offset < 0x80)
_AHEAD = 512  # bytes behind a program's END that are fetched, too


def pages(size: int) -> int:
    """A number of bytes, rounded up to whole pages of 4096, at least one."""
    return max(1, -(-size // PAGE)) * PAGE


def window_bases(address_width: int) -> dict[str, int]:
    """Where the windows ``PROGRAM`` and ``DATA`` begin: as high as the bus' addresses go."""
    high = 1 << (address_width - 1) if address_width > 32 else 0
    return {"PROGRAM": high + PROGRAM_BASE, "DATA": high + DATA_BASE}


def program_window(program_bytes: int, program_size: int) -> int:
    """The size of the program window for :attr:`Run.program_size`."""
    return program_size or pages(program_bytes + _AHEAD)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Traffic:
    """How the memory behaves.

    Parameters
    ----------
    latency : int, at least 1
        Cycles from the edge that takes an address, or the last word of a write, to the edge that
        puts the answer on the bus. Bursts overlap.
    bandwidth : float, above 0, at most 1
        Words per cycle, reads and writes apart.
    stalls : str
        A pattern of :func:`..streams.pattern` in which each channel may move, apart from the
        others.
    seed : int
        Of the patterns.
    """
    latency: int = 1
    bandwidth: float = 1.0
    stalls: str = "always"
    seed: int = 1


@dataclasses.dataclass(frozen=True, kw_only=True)
class Fault:
    """What goes wrong in a run.

    Parameters
    ----------
    read_error, write_error : (int, int) or None
        First address and the one behind the last that are answered with an error.
    silent : str
        A channel of ``CHANNELS`` on which the memory does nothing from ``cycle`` on, until the
        interrupt; or empty.
    reset, soft_reset : bool
        Reset the accelerator in ``cycle``, by ``rst`` or by the register, and await no interrupt.
    cycle : int
        Counted from the start.
    """
    read_error: tuple[int, int] | None = None
    write_error: tuple[int, int] | None = None
    silent: str = ""
    reset: bool = False
    soft_reset: bool = False
    cycle: int = 0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Run:
    """One start of a program.

    Parameters
    ----------
    program, data : str
        Files: what is in the windows before the start. An empty ``data`` leaves there what the
        run before has left.
    data_offset, data_size : int
        Where the content of the window lies in the file, and how long the window is; a multiple
        of 4096.
    start : int
        Byte offset of the first command.
    program_size : int
        Bytes of the program window, a multiple of 4096; 0: as many as the file needs.
    watchdog : int
        Cycles.
    timeout : int
        Cycles after which the simulation gives up.
    traffic : Traffic
    fault : Fault
    keep : bool
        Append the data window to the outputs when the run is over.
    """
    program: str
    data: str
    data_size: int
    data_offset: int = 0
    start: int = 0
    program_size: int = 0
    watchdog: int = 100_000
    timeout: int = 1_000_000
    traffic: Traffic = Traffic()
    fault: Fault = Fault()
    keep: bool = True

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "Run":
        """The inverse of :meth:`to_json`."""
        return cls(**{**values, "traffic": Traffic(**values["traffic"]),
                      "fault": Fault(**values["fault"])})


@dataclasses.dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a run did.

    Parameters
    ----------
    end : str
        ``done``, ``error``, ``timeout`` or ``reset``.
    error_code, error_command, stream_error : int
        The registers.
    retired : list of int
        For each layer the cycle in which it was complete, counted from the start.
    interrupt : int
        The cycle of the interrupt. These cycles are those of the buses.
    cause : int or None
        The cycle in which the memory answered with an error, or fell silent.
    writes_while_running : int
        Accesses by which the host wrote a register between start and interrupt.
    counters : dict
        The counter registers, by name.
    marks : list of dict
        For each layer, the counter registers when it was complete; from the native engine alone.
    strays : list of str
        What the master did outside its windows.
    """
    end: str
    error_code: int = 0
    error_command: int = 0
    stream_error: int = 0
    retired: list[int] = dataclasses.field(default_factory=list)
    interrupt: int = 0
    cause: int | None = None
    writes_while_running: int = 0
    counters: dict[str, int] = dataclasses.field(default_factory=dict)
    marks: list[dict[str, int]] = dataclasses.field(default_factory=list)
    strays: list[str] = dataclasses.field(default_factory=list)

    @property
    def cycles(self) -> int:
        """Cycles from start to end, as the accelerator counts them."""
        return self.counters.get("CYCLES", 0)

    @property
    def layer_cycles(self) -> list[int]:
        """For each layer the cycles from the completion of the one before to its own."""
        before = [0, *self.retired]
        return [end - begin for begin, end in zip(before, self.retired)]

    @property
    def layer_counters(self) -> list[dict[str, int]]:
        """For each layer what was counted between the same moments, if the engine knows."""
        before = [dict.fromkeys(self.counters, 0), *self.marks]
        return [{name: count - begin[name] for name, count in end.items()}
                for begin, end in zip(before, self.marks)]

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return dataclasses.asdict(self)
