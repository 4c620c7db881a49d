"""``sparrow compile``: an integer network as a memory image for an accelerator."""

import argparse
from pathlib import Path
from typing import Any

from sparrow.flow.blocks import add_settings, block
from sparrow.flow.compile_options import add_compile_options, compile_options

__all__ = ["add_parser", "run"]


def add_parser(subparsers: Any) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "compile", help="commands and weights of a network for an accelerator",
        description="Compile an integer network for an accelerator: program.bin (the program "
                    "window), layout.json (where tensors lie), sparrow_network.h (the same for C) "
                    "and network.sparrow.")
    parser.add_argument("network", type=Path, metavar="NET.sparrow")
    add_settings(parser, "the accelerator's specification, TOML")
    add_compile_options(parser, keep_all=False)
    parser.add_argument("--latency", type=int, default=20, metavar="N",
                        help="of the memory, for the prediction, cycles (default: %(default)s)")
    parser.add_argument("--listing", action="store_true", help="also write listing.txt, the "
                        "commands in words")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FOLDER",
                        help="a new or an empty one, or one that this command wrote")


def run(arguments: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    from sparrow.flow.errors import UserError
    from sparrow.flow.files import require_replaceable

    spec = block("accelerator").parse(arguments.spec, arguments.settings)
    if arguments.latency < 1:
        raise UserError(f"--latency must be at least 1, not {arguments.latency}")
    from sparrow.flow.memory_image import OWN, compiled, load_network, write_image
    require_replaceable(arguments.output, **OWN)

    from rich.console import Console

    from sparrow.flow.progress import progress
    from sparrow.flow.tables import layer_table

    network = load_network(arguments.network)
    with progress("compiling"):
        program = compiled(network, spec, latency=arguments.latency,
                           **compile_options(arguments))
        paths = write_image(arguments.output, program, network, with_listing=arguments.listing)
    Console(highlight=False).print(layer_table(program))
    print(f"program {len(program.program_bytes)} bytes, data {program.data_size} bytes")
    print("\n".join(map(str, paths)))
    return 0
