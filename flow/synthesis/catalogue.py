"""Finds the cells that synthesis needs in a library, by what they do and never by name."""

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from sparrow.flow.errors import UserError
from sparrow.flow.synthesis import functions
from sparrow.flow.synthesis.liberty import Cell, Library

__all__ = ["Adder", "Catalogue", "Register", "catalogue"]


@dataclass(frozen=True)
class Adder:
    """A cell that adds: ``inputs`` are interchangeable."""

    cell: str
    area: float
    inputs: tuple[str, ...]
    sum: str
    carry: str


@dataclass(frozen=True)
class Register:
    """A flip-flop cell and its pins; ``inverted`` is ``None`` where it has one output.

    ``plain`` tells that it has neither clear nor preset, nor anything else in front of its state
    but ``data``.
    """

    cell: str
    data: str
    clock: str
    output: str | None
    inverted: str | None
    plain: bool


@dataclass(frozen=True)
class Catalogue:
    """What a library offers; ``None`` where it doesn't.

    Members
    -------
    full_adder, half_adder
        The smallest ones.
    inverters
        Every inverter: its input and output pin.
    buffers
        Every buffer: its input and output pin.
    variants
        A cell and those that differ from it in drive strength alone.
    complements
        A cell and the smaller cell of the same pins that computes the complement.
    nand2_area
        The area of the smallest two-input NAND.
    """

    full_adder: Adder | None
    half_adder: Adder | None
    inverters: dict[str, tuple[str, str]]
    buffers: dict[str, tuple[str, str]]
    variants: dict[str, tuple[str, ...]]
    complements: dict[str, str]
    registers: dict[str, Register]
    nand2_area: float


def _tables(cell: Cell) -> dict[str, int]:
    inputs = cell.of_direction("input")
    result = {}
    for name in cell.of_direction("output"):
        function = cell.pins[name].function
        if function is not None and set(functions.inputs_of(function)) <= set(inputs):
            result[name] = functions.truth_table(function, inputs)
    return result


def _adder(cell: Cell, sum_table: int, carry_table: int, size: int) -> Adder | None:
    inputs = cell.of_direction("input")
    if len(inputs) != size or len(cell.of_direction("output")) != 2:
        return None
    tables = {table: name for name, table in _tables(cell).items()}
    if sum_table in tables and carry_table in tables:
        return Adder(cell.name, cell.area, inputs, tables[sum_table], tables[carry_table])
    return None


def _register(cell: Cell) -> Register | None:
    storage = cell.flip_flop
    if storage is None or cell.latch:
        return None
    outputs = {cell.pins[name].function: name for name in cell.of_direction("output")}
    inputs = cell.of_direction("input")
    plain = storage.next_state in inputs and not storage.clear and not storage.preset
    return Register(cell.name, storage.next_state, storage.clocked_on,
                    outputs.get(storage.state), outputs.get(storage.inverted_state), plain)


def _single_output(cell: Cell) -> tuple[tuple[str, ...], str, int] | None:
    """Inputs, output and truth table of a combinational cell with one output."""
    inputs, outputs = cell.of_direction("input"), cell.of_direction("output")
    tables = _tables(cell)
    if cell.flip_flop or cell.latch or len(outputs) != 1 or not tables or len(inputs) > 6:
        return None
    return inputs, outputs[0], tables[outputs[0]]


def _complements(cells: list[Cell]) -> dict[str, str]:
    known = {cell.name: single for cell in cells if (single := _single_output(cell))}
    by_function: dict[tuple[tuple[str, ...], int], Cell] = {}
    for cell in sorted(cells, key=lambda cell: (-cell.area, cell.name)):
        if cell.name in known:
            by_function[known[cell.name][0], known[cell.name][2]] = cell
    result = {}
    for cell in cells:
        if cell.name in known:
            inputs, _, table = known[cell.name]
            other = by_function.get((inputs, ~table & ((1 << (1 << len(inputs))) - 1)))
            if other and other.area < cell.area:
                result[cell.name] = other.name
    return result


def _variants(cells: list[Cell]) -> dict[str, tuple[str, ...]]:
    """Cells with the same pins, functions and storage, the smallest first."""
    groups: dict[Any, list[str]] = defaultdict(list)
    for cell in cells:
        pins = frozenset((pin.name, pin.direction, pin.function) for pin in cell.pins.values())
        if not cell.latch:
            groups[pins, cell.flip_flop].append(cell.name)
    return {name: tuple(other for other in group if other != name)
            for group in groups.values() for name in group}


def catalogue(library: Library) -> Catalogue:
    """Sort the usable cells of a library by what they do.

    Raises
    ------
    UserError
        If there is no inverter, no two-input NAND or no flip-flop.
    """
    cells = [cell for cell in library.cells.values() if not cell.dont_use and not cell.three_state]
    by_area = sorted(cells, key=lambda cell: (cell.area, cell.name))
    singles = {cell.name: single for cell in by_area if (single := _single_output(cell))}
    inverters, buffers = ({name: (inputs[0], output)
                           for name, (inputs, output, table) in singles.items()
                           if len(inputs) == 1 and table == wanted}
                          for wanted in (functions.INVERTER, functions.BUFFER))
    nands = [library.cells[name].area for name, (inputs, _, table) in singles.items()
             if len(inputs) == 2 and table == functions.NAND2]
    registers = {cell.name: register for cell in by_area if (register := _register(cell))}
    for what, found in (("an inverter", inverters), ("a two-input NAND", nands),
                        ("a flip-flop", registers)):
        if not found:
            raise UserError(f"liberty library {library.name!r} must have {what}")
    full = (_adder(cell, functions.XOR3, functions.MAJORITY3, 3) for cell in by_area)
    half = (_adder(cell, functions.XOR2, functions.AND2, 2) for cell in by_area)
    return Catalogue(next(filter(None, full), None), next(filter(None, half), None), inverters,
                     buffers, _variants(by_area), _complements(by_area), registers, nands[0])
