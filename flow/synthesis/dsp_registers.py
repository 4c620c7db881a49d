"""Registers after multipliers become the output registers of ECP5's DSP blocks.

Yosys maps a product on ``MULT18X18D`` and leaves the register behind it in the fabric, where
routing to it costs as much time as the product. The block has a register there (Lattice FPGA-TN-
02205, "ECP5 and ECP5-5G sysDSP Usage Guide", section 3), and nextpnr knows its timing.
"""

import json
from collections import Counter, defaultdict
from typing import Any

__all__ = ["absorb_output_registers"]

_MULTIPLIER, _REGISTER = "MULT18X18D", "TRELLIS_FF"
_CONTROLS = ("CLK", "CE", "LSR")


def absorb_output_registers(netlist: str, top: str) -> tuple[str, Counter[str]]:
    """Move registers into the multipliers that drive them.

    A multiplier takes its registers if each product bit that is used goes to one register and
    nowhere else, and all of them share clock, clock enable and a reset that is never active.

    Parameters
    ----------
    netlist : str
        Yosys' JSON of a flat design for ECP5.
    top : str

    Returns
    -------
    netlist : str
    counts : Counter
        Cells by type.
    """
    design = json.loads(netlist)
    module = design["modules"][top]
    cells = module["cells"]
    loads = _loads(module)
    for cell in [cell for cell in cells.values() if cell["type"] == _MULTIPLIER]:
        registers = _output_registers(cell, cells, loads)
        if registers:
            _absorb(cell, cells, registers)
    counts = Counter(cell["type"] for cell in cells.values())
    return json.dumps(design), counts


def _loads(module: dict) -> dict[int, list[tuple[str, str]]]:
    """Cell and pin (or ``("", port)``) of everything that a net drives."""
    loads: dict[int, list[tuple[str, str]]] = defaultdict(list)
    for name, cell in module["cells"].items():
        for pin, bits in cell["connections"].items():
            if cell["port_directions"][pin] != "output":
                for bit in bits:
                    loads[bit].append((name, pin))
    for port, description in module["ports"].items():
        if description["direction"] != "input":
            for bit in description["bits"]:
                loads[bit].append(("", port))
    return loads


def _output_registers(cell: dict, cells: dict, loads: dict) -> dict[str, str]:
    """The register of each product pin that is used; empty if they can't be absorbed."""
    registers: dict[str, str] = {}
    for pin in (pin for pin, way in cell["port_directions"].items() if way == "output"):
        for bit in cell["connections"][pin]:
            found = loads.get(bit, [])
            if not found:
                continue
            name, entry = found[0]
            if len(found) > 1 or entry != "DI" or cells[name]["type"] != _REGISTER:
                return {}
            registers[pin] = name
    controls = {json.dumps(_control(cells[name])) for name in registers.values()}
    if len(controls) != 1 or not registers:
        return {}
    return registers if _absorbable(cells[next(iter(registers.values()))]) else {}


def _control(register: dict) -> list[Any]:
    parameters = register["parameters"]
    return [[register["connections"].get(pin) for pin in _CONTROLS],
            [parameters.get(name) for name in ("CEMUX", "CLKMUX", "LSRMUX", "REGSET")]]


def _absorbable(register: dict) -> bool:
    parameters = register["parameters"]
    return (register["connections"].get("LSR", ["0"]) == ["0"]
            and parameters.get("CLKMUX", "CLK") == "CLK"
            and parameters.get("CEMUX", "CE").strip() in ("CE", "1")  # Yosys pads it
            and "M" not in register["connections"])


def _absorb(cell: dict, cells: dict, registers: dict[str, str]) -> None:
    first = cells[next(iter(registers.values()))]
    enable = first["connections"].get("CE", ["1"])
    if first["parameters"].get("CEMUX", "CE").strip() == "1":
        enable = ["1"]
    for pin, bits in (("CLK0", first["connections"]["CLK"]), ("CE0", enable), ("RST0", ["0"])):
        cell["connections"][pin] = bits
        cell["port_directions"][pin] = "input"
    cell["parameters"] |= {"REG_OUTPUT_CLK": "CLK0", "REG_OUTPUT_CE": "CE0",
                           "REG_OUTPUT_RST": "RST0", "GSR": "DISABLED"}
    for pin, name in registers.items():
        cell["connections"][pin] = cells.pop(name)["connections"]["Q"]
