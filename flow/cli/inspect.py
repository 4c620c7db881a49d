"""``sparrow inspect``: what is in a file of weight streams."""

import argparse
import json
from pathlib import Path
from typing import Any

from sparrow.flow.errors import UserError

__all__ = ["add_parser", "run"]

_WIDEST = 1000
_LANES, _WORDS = (4, 8, 16, 32, 64), (4, 8, 16, 32)


def add_parser(subparsers: Any) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "inspect", help="what is in a file of weight streams",
        description="Decode a file that `sparrow encode` wrote, or one stream alone: headers, "
                    "bits by part, tables, runs, steps of a decoder. A damaged file is told with "
                    "its first fault; the exit status is 2 then.")
    parser.add_argument("file", type=Path, metavar="FILE")
    parser.add_argument("--stream", type=int, metavar="N",
                        help="only one of a container's streams, from 0 on")
    for name, default, values in (("lanes", 16, _LANES), ("columns", 16, None),
                                  ("word-bytes", 8, _WORDS)):
        parser.add_argument(f"--{name}", type=int, metavar="N", choices=values,
                            help=f"of a stream alone (default: {default})")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(arguments: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    if arguments.columns is not None and not 1 <= arguments.columns <= 64:
        raise UserError(f"--columns must be 1 to 64, not {arguments.columns}")

    from sparrow.flow.inspect import inspect_file
    from sparrow.flow.progress import progress

    with progress("decoding"):
        found = inspect_file(arguments.file, lanes=arguments.lanes, columns=arguments.columns,
                             word_bytes=arguments.word_bytes)
    if arguments.stream is not None:
        count = len(found["streams"])
        if not 0 <= arguments.stream < count:
            raise UserError(f"--stream must be 0 to {count - 1}, not {arguments.stream}")
        found["streams"] = [found["streams"][arguments.stream]]
    if arguments.json:
        print(json.dumps(found))
        return 0

    from rich.console import Console

    from sparrow.flow.inspect_tables import inspect_tables, summary

    print(summary(arguments.file.name, found))
    tables = list(inspect_tables(found["streams"]))
    # whole, however wide the terminal is
    width = max(Console(width=_WIDEST).measure(table).maximum for table in tables)
    for table in tables:
        Console(highlight=False, width=width).print(table)
    return 0
