"""``sparrow bench``: the tables of docs."""

import argparse
from pathlib import Path
from typing import Any

__all__ = ["add_parser", "run"]


def add_parser(subparsers: Any) -> None:
    """Add the command to the command line."""
    from sparrow.flow.bench import SECTIONS
    parser = subparsers.add_parser(
        "bench", help="measure the tables of docs/figures.md",
        description="Estimate MAC arrays of all sizes and kinds, measure decompressors, and "
                    "write the tables. Takes about an hour the first time; estimates are cached.")
    parser.add_argument("-o", "--output", type=Path, default=Path("docs/figures.md"),
                        metavar="FILE.md", help="default: docs/figures.md")
    parser.add_argument("--only", action="append", choices=sorted(SECTIONS), metavar="SECTION",
                        help=f"one of {', '.join(SECTIONS)}; may be repeated")


def run(arguments: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    from sparrow.flow.bench import SECTIONS, bench
    path = bench(arguments.output, arguments.only or list(SECTIONS))
    print(path)
    return 0
