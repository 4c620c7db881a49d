"""Static timing analysis of a mapped netlist, full adders included.

ABC can't see through the full adders that the ``area`` recipe places by itself, so the delay is
computed here, over the flat netlist, from the library's own delay tables: arrival and slew of
rising and falling edges at every net, the load being the capacitance of the pins it feeds and
that of the wire by the library's default wire-load model, where it has one. The result equals
OpenSTA's with lumped capacitances.

Not modelled: placement, wire resistance, the clock tree (the clock is ideal and arrives everywhere
at 0 with slew 0), the drivers of the inputs (they arrive at 0 with slew 0), loads on the outputs,
hold, and whatever lies behind a memory. Latches and memories start and end no path.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sparrow.flow.synthesis.arcs import FALL, RISE, Edge, edges, lookup
from sparrow.flow.synthesis.liberty import Cell, Library
from sparrow.flow.synthesis.netlist import Bit, Netlist

__all__ = ["Path", "critical_path"]

_CONSTRAINTS = ("rise_constraint", "fall_constraint")


@dataclass(frozen=True)
class Path:
    """The slowest path.

    Members
    -------
    delay_ns
        The shortest clock period that it allows, set-up time included.
    setup_ns
        The set-up time in it, 0 at an output.
    start, end
        ``register NAME``, ``input NAME`` or ``output NAME``.
    steps
        Cell type, output pin and arrival time in ns along it.
    """

    delay_ns: float
    setup_ns: float
    start: str
    end: str
    steps: tuple[tuple[str, str, float], ...]


class _Analysis:
    """Arrival times of one netlist. Nets are indexed as in the JSON file."""

    def __init__(self, netlist: Netlist, library: Library):
        self._netlist = netlist
        self._library = library
        self._load: dict[Bit, list[float]] = defaultdict(lambda: [0.0, 0.0])
        self._fanout: Counter[Bit] = Counter()
        self._sinks: dict[Bit, list[str]] = defaultdict(list)
        self._waiting: dict[str, int] = {}
        # Per net and edge: arrival, slew, and where the arrival came from.
        self.arrival: dict[Bit, list[float | None]] = {}
        self._slew: dict[Bit, list[float]] = {}
        self.origin: dict[tuple[Bit, int], tuple[str, str, Bit | None, int]] = {}
        self._edges_of: dict[tuple[str, str], list[Edge]] = {}

    def _known(self) -> Iterator[tuple[str, dict[str, Any], Cell]]:
        for name, instance in self._netlist.cells.items():
            cell = self._library.cells.get(instance["type"])
            if cell is not None:
                yield name, instance["connections"], cell

    def _pins(self, connections, names) -> Iterator[tuple[str, Bit]]:
        return ((name, connections[name][0]) for name in names if connections.get(name))

    def _connect(self) -> list[str]:
        """Add up loads, and find the cells whose inputs are all known at time 0."""
        driven = set()
        for _, connections, cell in self._known():
            for _, bit in self._pins(connections, cell.of_direction("output")):
                if not (cell.flip_flop or cell.latch):
                    driven.add(bit)
        ready = []
        for name, connections, cell in self._known():
            storage = cell.flip_flop or cell.latch
            waiting = 0
            for pin, bit in self._pins(connections, cell.of_direction("input")):
                load = self._load[bit]
                load[RISE] += cell.pins[pin].rise_capacitance
                load[FALL] += cell.pins[pin].fall_capacitance
                self._fanout[bit] += 1
                if bit in driven and not storage:
                    waiting += 1
                    self._sinks[bit].append(name)
            self._waiting[name] = waiting
            if not waiting:
                ready.append(name)
        for bit, load in self._load.items():
            wire = self._library.wire_load.capacitance(self._fanout[bit])
            load[RISE] += wire
            load[FALL] += wire
        return ready

    def run(self) -> bool:
        """Propagate; ``False`` where a combinational loop prevents it."""
        for port in self._netlist.ports.values():
            if port["direction"] != "output":
                for bit in port["bits"]:
                    self.arrival[bit], self._slew[bit] = [0.0, 0.0], [0.0, 0.0]
        ready = self._connect()
        clocked = [name for name in ready
                   if self._library.cells[self._netlist.cells[name]["type"]].flip_flop]
        done = 0
        for names in (clocked, [name for name in ready if name not in set(clocked)]):
            queue = list(names)
            while queue:
                name = queue.pop()
                done += 1
                queue.extend(self._evaluate(name))
        return done == len(self._waiting)

    def _evaluate(self, name: str) -> Iterator[str]:
        instance = self._netlist.cells[name]
        cell = self._library.cells[instance["type"]]
        connections = instance["connections"]
        for pin, bit in self._pins(connections, cell.of_direction("output")):
            if not cell.latch:
                self._drive(name, cell, pin, connections, bit)
            for sink in self._sinks.get(bit, ()):
                self._waiting[sink] -= 1
                if not self._waiting[sink]:
                    yield sink

    def _drive(self, name: str, cell: Cell, pin: str, connections, bit: Bit) -> None:
        key = (cell.name, pin)
        if key not in self._edges_of:
            self._edges_of[key] = list(edges(cell, pin))
        load = self._load[bit] if bit in self._load else (0.0, 0.0)
        arrivals: list[float | None] = [None, None]
        slews = [0.0, 0.0]
        for edge in self._edges_of[key]:
            target, source, start, slew = edge.target_edge, None, 0.0, 0.0
            if not cell.flip_flop:
                source = connections[edge.source][0]
                arrival = self.arrival.get(source, (None, None))[edge.source_edge]
                if arrival is None:
                    continue
                start, slew = arrival, self._slew[source][edge.source_edge]
            delay, transition = edge.at(slew, load[target])
            time = start + delay
            slews[target] = max(slews[target], transition)
            known = arrivals[target]
            if known is None or time > known:
                arrivals[target] = time
                self.origin[bit, target] = (name, pin, source, edge.source_edge)
        self.arrival[bit], self._slew[bit] = arrivals, slews

    def ends(self) -> Iterator[tuple[float, float, Bit, int, str]]:
        """Every endpoint: delay, set-up time in it, net, edge, what it is."""
        for name, port in self._netlist.ports.items():
            if port["direction"] == "output":
                for index, bit in enumerate(port["bits"]):
                    for edge, time in enumerate(self.arrival.get(bit, ())):
                        if time is not None:
                            yield time, 0.0, bit, edge, f"output {name}[{index}]"
        for name, connections, cell in self._known():
            if cell.flip_flop:
                for pin, bit in self._pins(connections, cell.of_direction("input")):
                    yield from self._setups(name, cell, pin, bit)

    def _setups(self, name: str, cell: Cell, pin: str, bit: Bit):
        tables = [arc.tables for arc in cell.pins[pin].arcs if arc.kind == "setup_rising"]
        for edge, time in enumerate(self.arrival.get(bit, ())):
            for choice in tables:
                table = choice.get(_CONSTRAINTS[edge])
                if time is not None and table:
                    setup = lookup(table, self._slew[bit][edge], 0.0)
                    yield time + setup, setup, bit, edge, name


class _Names:
    """Readable names of nets."""

    def __init__(self, netlist: Netlist):
        self._names: dict[Bit, str] = {}
        self._netlist = netlist
        nets = netlist.data["modules"][netlist.name].get("netnames", {})
        for name, net in sorted(nets.items(), key=lambda item: (item[1]["hide_name"], item[0])):
            for index, bit in enumerate(net["bits"]):
                text = f"{name}[{index}]" if len(net["bits"]) > 1 else name
                self._names.setdefault(bit, text)

    def net(self, bit: Bit) -> str:
        return self._names.get(bit, f"net {bit}")

    def register(self, cell: str) -> str:
        instance = self._netlist.cells[cell]
        outputs = [bits[0] for pin, bits in instance["connections"].items()
                   if instance["port_directions"][pin] == "output" and bits]
        names = sorted((self.net(bit) for bit in outputs), key=lambda name: "$" in name)
        return f"register {names[0] if names else cell}"


def critical_path(netlist: Netlist, library: Library) -> Path | None:
    """The slowest path between inputs, registers and outputs.

    Parameters
    ----------
    netlist
        Flat and mapped onto ``library``; cells that are not of the library are passed over.
    library
        With delay tables.

    Returns
    -------
    Path | None
        ``None`` where there is no path at all, the library has no delay tables, or a
        combinational loop leaves no slowest path.
    """
    analysis = _Analysis(netlist, library)
    if not analysis.run():
        return None
    worst = max(analysis.ends(), default=None, key=lambda end: end[0])
    if worst is None or (bit := worst[2]) not in {bit for bit, _ in analysis.origin}:
        return None
    names = _Names(netlist)
    edge = worst[3]
    steps = []
    while (bit, edge) in analysis.origin:
        cell, pin, source, source_edge = analysis.origin[bit, edge]
        steps.append((netlist.cells[cell]["type"], pin,
                      (analysis.arrival[bit][edge] or 0.0) * library.time_unit))
        if source is None:
            break
        bit, edge = source, source_edge
    start = names.register(cell) if source is None else f"input {names.net(bit)}"
    end = worst[4] if worst[4].startswith("output ") else names.register(worst[4])
    return Path(worst[0] * library.time_unit, worst[1] * library.time_unit, start, end,
                tuple(reversed(steps)))
