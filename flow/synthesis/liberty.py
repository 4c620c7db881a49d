"""Reads what synthesis and timing need from a liberty file.

Own code, since the one reader on the package index is under the GPL. The 6.7 MB of an ordinary
library take about a second.
"""

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sparrow.flow.errors import UserError
from sparrow.flow.synthesis.liberty_syntax import Group, parse_groups

__all__ = ["Arc", "Cell", "FlipFlop", "Library", "Pin", "Table", "WireLoad", "read_liberty"]

_TIME_UNITS = {"ps": 1e-3, "ns": 1.0, "us": 1e3}


@dataclass(frozen=True)
class Table:
    """A delay or transition table: ``values[slew index][load index]``.

    Constraint tables have the slew of the clock in place of the load.
    """

    slews: tuple[float, ...]
    loads: tuple[float, ...]
    values: tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Arc:
    """A timing arc into a pin.

    Members
    -------
    related_pin
        Where it starts.
    sense
        ``positive_unate``, ``negative_unate`` or ``non_unate``.
    kind
        Liberty's ``timing_type``, ``combinational`` where absent.
    tables
        By liberty's names: ``cell_rise``, ``fall_transition``, ``rise_constraint`` …
    """

    related_pin: str
    sense: str
    kind: str
    tables: dict[str, Table]


@dataclass(frozen=True)
class Pin:
    """A signal pin. Capacitances are in the library's own unit, ``max_capacitance`` is the load
    that an output may drive."""

    name: str
    direction: str
    rise_capacitance: float
    fall_capacitance: float
    max_capacitance: float | None
    function: str | None
    arcs: tuple[Arc, ...]


@dataclass(frozen=True)
class FlipFlop:
    """The state of a flip-flop cell, as functions of its pins."""

    state: str
    inverted_state: str
    clocked_on: str
    next_state: str
    clear: str | None
    preset: str | None


@dataclass(frozen=True)
class Cell:
    """A library cell; ``latch`` also stands for every other kind of storage."""

    name: str
    area: float
    pins: dict[str, Pin]
    flip_flop: FlipFlop | None
    latch: bool
    dont_use: bool
    three_state: bool

    def of_direction(self, direction: str) -> tuple[str, ...]:
        """The names of its input or output pins, in the order of the file."""
        return tuple(pin.name for pin in self.pins.values() if pin.direction == direction)


@dataclass(frozen=True)
class WireLoad:
    """Capacitance of a wire by how many pins it feeds, in the library's unit."""

    points: tuple[tuple[int, float], ...]
    slope: float

    def capacitance(self, fanout: int) -> float:
        """Linear between the points and from 0; beyond the last one with the slope."""
        low = (0, 0.0)
        for point in self.points:
            if fanout <= point[0]:
                share = (fanout - low[0]) / (point[0] - low[0])
                return low[1] + share * (point[1] - low[1])
            low = point
        return low[1] + self.slope * (fanout - low[0])


@dataclass(frozen=True)
class Library:
    """A liberty file. ``time_unit`` is in ns; ``wire_load`` is the default one, if any."""

    name: str
    time_unit: float
    cells: dict[str, Cell]
    wire_load: WireLoad

    @property
    def has_delays(self) -> bool:
        """Whether any cell has a delay table."""
        return any(arc.tables for cell in self.cells.values() for pin in cell.pins.values()
                   for arc in pin.arcs)


def _floats(texts: list[str]) -> tuple[float, ...]:
    return tuple(float(word) for text in texts for word in text.replace("\\", " ")
                 .replace(",", " ").split())


def _table(group: Group, templates: dict[str, Group]) -> Table:
    template = templates.get(group.arguments[0] if group.arguments else "", Group("", []))
    first, second = ((group.attributes.get(name) or template.attributes.get(name) or [])
                     for name in ("index_1", "index_2"))
    rows, columns = _floats(first) or (0.0,), _floats(second) or (0.0,)
    flat = _floats(group.attributes.get("values", []))
    if len(flat) == 1:
        return Table((0.0,), (0.0,), (flat,))
    values = tuple(flat[i * len(columns):(i + 1) * len(columns)] for i in range(len(rows)))
    if template.first("variable_1", "") in ("total_output_net_capacitance",
                                            "related_pin_transition"):
        return Table(columns, rows, tuple(zip(*values, strict=True)))
    return Table(rows, columns, values)


def _arcs(pin: Group, templates: dict[str, Group]) -> Iterator[Arc]:
    for timing in pin.of_kind("timing"):
        tables = {group.kind: _table(group, templates) for group in timing.groups
                  if group.attributes.get("values")}
        for related in (timing.first("related_pin") or "").split():
            yield Arc(related, timing.first("timing_sense") or "non_unate",
                      timing.first("timing_type") or "combinational", tables)


def _pin(name: str, group: Group, templates: dict[str, Group], default: float) -> Pin:
    capacitance = group.number("capacitance", default)
    return Pin(name, group.first("direction") or "internal",
               group.number("rise_capacitance", capacitance),
               group.number("fall_capacitance", capacitance),
               group.number("max_capacitance") or None, group.first("function"),
               tuple(_arcs(group, templates)))


def _flip_flop(group: Group) -> FlipFlop:
    state, inverted = (group.arguments + ["", ""])[:2]
    return FlipFlop(state, inverted, group.first("clocked_on") or "",
                    group.first("next_state") or "", group.first("clear"), group.first("preset"))


def _cell(group: Group, templates: dict[str, Group], default: float) -> Cell:
    pins = {name: _pin(name, pin, templates, default)
            for pin in group.of_kind("pin") for name in pin.arguments}
    flip_flop = next((_flip_flop(ff) for ff in group.of_kind("ff")), None)
    other = any(True for _ in group.of_kind("latch", "statetable", "ff_bank", "latch_bank"))
    return Cell(group.arguments[0], group.number("area"), pins, flip_flop,
                other or group.first("clock_gating_integrated_cell") is not None,
                group.first("dont_use") == "true",
                any("three_state" in pin.attributes for pin in group.of_kind("pin")))


def _wire_load(library: Group) -> WireLoad:
    name = library.first("default_wire_load")
    for group in library.of_kind("wire_load"):
        if group.arguments == [name]:
            unit = group.number("capacitance")
            numbers = _floats(group.attributes.get("fanout_length", []))
            points = zip(numbers[::2], numbers[1::2], strict=True)
            return WireLoad(tuple((int(fanout), length * unit) for fanout, length in points),
                            group.number("slope") * unit)
    return WireLoad((), 0.0)


def _time_unit(library: Group) -> float:
    match = re.fullmatch(r"\s*([\d.]+)\s*(ps|ns|us)\s*", library.first("time_unit") or "1ns")
    if not match:
        raise UserError(f"liberty time_unit must be in ps, ns or us, "
                        f"not {library.first('time_unit')!r}")
    return float(match[1]) * _TIME_UNITS[match[2]]


def parse_liberty(text: str, path: Path) -> Library:
    """Parse the text of a liberty file; ``path`` is for messages."""
    try:
        group = parse_groups(text, path)
        templates = {table.arguments[0]: table for table in group.of_kind("lu_table_template")}
        default = group.number("default_input_pin_cap")
        cells = [_cell(cell, templates, default) for cell in group.of_kind("cell")]
        return Library(" ".join(group.arguments), _time_unit(group),
                       {cell.name: cell for cell in cells}, _wire_load(group))
    except (ValueError, IndexError) as error:
        raise UserError(f"liberty file {path.name!r} must be well formed: {error}") from None


@functools.lru_cache(maxsize=4)
def _read(path: Path, modified: int) -> Library:
    return parse_liberty(path.read_text(encoding="utf-8", errors="replace"), path)


def read_liberty(path: str | Path) -> Library:
    """Read a liberty file.

    Parameters
    ----------
    path
        The file. Within a process it is read once, until it changes.

    Raises
    ------
    UserError
        If there is no such file, or it is no liberty file.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"liberty file must exist, which {str(path)!r} doesn't")
    return _read(path.resolve(), path.stat().st_mtime_ns)
