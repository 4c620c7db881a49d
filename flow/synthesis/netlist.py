"""A mapped netlist, as Yosys' JSON holds it, and what is improved on it after mapping."""

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sparrow.flow.errors import UserError
from sparrow.flow.synthesis.catalogue import Catalogue

__all__ = ["Bit", "Netlist", "absorb_inverters", "instances", "read_netlists"]

Bit = int | str
"""A net's number, or one of the constants ``"0"``, ``"1"``, ``"x"``."""


@dataclass
class Netlist:
    """One module.

    Members
    -------
    name
        Of the module.
    cells
        Name → ``{"type": …, "connections": {pin: [bit]}, …}``, Yosys' own form.
    ports
        Name → ``{"direction": …, "bits": […]}``.
    data
        The whole JSON file, of which the above are a view.
    """

    name: str
    cells: dict[str, dict[str, Any]]
    ports: dict[str, dict[str, Any]]
    data: dict[str, Any]

    def counts(self) -> Counter[str]:
        """How many cells there are of each type."""
        return Counter(cell["type"] for cell in self.cells.values())

    def clock_ports(self, catalogue: Catalogue) -> tuple[str, ...]:
        """The names of the one-bit input ports that clock flip-flops directly."""
        clocks = {bit for cell in self.cells.values()
                  if (register := catalogue.registers.get(cell["type"]))
                  for bit in cell["connections"].get(register.clock, ())}
        return tuple(name for name, port in self.ports.items()
                     if port["direction"] == "input" and len(port["bits"]) == 1
                     and port["bits"][0] in clocks)

    def write(self, path: Path) -> None:
        """Write the whole file as JSON that ``read_json`` takes."""
        path.write_text(json.dumps(self.data), encoding="utf-8")


def read_netlists(path: Path) -> list[Netlist]:
    """The modules of a file by ``write_json``, black boxes left out.

    Raises
    ------
    UserError
        If there are none: Yosys takes an empty module for a black box.
    """
    data = json.loads(path.read_text(encoding="utf-8"))
    netlists = [Netlist(name, module["cells"], module["ports"], data)
                for name, module in data["modules"].items()
                if not int(module.get("attributes", {}).get("blackbox", "0"), 2)]
    if not netlists:
        raise UserError("the top module must hold logic, and is empty")
    return netlists


def instances(netlists: list[Netlist], top: str) -> Counter[str]:
    """How often each module occurs in a design, submodules of submodules included."""
    by_name = {netlist.name: netlist.counts() for netlist in netlists}
    result: Counter[str] = Counter()

    def visit(name: str, times: int) -> None:
        result[name] += times
        for kind, number in by_name[name].items():
            if kind in by_name:
                visit(kind, times * number)

    visit(top, 1)
    return result


class _Inverters:
    """Who drives and who reads each net, as far as inverters and flip-flops are concerned."""

    def __init__(self, netlist: Netlist, catalogue: Catalogue):
        self._netlist = netlist
        self._catalogue = catalogue
        self._readers: Counter[Bit] = Counter()
        self._drivers: dict[Bit, str] = {}
        for port in netlist.ports.values():
            if port["direction"] != "input":
                self._readers.update(port["bits"])
        for name, cell in netlist.cells.items():
            for pin, bits in cell["connections"].items():
                if cell["port_directions"][pin] == "input":
                    self._readers.update(bits)
                else:
                    self._drivers.update(dict.fromkeys(bits, name))

    def before_flip_flops(self) -> None:
        """Store the complement where that saves an inverter or takes a smaller gate."""
        for cell in list(self._netlist.cells.values()):
            register = self._catalogue.registers.get(cell["type"])
            if register and register.plain and register.output and register.inverted:
                self._store_complement(cell, register)

    def _store_complement(self, cell, register) -> None:
        pins = cell["connections"]
        driver = self._drivers.get(pins[register.data][0])
        if driver is None or self._readers[pins[register.data][0]] != 1:
            return
        gate = self._netlist.cells[driver]
        if gate["type"] in self._catalogue.inverters:
            source = self._catalogue.inverters[gate["type"]][0]
            pins[register.data] = gate["connections"][source]
            del self._netlist.cells[driver]
        elif gate["type"] in self._catalogue.complements:
            gate["type"] = self._catalogue.complements[gate["type"]]
        else:
            return
        _swap(pins, register.output, register.inverted)
        _swap(cell["port_directions"], register.output, register.inverted)

    def behind_flip_flops(self) -> None:
        """Take the complement from the flip-flop's other output instead of an inverter."""
        replaced: dict[Bit, Bit] = {}
        for name, gate in list(self._netlist.cells.items()):
            if gate["type"] not in self._catalogue.inverters:
                continue
            source, sink = self._catalogue.inverters[gate["type"]]
            bit, inverse = gate["connections"][source][0], gate["connections"][sink][0]
            other = self._other_output(bit)
            if other is None:
                continue
            flip_flop, pin = other
            connected = flip_flop["connections"].get(pin)
            if connected:
                replaced[inverse] = connected[0]
            else:
                flip_flop["connections"][pin] = [inverse]
                flip_flop["port_directions"][pin] = "output"
            del self._netlist.cells[name]
        self._rename(replaced)

    def _other_output(self, bit: Bit):
        flip_flop = self._netlist.cells.get(self._drivers.get(bit, ""))
        if flip_flop is None:
            return None
        register = self._catalogue.registers.get(flip_flop["type"])
        if register is None or not register.output or not register.inverted:
            return None
        driven = flip_flop["connections"].get(register.output) == [bit]
        return flip_flop, register.inverted if driven else register.output

    def _rename(self, replaced: dict[Bit, Bit]) -> None:
        if not replaced:
            return
        module = self._netlist.data["modules"][self._netlist.name]
        for cell in self._netlist.cells.values():
            for pin, bits in cell["connections"].items():
                cell["connections"][pin] = [replaced.get(bit, bit) for bit in bits]
        for holder in (*self._netlist.ports.values(), *module.get("netnames", {}).values()):
            holder["bits"] = [replaced.get(bit, bit) for bit in holder["bits"]]


def _swap(values: dict[str, Any], first: str, second: str) -> None:
    old = {pin: values.pop(pin) for pin in (first, second) if pin in values}
    for pin, value in old.items():
        values[second if pin == first else first] = value


def absorb_inverters(netlist: Netlist, catalogue: Catalogue) -> None:
    """Remove inverters next to flip-flops with two outputs, in place.

    An inverter behind a flip-flop becomes the flip-flop's other output. One in front of it goes
    when the flip-flop stores the complement, its outputs exchanged; likewise a gate with a
    smaller complement (an AND before a flip-flop becomes a NAND). Only flip-flops with neither
    clear nor preset store the complement. What every output of the netlist computes stays.
    """
    inverters = _Inverters(netlist, catalogue)
    inverters.before_flip_flops()
    inverters.behind_flip_flops()
