"""``sparrow report``: what a run has found, as a page to look at."""

import argparse
from pathlib import Path
from typing import Any

__all__ = ["add_parser", "run"]


def add_parser(subparsers: Any) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "report", help="a run's results, or a profile, as one page of HTML",
        description="Draw the network, its cycles, stalls, roofline, area and accuracy. The page "
                    "is one file that needs no other.")
    parser.add_argument("source", type=Path, metavar="FOLDER|FILE.json",
                        help="of `sparrow run RECIPE.toml`, or by `sparrow profile`")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE",
                        help="default: report.html in the folder, or beside the file")


def run(arguments: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    from sparrow.flow.report import write_report

    print(write_report(arguments.source, arguments.output))
    return 0
