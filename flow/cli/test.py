"""``sparrow test``: the regression of a block, for any specification."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sparrow.flow.blocks import add_spec_arguments, block

if TYPE_CHECKING:
    from sparrow.flow.proof import Proof

__all__ = ["add_parser", "print_proof", "run"]


def add_parser(subparsers: Any) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "test", help="prove a block against golden on a simulator",
        description="Run a block's cocotb regression for a specification; the exit status is 1 "
                    "when a test fails.")
    add_spec_arguments(parser)
    parser.add_argument("--verilog", type=Path, action="append", metavar="FILE",
                        help="test this file, which holds the block, instead of a new one; "
                             "repeat it where there are several")
    parser.add_argument("--simulator", default="verilator", choices=("verilator", "icarus"))
    parser.add_argument("--seed", type=int, default=1, help="of all random stimuli (default: 1)")
    parser.add_argument("--blocks", type=int, default=40, metavar="N",
                        help="size of each random scenario (default: 40)")
    parser.add_argument("--waves", action="store_true", help="keep a waveform")


def print_proof(proof: "Proof") -> None:
    """Print the tests' outcomes and what they covered."""
    from sparrow.flow.numbers import grouped
    for result in proof.results:
        print(f"  {result.outcome:8}{result.name}")
        if result.message:
            print(f"          {result.message.splitlines()[0]}")
    covered = ", ".join(f"{grouped(count)} {name}" for name, count in proof.coverage.items())
    print(f"covered: {covered or 'nothing'}")
    print(f"logs{' and waveform' if any(proof.folder.rglob('*.vcd')) else ''}: {proof.folder}")


def run(arguments: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    from sparrow.flow.errors import UserError
    from sparrow.flow.files import joined
    from sparrow.flow.progress import progress
    from sparrow.flow.proof import prove
    found = block(arguments.block)
    spec = found.parse(arguments.spec, arguments.settings)
    if arguments.blocks < 1:
        raise UserError(f"--blocks must be at least 1, not {arguments.blocks}")
    if not 0 <= arguments.seed < 1 << 63:
        raise UserError(f"--seed must be 0 to {(1 << 63) - 1}, not {arguments.seed}")
    verilog = None if arguments.verilog is None else joined(arguments.verilog)
    with progress(f"testing {arguments.block} on {arguments.simulator}"):
        proof = prove(found, spec, simulator=arguments.simulator, seed=arguments.seed,
                      blocks=arguments.blocks, waves=arguments.waves, verilog=verilog)
    print(f"{arguments.block} on {proof.simulator}: {'passed' if proof.passed else 'FAILED'}")
    print_proof(proof)
    return 0 if proof.passed else 1
