"""``sparrow encode``: a network's weights as compressed streams."""

import argparse
from pathlib import Path
from typing import Any

from sparrow.flow.blocks import add_settings, block
from sparrow.flow.errors import UserError
from sparrow.hw.spec import Codec

__all__ = ["add_parser", "run"]

_WIDEST = 1000
_GOALS = "cycles", "bytes"


def add_parser(subparsers: Any) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "encode", help="weight streams of a network, a file for each layer",
        description="Encode the weights and requantizer parameters of every layer, losslessly: "
                    "LAYER.weights with its streams, and index.json. An existing folder is "
                    "replaced if this command wrote it.")
    parser.add_argument("network", type=Path, metavar="NET.sparrow")
    add_settings(parser, "the accelerator's specification, TOML")
    parser.add_argument("--codec", default="auto",
                        choices=("auto", *(codec.value for codec in Codec)),
                        help="auto: layer by layer what is best (default: %(default)s)")
    parser.add_argument("--goal", choices=_GOALS, default=_GOALS[0],
                        help="what is best: the fewest cycles of the decoder, as predicted, or "
                             "the fewest bytes (default: %(default)s)")
    parser.add_argument("--span", type=int, metavar="N",
                        help="output blocks of a stream, for several arrays or another order "
                             "(default: all of a layer)")
    parser.add_argument("--json", action="store_true", help="print the index")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FOLDER")


def run(arguments: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    from sparrow.flow.files import require_replaceable

    if arguments.span is not None and arguments.span < 1:
        raise UserError(f"--span must be at least 1, not {arguments.span}")
    spec = block("accelerator").parse(arguments.spec, arguments.settings)

    from sparrow.compiler.streams import StreamTarget
    from sparrow.flow.encode import OWN, encode_network, encode_table, index, write_streams
    from sparrow.flow.memory_image import load_network
    from sparrow.flow.progress import progress

    target = StreamTarget.of(spec)
    if arguments.codec not in ("auto", *target.codecs):
        raise UserError(f"--codec must be auto or one that the accelerator has, "
                        f"{', '.join(target.codecs)}, not {arguments.codec!r}")
    require_replaceable(arguments.output, **OWN)
    network = load_network(arguments.network)
    with progress("encoding"):
        layers = encode_network(network, target, codec=arguments.codec, goal=arguments.goal,
                                span=arguments.span)
    found = index(network.name, target, layers, goal=arguments.goal, span=arguments.span)
    write_streams(arguments.output, layers, found)
    if arguments.json:
        import json
        print(json.dumps(found))
        return 0

    from rich.console import Console

    table = encode_table(found)
    width = Console(width=_WIDEST).measure(table).maximum  # whole, however wide the terminal is
    Console(highlight=False, width=width).print(table)
    print(f"{len(layers)} files and index.json: {arguments.output}")
    return 0
