"""``sparrow size``: bytes of an integer network as it is stored."""

import argparse
import json
from pathlib import Path
from typing import Any

from sparrow.flow.errors import UserError

__all__ = ["add_parser", "run"]

_WIDEST = 1000
LANES = 4, 8, 16, 32, 64


def add_parser(subparsers: Any) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "size", help="bytes of a network as it is stored, layer by layer",
        description="Encode every layer's weights by every codec, and tell the bytes of all that "
                    "it takes to run the network but its program, against float32.")
    parser.add_argument("network", type=Path, metavar="NET.sparrow")
    parser.add_argument("--lanes", type=int, default=16, metavar="N",
                        help="of the array that the streams are for (default: %(default)s)")
    parser.add_argument("--columns", type=int, default=16, metavar="N",
                        help="the same (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(arguments: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    if arguments.lanes not in LANES:
        raise UserError(f"--lanes must be one of {', '.join(map(str, LANES))}, "
                        f"not {arguments.lanes}")
    if not 1 <= arguments.columns <= 64:
        raise UserError(f"--columns must be 1 to 64, not {arguments.columns}")

    from sparrow.compiler.streams import network_size
    from sparrow.flow.memory_image import load_network
    from sparrow.flow.progress import progress

    network = load_network(arguments.network)
    with progress("encoding"):
        sizes = network_size(network, lanes=arguments.lanes, columns=arguments.columns)
    if arguments.json:
        print(json.dumps(sizes.to_mapping()))
        return 0

    from rich.console import Console

    from sparrow.flow.tables import part_table, size_table

    tables = size_table(sizes), part_table(sizes)
    # whole, however wide the terminal is
    width = max(Console(width=_WIDEST).measure(table).maximum for table in tables)
    for table in tables:
        Console(highlight=False, width=width).print(table)
    return 0
