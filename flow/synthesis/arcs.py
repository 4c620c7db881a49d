"""Timing arcs of a library's cells: how an edge at an input makes one at an output, and when."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from sparrow.flow.synthesis.liberty import Arc, Cell, Table

__all__ = ["FALL", "RISE", "Edge", "edges", "lookup"]

RISE, FALL = 0, 1
_EDGES = (("cell_rise", "rise_transition"), ("cell_fall", "fall_transition"))


def _position(axis: tuple[float, ...], value: float) -> tuple[int, float]:
    """Segment of an axis and the fraction within it; below 0 or above 1 it extrapolates."""
    if len(axis) == 1:
        return 0, 0.0
    low = min(max(bisect_right(axis, value) - 1, 0), len(axis) - 2)
    return low, (value - axis[low]) / (axis[low + 1] - axis[low])


def _blend(values, row: int, down: float, column: int, across: float) -> float:
    first = values[row]
    second = values[row + 1] if len(values) > 1 else first
    if len(first) == 1:
        return first[0] + (second[0] - first[0]) * down
    upper = first[column] + (first[column + 1] - first[column]) * across
    lower = second[column] + (second[column + 1] - second[column]) * across
    return upper + (lower - upper) * down


@dataclass(frozen=True)
class Edge:
    """How an edge at input ``source`` makes edge ``target_edge`` at an output."""

    source: str
    source_edge: int
    target_edge: int
    slews: tuple[float, ...]
    loads: tuple[float, ...]
    delays: tuple[tuple[float, ...], ...]
    transitions: tuple[tuple[float, ...], ...]

    def at(self, slew: float, load: float) -> tuple[float, float]:
        """Delay and transition at the output, for a slew at the input and a load."""
        place = (*_position(self.slews, slew), *_position(self.loads, load))
        return _blend(self.delays, *place), _blend(self.transitions, *place)


def lookup(table: Table, slew: float, load: float) -> float:
    """The value of a table between and beyond its points."""
    return _blend(table.values, *_position(table.slews, slew), *_position(table.loads, load))


def _larger(first: Table, second: Table) -> Table:
    values = tuple(tuple(map(max, a, b)) for a, b in zip(first.values, second.values, strict=True))
    return Table(first.slews, first.loads, values)


def _merged(arcs: list[Arc]) -> list[dict[str, Table]]:
    """Arcs that differ in their condition alone as one with the larger of each value."""
    result: list[dict[str, Table]] = []
    for arc in arcs:
        axes = {name: (table.slews, table.loads) for name, table in arc.tables.items()}
        for known in result:
            if {name: (table.slews, table.loads) for name, table in known.items()} == axes:
                known.update({name: _larger(known[name], arc.tables[name]) for name in axes})
                break
        else:
            result.append(dict(arc.tables))
    return result


def edges(cell: Cell, output: str) -> Iterator[Edge]:
    """All that makes an edge at an output of a cell; of a clock, rising edges alone."""
    groups: dict[tuple[str, str, bool], list[Arc]] = defaultdict(list)
    for arc in cell.pins[output].arcs:
        clocked = arc.kind in ("rising_edge", "falling_edge")
        if arc.kind.startswith("combinational") or clocked:
            groups[arc.related_pin, arc.sense, clocked].append(arc)
    for (source, sense, clocked), arcs in groups.items():
        for tables in _merged(arcs):
            for target, (delay, transition) in enumerate(_EDGES):
                if delay not in tables:
                    continue
                sources = {"positive_unate": (target,), "negative_unate": (1 - target,)}
                shape = tables[delay]
                slew = tables.get(transition, shape)
                for edge in (RISE,) if clocked else sources.get(sense, (RISE, FALL)):
                    yield Edge(source, edge, target, shape.slews, shape.loads, shape.values,
                               slew.values)
