"""``sparrow estimate``: gates, area, delay, FPGA elements and clock frequency of a design."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sparrow.flow.errors import UserError

if TYPE_CHECKING:
    from sparrow.flow.synthesis import Estimate

__all__ = ["add_parser", "run"]

# (key, label, unit) in the order of the table; also what --json gives besides the last three.
_FIGURES = (
    ("area_um2", "area", "µm²"),
    ("delay_ns", "critical path", "ns"),
    ("nand2_equivalents", "NAND2 equivalents", ""),
    ("gates", "gates", ""),
    ("flip_flops", "flip-flops", ""),
    ("memory_bits", "memory", "bits"),
    ("luts", "LUTs", ""),
    ("dsps", "DSPs", ""),
    ("carry_cells", "carry cells", ""),
    ("block_rams", "block RAMs", ""),
    ("fmax_mhz", "Fmax", "MHz"),
    ("macs_per_cycle", "MACs per cycle", ""),
)


def add_parser(subparsers: Any) -> None:
    """Add the command to the command line."""
    from sparrow.flow.blocks import BLOCKS, add_tile
    from sparrow.flow.synthesis import DEFAULT_RECIPE, DEFAULT_SEEDS, RECIPES, TARGETS

    parser = subparsers.add_parser(
        "estimate", help="gates, area, delay, FPGA elements of a block or of Verilog",
        description="Estimate what a block, or any Verilog file, costs.",
        epilog="Recipes: " + "; ".join(f"{name}: {recipe.description}"
                                       for name, recipe in RECIPES.items()))
    parser.add_argument("block", nargs="?", metavar="BLOCK",
                        help=", ".join(BLOCKS))
    parser.add_argument("--spec", type=Path, metavar="FILE", help="its specification, TOML")
    parser.add_argument("--set", action="append", default=[], dest="settings",
                        metavar="NAME=VALUE", help="set one value of the specification")
    add_tile(parser)
    parser.add_argument("--verilog", type=Path, action="append", metavar="FILE",
                        help="a Verilog file instead; repeat it where there are several")
    parser.add_argument("--top", metavar="NAME", help="the file's top module")
    parser.add_argument("--target", choices=TARGETS,
                        help="default: liberty where --liberty is given, else gates")
    parser.add_argument("--liberty", type=Path, metavar="FILE", help="the cell library")
    parser.add_argument("--recipe", choices=tuple(RECIPES),
                        help=f"how to map onto gates or a library (default: {DEFAULT_RECIPE})")
    parser.add_argument("--place", action="store_true",
                        help="place and route for Fmax (ecp5, ice40)")
    parser.add_argument("--seeds", type=_seeds, default=DEFAULT_SEEDS, metavar="N,N,…",
                        help="seeds of the placement; Fmax is the median (default: 1,2,3,4,5)")
    parser.add_argument("--hierarchy", action="store_true",
                        help="keep the modules and list the area of each (gates, liberty)")
    parser.add_argument("--netlist", type=Path, metavar="FILE.v",
                        help="also write the mapped netlist with models of its cells, for "
                             "simulation (gates, liberty)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def _seeds(text: str) -> tuple[int, ...]:
    words = text.split(",")
    if not all(word.strip().isdecimal() and int(word) < 1 << 31 for word in words):
        raise UserError(f"--seeds must be whole numbers below 2147483648 separated by commas, "
                        f"not {text!r}")
    return tuple(map(int, words))


def _subject(arguments: argparse.Namespace) -> tuple[Path | str, str, float | None, str]:
    """Verilog, top module, MACs per cycle, and what to call it."""
    if (arguments.block is None) == (arguments.verilog is None):
        raise UserError("estimate must be given either a block or --verilog FILE")
    if arguments.verilog is not None:
        if arguments.top is None or arguments.spec or arguments.settings:
            raise UserError("--verilog must go with --top NAME and with neither --spec nor --set")
        return _files(arguments.verilog), arguments.top, None, arguments.top
    if arguments.top is not None:
        raise UserError("--top must go with --verilog FILE")
    from sparrow.flow.blocks import block

    found = block(arguments.block)
    spec = found.parse(arguments.spec, arguments.settings)
    return found.verilog(spec), found.top_name, found.macs_per_cycle(spec), arguments.block


def _files(paths: Sequence[Path]) -> Path | str:
    """What Verilog files hold, or the file if there is but one."""
    from sparrow.flow.files import joined
    if len(paths) == 1:
        return paths[0]
    for path in paths:
        if path.suffix == ".sv":
            raise UserError(f"--verilog must be of Verilog where it is repeated, not {path}")
    return joined(paths)


def _as_json(result: "Estimate") -> str:
    values = result.to_dict()
    keys = ["target", *(key for key, _, _ in _FIGURES), "recipe", "cells", "modules", "how",
            "tool_versions"]
    return json.dumps({key: values[key] for key in keys if key in values}, indent=2,
                      ensure_ascii=False)


def _number(value: float) -> str:
    from sparrow.flow.numbers import grouped
    return grouped(value, "{:,}" if isinstance(value, int) else "{:,.2f}")


def _print_table(result: "Estimate", name: str) -> None:
    from rich.console import Console
    from rich.table import Table

    versions = ", ".join(f"{tool} {version}" for tool, version in result.tool_versions.items())
    table = Table(title=f"{name}, target {result.target}, recipe {result.recipe}",
                  caption=versions, title_justify="left", caption_justify="left")
    table.add_column("figure")
    table.add_column("value", justify="right", no_wrap=True)
    table.add_column("unit")
    table.add_column("how it was got")
    for key, label, unit in _FIGURES:
        value = getattr(result, key)
        if value is not None or key in result.how:
            table.add_row(label, "–" if value is None else _number(value), unit,
                          result.how.get(key, ""))
    if result.area_um2 is not None and result.macs_per_cycle:
        table.add_row("area per MAC", _number(result.area_um2 / result.macs_per_cycle), "µm²", "")
    console = Console(highlight=False)
    console.print(table)
    if result.modules:
        console.print(_module_table(result))


def _module_table(result: "Estimate") -> Any:
    from rich.table import Table

    unit = "µm²" if result.area_um2 is not None else "NAND2"
    table = Table(title="modules, own cells only", title_justify="left")
    table.add_column("module")
    for heading in ("instances", f"{unit} each", "share"):
        table.add_column(heading, justify="right")
    for module in result.modules:
        table.add_row(module.name, str(module.instances), _number(module.area),
                      f"{module.share:.1%}")
    return table


def _write_netlist(arguments: argparse.Namespace, verilog: Path | str, top: str) -> None:
    from sparrow.flow.files import write_atomically
    from sparrow.flow.synthesis.gate_verilog import mapped_verilog

    write_atomically(arguments.netlist, mapped_verilog(
        verilog, top, liberty=arguments.liberty, recipe_name=arguments.recipe))


def run(arguments: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    from sparrow.flow.files import require_writable
    from sparrow.flow.progress import progress
    from sparrow.flow.synthesis import DEFAULT_RECIPE, estimate

    target = arguments.target or ("liberty" if arguments.liberty else "gates")
    for name in ("recipe", "netlist"):
        if target not in ("gates", "liberty") and getattr(arguments, name) is not None:
            raise UserError(f"--{name} must go with target gates or liberty, not {target!r}")
    if arguments.liberty is not None and not arguments.liberty.is_file():
        raise UserError(f"--liberty must be a file, not {str(arguments.liberty)!r}")
    if arguments.netlist is not None:
        require_writable(arguments.netlist)
    arguments.recipe = arguments.recipe or DEFAULT_RECIPE
    with progress(f"estimating {arguments.block or arguments.top} for {target}"):
        verilog, top, macs_per_cycle, name = _subject(arguments)
        result = estimate(verilog, top, target, liberty=arguments.liberty,
                          recipe=arguments.recipe, place=arguments.place,
                          hierarchy=arguments.hierarchy, seeds=arguments.seeds,
                          macs_per_cycle=macs_per_cycle)
        if arguments.netlist is not None:
            _write_netlist(arguments, verilog, top)
    if arguments.json:
        print(_as_json(result))
    else:
        _print_table(result, name)
    return 0
