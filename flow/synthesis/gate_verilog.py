"""A mapped netlist as Verilog, and models of the library's cells to simulate it with."""

from collections.abc import Iterable
from pathlib import Path

from sparrow.flow.errors import UserError
from sparrow.flow.synthesis.design import design
from sparrow.flow.synthesis.functions import verilog_expression
from sparrow.flow.synthesis.liberty import Cell, Library
from sparrow.flow.synthesis.mapping import GENERIC, map_design
from sparrow.flow.synthesis.netlist import Netlist
from sparrow.flow.synthesis.recipes import DEFAULT_RECIPE, recipe
from sparrow.flow.tools import run_folder, run_yosys

__all__ = ["cell_models", "mapped_verilog", "netlist_verilog"]

_WRITE = """\
read_json netlist.json
hierarchy -top {top}
{split}write_verilog -noattr -noexpr -nohex netlist.v
"""


def netlist_verilog(netlist: Netlist, *, split_ports: bool = False) -> str:
    """The netlist as Verilog.

    Parameters
    ----------
    netlist
        Flat.
    split_ports
        One port per bit and no ``signed``, as OpenSTA wants it.
    """
    with run_folder() as folder:
        netlist.write(folder / "netlist.json")
        split = "splitnets -ports\n" if split_ports else ""
        run_yosys(_WRITE.format(top=netlist.name, split=split), folder)
        text = (folder / "netlist.v").read_text(encoding="utf-8")
    return text.replace(" signed ", " ") if split_ports else text


def _storage(cell: Cell) -> list[str]:
    """Statements of a flip-flop."""
    storage = cell.flip_flop
    assert storage is not None
    clock = verilog_expression(storage.clocked_on)
    edge = f"negedge {clock[1:]}" if clock.startswith("~") else f"posedge {clock}"
    lines = [f"  reg {storage.state};", f"  wire {storage.inverted_state} = ~{storage.state};"]
    asynchronous = [(verilog_expression(condition), value)
                    for condition, value in ((storage.clear, "1'b0"), (storage.preset, "1'b1"))
                    if condition]
    events = [f"negedge {name[1:]}" if name.startswith("~") else f"posedge {name}"
              for name, _ in asynchronous]
    lines.append(f"  always @({' or '.join([edge, *events])})")
    lines += [f"    if ({name}) {storage.state} <= {value}; else" for name, value in asynchronous]
    lines.append(f"    {storage.state} <= {verilog_expression(storage.next_state)};")
    return lines


def _model(cell: Cell) -> str:
    inputs, outputs = cell.of_direction("input"), cell.of_direction("output")
    ports = [f"input {name}" for name in inputs] + [f"output {name}" for name in outputs]
    lines = [f"module {cell.name} ({', '.join(ports)});"]
    if cell.flip_flop:
        lines += _storage(cell)
    lines += [f"  assign {name} = {verilog_expression(function)};" for name in outputs
              if (function := cell.pins[name].function)]
    return "\n".join([*lines, "endmodule", ""])


def cell_models(library: Library, cells: Iterable[str]) -> str:
    """Verilog models, without delays, of cells that are combinational or flip-flops."""
    return "\n".join(_model(library.cells[name]) for name in sorted(set(cells))
                     if name in library.cells and not library.cells[name].latch)


def mapped_verilog(verilog: Path | str, top: str, *, liberty: Path | None = None,
                   recipe_name: str = DEFAULT_RECIPE) -> str:
    """The netlist whose area and delay an estimate tells, ready for simulation.

    Parameters
    ----------
    verilog
        Verilog text, or a file's path.
    top
        The module to map.
    liberty
        The cell library; the generic gates if there is none.
    recipe_name
        One of the recipes.

    Returns
    -------
    str
        The netlist, flat, with the ports of ``top``, and models of its cells.

    Raises
    ------
    UserError
        If the Verilog is wrong, the library can't express it, or it has memories, of which the
        netlist would know nothing.
    """
    mapped = map_design(design(verilog, top), liberty or GENERIC, recipe(recipe_name))
    boxes = sorted(set(mapped.counts) - set(mapped.library.cells))
    if boxes:
        raise UserError(f"{top} must have no memories to be written as gates, "
                        f"and has {', '.join(boxes)}")
    return netlist_verilog(mapped.flat) + "\n" + cell_models(mapped.library, mapped.counts)
