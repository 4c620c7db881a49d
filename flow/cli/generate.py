"""``sparrow generate``: a block's Verilog."""

import argparse
import time
from pathlib import Path
from typing import Any

from sparrow.flow.blocks import add_spec_arguments, block

__all__ = ["add_parser", "run"]


def add_parser(subparsers: Any) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "generate", help="Verilog of a block",
        description="Write a block's Verilog: one file, the same bytes for the same "
                    "specification. Beside that of the accelerator, also a C header with its "
                    "registers and commands, a FuseSoC core and the clock's constraint.")
    add_spec_arguments(parser)
    parser.add_argument("-o", "--output", required=True, metavar="FILE.v", help="file to write")


def run(arguments: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    from sparrow.flow.files import require_writable, write_atomically
    from sparrow.flow.progress import progress
    started = time.monotonic()
    found = block(arguments.block)
    spec = found.parse(arguments.spec, arguments.settings)
    path = Path(arguments.output)
    beside = {}
    if not path.exists() or path.is_file():
        beside = {path.with_name(name): content
                  for name, content in found.files_beside(spec, path.name).items()}
    for file in (path, *beside):
        require_writable(file)
    with progress(f"generating {arguments.block}"):
        text = found.verilog(spec)
    write_atomically(arguments.output, text)
    print(f"{arguments.output}: module {found.top_name}, {len(text.encode()) / 1000:.0f} kB, "
          f"{time.monotonic() - started:.1f} s")
    for file, content in beside.items():
        write_atomically(file, content)
        print(file)
    return 0
