"""Aligns the polarity of full adders, so that no inverters stand between them.

A full adder of three complements gives the complements of sum and carry: each one may be inverted
as a whole. ``extract_fa`` picks adders whose inputs and outputs are inverted now one way, now the
other. Here the adders of each connected tree are inverted such that, as far as possible, none is
fed by another through an inverter. Which of the two polarities the tree as a whole gets is the
mapping's choice.
"""

from collections import defaultdict
from typing import Any

from sparrow.flow.synthesis.netlist import Bit, Netlist

__all__ = ["align_adders"]

_INPUTS, _OUTPUTS = ("A", "B", "C"), ("X", "Y")
_PASSES = 10


class _Adders:
    """The full adders of a module, and with which parity they feed each other."""

    def __init__(self, netlist: Netlist):
        self._netlist = netlist
        self.names = [name for name, cell in netlist.cells.items() if cell["type"] == "$fa"]
        sources: dict[Bit, Bit] = {}
        drivers: dict[Bit, str] = {}
        for name, cell in netlist.cells.items():
            pins = cell["connections"]
            if cell["type"] == "$_NOT_":
                sources[pins["Y"][0]] = pins["A"][0]
            elif cell["type"] == "$fa":
                drivers.update((bit, name) for pin in _OUTPUTS for bit in pins[pin])
        self.neighbours: dict[str, list[tuple[str, int]]] = defaultdict(list)
        for name in self.names:
            for pin in _INPUTS:
                for bit in netlist.cells[name]["connections"][pin]:
                    parity = 0
                    while bit in sources and parity < len(sources):
                        bit, parity = sources[bit], parity + 1
                    if bit in drivers:
                        self.neighbours[drivers[bit]].append((name, parity & 1))
                        self.neighbours[name].append((drivers[bit], parity & 1))

    def polarities(self) -> dict[str, int]:
        """1 for the adders to be inverted: by spreading from one of each tree, then by majority."""
        chosen: dict[str, int] = {}
        for start in self.names:
            if start in chosen:
                continue
            chosen[start] = 0
            queue = [start]
            for name in queue:
                for other, parity in self.neighbours[name]:
                    if other not in chosen:
                        chosen[other] = chosen[name] ^ parity
                        queue.append(other)
        for _ in range(_PASSES):
            if not self._improve(chosen):
                break
        return chosen

    def _improve(self, chosen: dict[str, int]) -> bool:
        changed = False
        for name in self.names:
            edges = self.neighbours[name]
            inverters = sum(chosen[name] ^ chosen[other] ^ parity for other, parity in edges)
            if 2 * inverters > len(edges):
                chosen[name] ^= 1
                changed = True
        return changed


def _invert(netlist: Netlist, name: str, net: int) -> int:
    """Invert all pins of an adder with nets from ``net`` on; returns the next free one."""
    pins: dict[str, Any] = netlist.cells[name]["connections"]
    for pin in (*_INPUTS, *_OUTPUTS):
        fresh: list[Bit] = []
        for bit in pins[pin]:
            source, sink = (bit, net) if pin in _INPUTS else (net, bit)
            netlist.cells[f"{name}${pin}{len(fresh)}"] = {
                "hide_name": 1, "type": "$_NOT_", "parameters": {}, "attributes": {},
                "port_directions": {"A": "input", "Y": "output"},
                "connections": {"A": [source], "Y": [sink]}}
            fresh.append(net)
            net += 1
        pins[pin] = fresh
    return net


def align_adders(netlist: Netlist) -> None:
    """Invert adders in place; the inverters that this puts in pairs are left for ABC to remove."""
    net = 1 + max((bit for cell in netlist.cells.values()
                   for bits in cell["connections"].values() for bit in bits
                   if isinstance(bit, int)), default=0)
    for name, inverted in _Adders(netlist).polarities().items():
        if inverted:
            net = _invert(netlist, name, net)
