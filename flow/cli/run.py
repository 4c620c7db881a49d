"""``sparrow run``: Verilog, proof and price of a block, in one go."""

import argparse
from pathlib import Path
from typing import Any

from sparrow.flow.blocks import add_spec_arguments, block

__all__ = ["add_parser", "run"]


def add_parser(subparsers: Any) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "run", help="the main job: generate, prove and estimate a block",
        description="Generate a block, show it to other tools, prove it against golden on "
                    "Verilator, estimate it, and write Verilog, report and results into one "
                    "folder. The exit status is 1 when the proof fails.")
    add_spec_arguments(parser)
    parser.add_argument("--liberty", type=Path, metavar="FILE",
                        help="also estimate with this cell library")
    parser.add_argument("-o", "--output", type=Path, metavar="FOLDER",
                        help="default: build/BLOCK")


def run(arguments: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    from rich.console import Console
    from rich.table import Table

    from sparrow.flow.errors import UserError
    from sparrow.flow.main_job import run_main_job
    found = block(arguments.block)
    spec = found.parse(arguments.spec, arguments.settings)
    if arguments.liberty is not None and not arguments.liberty.is_file():
        raise UserError(f"--liberty must be a file, not {str(arguments.liberty)!r}")
    folder = arguments.output or Path("build", found.name)
    job = run_main_job(found, spec, folder=folder, liberty=arguments.liberty)
    table = Table(title=f"{found.name}: {'proved' if job.passed else 'FAILED'}",
                  title_justify="left", show_header=False)
    for row in job.rows():
        table.add_row(*row)
    Console(highlight=False).print(table)
    print(f"Verilog, report and results: {folder}")
    return 0 if job.passed else 1
