"""``sparrow run``: a recipe, or a block, with everything that belongs to it, in one go."""

import argparse
from pathlib import Path
from typing import Any

from sparrow.flow.blocks import BLOCKS, add_settings, add_tile, block
from sparrow.flow.errors import UserError
from sparrow.flow.files import only_user

__all__ = ["add_parser", "run"]


def add_parser(subparsers: Any) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "run", help="the main job: a recipe from training to proof, or a block",
        description="Of a recipe: train, quantize, compile, generate, simulate, compare every "
                    "layer with golden, estimate. Of a block: generate it, show it to other "
                    "tools, prove it against golden on Verilator, estimate it. Verilog, results "
                    "and all else go into one folder. The exit status is 1 when the proof fails.")
    parser.add_argument("subject", metavar="RECIPE.toml|BLOCK",
                        help=f"a recipe, or one of {', '.join(BLOCKS)}")
    add_settings(parser, "a block's specification, TOML")
    add_tile(parser)
    parser.add_argument("--liberty", type=Path, metavar="FILE",
                        help="also estimate a block with this cell library")
    parser.add_argument("-o", "--output", type=Path, metavar="FOLDER",
                        help="default: build/ and the name of recipe or block")


def run(arguments: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    if arguments.subject.endswith(".toml"):
        return _run_recipe(arguments)
    return _run_block(arguments)


def _run_recipe(arguments: argparse.Namespace) -> int:
    for name, value in (("--spec", arguments.spec), ("--set", arguments.settings),
                        ("--liberty", arguments.liberty)):
        if value:
            raise UserError(f"{name} must go with a block; a recipe has its own [accelerator]")
    from sparrow.flow.recipes.read import read_recipe
    recipe = read_recipe(Path(arguments.subject))
    folder = arguments.output or Path("build", recipe.name)

    from sparrow.flow.recipes.job import PAGE, TABLE, run_recipe
    with only_user(folder):
        job = run_recipe(recipe, folder)
    print((folder / TABLE).read_text(encoding="utf-8"), end="")
    if job.kept:
        print(f"unchanged since the last run: {', '.join(job.kept)}")
    print(f"Verilog, memory image and results: {folder}")
    print(f"to look at: {folder / PAGE}")
    return 0 if job.passed else 1


def _run_block(arguments: argparse.Namespace) -> int:
    from rich.console import Console
    from rich.table import Table

    from sparrow.flow.block_job import run_block_job
    found = block(arguments.subject)
    spec = found.parse(arguments.spec, arguments.settings)
    if arguments.liberty is not None and not arguments.liberty.is_file():
        raise UserError(f"--liberty must be a file, not {str(arguments.liberty)!r}")
    folder = arguments.output or Path("build", found.name)
    with only_user(folder):
        job = run_block_job(found, spec, folder=folder, liberty=arguments.liberty)
    table = Table(title=f"{found.name}: {'proved' if job.passed else 'FAILED'}",
                  title_justify="left", show_header=False)
    for row in job.rows():
        table.add_row(*row)
    Console(highlight=False).print(table)
    print(f"Verilog, report and results: {folder}")
    return 0 if job.passed else 1
