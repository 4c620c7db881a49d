"""Makes a mapped netlist drive its loads: larger drivers and trees of buffers.

Area mapping knows nothing of loads. Afterwards some nets (a select that feeds every column) are
far heavier than the library allows their driver, and no delay computed for them means anything.
"""

from collections import defaultdict
from dataclasses import dataclass
from math import inf

from sparrow.flow.synthesis.catalogue import Catalogue
from sparrow.flow.synthesis.liberty import Library, Pin
from sparrow.flow.synthesis.netlist import Bit, Netlist

__all__ = ["add_buffers"]

_PASSES = 4
_SMALLEST_GROUP = 2


@dataclass(frozen=True)
class _Buffer:
    cell: str
    source: str
    sink: str
    area: float
    load: float
    limit: float


@dataclass(frozen=True)
class _Sink:
    cell: str
    pin: str
    load: float


def _load(pin: Pin) -> float:
    return max(pin.rise_capacitance, pin.fall_capacitance)


def _groups(loads: list[float], limit: float, library: Library) -> list[int]:
    """Sizes of the groups into which consecutive loads are cut so that each keeps the limit."""
    sizes = [0]
    total = 0.0
    for load in loads:
        full = total + load + library.wire_load.capacitance(sizes[-1] + 1) > limit
        if full and sizes[-1] >= _SMALLEST_GROUP:
            sizes.append(0)
            total = 0.0
        sizes[-1] += 1
        total += load
    return sizes


def _weight(loads: list[float], library: Library) -> float:
    return sum(loads) + library.wire_load.capacitance(len(loads))


def _tree(loads: list[float], limit: float, buffer: _Buffer,
          library: Library) -> list[list[int]] | None:
    """Levels of a tree from the loads to the driver, each as sizes of groups."""
    levels: list[list[int]] = []
    while _weight(loads, library) > limit:
        sizes = _groups(loads, buffer.limit, library)
        if len(sizes) >= len(loads):
            return None
        levels.append(sizes)
        loads = [buffer.load] * len(sizes)
    return levels


class _Buffering:
    """The nets of one netlist, their drivers and loads."""

    def __init__(self, netlist: Netlist, library: Library, catalogue: Catalogue):
        self._netlist = netlist
        self._library = library
        self._catalogue = catalogue
        self._added = 0
        self._next_net = 1 + max((bit for cell in netlist.cells.values()
                                  for bits in cell["connections"].values() for bit in bits
                                  if isinstance(bit, int)), default=0)
        self._buffers = [_Buffer(name, source, sink, library.cells[name].area,
                                 _load(library.cells[name].pins[source]), limit)
                         for name, (source, sink) in catalogue.buffers.items()
                         if (limit := library.cells[name].pins[sink].max_capacitance)]

    def _connect(self) -> tuple[dict[Bit, tuple[str, str]], dict[Bit, list[_Sink]], set[Bit]]:
        drivers: dict[Bit, tuple[str, str]] = {}
        sinks: dict[Bit, list[_Sink]] = defaultdict(list)
        clocks: set[Bit] = set()
        for name, instance in self._netlist.cells.items():
            cell = self._library.cells.get(instance["type"])
            register = self._catalogue.registers.get(instance["type"])
            if cell is None:
                continue
            for pin, bits in instance["connections"].items():
                for bit in bits:
                    if cell.pins[pin].direction == "output":
                        drivers[bit] = (name, pin)
                    else:
                        sinks[bit].append(_Sink(name, pin, _load(cell.pins[pin])))
                    if register and pin == register.clock:
                        clocks.add(bit)
        return drivers, sinks, clocks

    def once(self) -> bool:
        """Treat every net that is too heavy; ``False`` when there is none."""
        drivers, sinks, clocks = self._connect()
        changed = False
        for bit, (name, pin) in drivers.items():
            instance = self._netlist.cells[name]
            limit = self._library.cells[instance["type"]].pins[pin].max_capacitance or inf
            loads = [sink.load for sink in sinks[bit]]
            if bit not in clocks and _weight(loads, self._library) > limit:
                changed |= self._relieve(instance, pin, bit, sinks[bit])
        return changed

    def _relieve(self, instance, pin: str, bit: Bit, sinks: list[_Sink]) -> bool:
        """Take the smallest of: each larger driver, with each size of buffer where needed."""
        cells = self._library.cells
        own = cells[instance["type"]]
        loads = [sink.load for sink in sinks]
        choices = []
        for name in (own.name, *self._catalogue.variants.get(own.name, ())):
            limit = cells[name].pins[pin].max_capacitance or inf
            extra = cells[name].area - own.area
            if extra >= 0:
                choices += [(extra + buffer.area * sum(map(len, levels)), name, buffer, levels)
                            for buffer in self._buffers
                            if (levels := _tree(loads, limit, buffer, self._library)) is not None]
        if not choices:
            return False
        _, name, buffer, levels = min(choices, key=lambda choice: choice[0])
        instance["type"] = name
        self._build(bit, sinks, buffer, levels)
        return True

    def _build(self, bit: Bit, sinks: list[_Sink], buffer: _Buffer,
               levels: list[list[int]]) -> None:
        for sizes in levels:
            above = []
            remaining = iter(sinks)
            for size in sizes:
                net, name = self._next_net, f"$buffer${self._added}"
                self._next_net += 1
                self._added += 1
                self._netlist.cells[name] = {
                    "hide_name": 1, "type": buffer.cell, "parameters": {}, "attributes": {},
                    "port_directions": {buffer.source: "input", buffer.sink: "output"},
                    "connections": {buffer.source: [bit], buffer.sink: [net]}}
                for _ in range(size):
                    sink = next(remaining)
                    self._netlist.cells[sink.cell]["connections"][sink.pin] = [net]
                above.append(_Sink(name, buffer.source, buffer.load))
            sinks = above


def add_buffers(netlist: Netlist, library: Library, catalogue: Catalogue) -> float:
    """Keep every net within its driver's ``max_capacitance``, in place.

    For each net the choice of least area among larger drivers and trees of buffers is taken;
    wires count by the library's wire-load model. Clocks and the nets of input ports stay as they
    are. A library that states no limits leaves everything as it is.

    Returns
    -------
    float
        The area that it took.
    """
    def area() -> float:
        return sum(library.cells[kind].area * number for kind, number in netlist.counts().items()
                   if kind in library.cells)

    before = area()
    buffering = _Buffering(netlist, library, catalogue)
    for _ in range(_PASSES):
        if not buffering.once():
            break
    return area() - before
