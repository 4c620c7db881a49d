"""``sparrow mutate``: how many faults in a block its regression finds."""

import argparse
import json
from typing import TYPE_CHECKING, Any

from sparrow.flow.blocks import add_spec_arguments, block

if TYPE_CHECKING:
    from sparrow.flow.mutation import MutationReport

__all__ = ["add_parser", "run"]


def add_parser(subparsers: Any) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "mutate", help="how many faults in a block its regression finds",
        description="Put small faults into a block's Verilog, one at a time, and run its "
                    "regression on each; the exit status is 1 when any survives.",
        epilog="A single column, such as --set columns=1 --set lanes=4, is quickest.")
    add_spec_arguments(parser)
    parser.add_argument("--mutants", type=int, default=60, metavar="N",
                        help="how many faults (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1,
                        help="picks the faults and the stimuli (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def _as_json(report: "MutationReport") -> str:
    from sparrow.flow.mutation import Fate
    counts = {fate.value: report.count(fate) for fate in Fate}
    survivors = [{"line": mutant.mutation.line, "mutation": str(mutant.mutation),
                  "command": mutant.mutation.command} for mutant in report.survivors]
    return json.dumps({"mutants": len(report.mutants), **counts, "score": report.score,
                       "survivors": survivors}, indent=2, ensure_ascii=False)


def _print_report(report: "MutationReport", top: str) -> None:
    from sparrow.flow.mutation import Fate
    counts = ", ".join(f"{report.count(fate)} {fate.value}" for fate in Fate)
    print(f"{len(report.mutants)} mutants: {counts}; score {report.score:.1%}")
    for mutant in report.mutants:
        if mutant.fate is not Fate.KILLED:
            print(f"  {mutant.fate.value}: {mutant.mutation}")
    print(f"lines are those of {report.folder / f'{top}.v'}")


def run(arguments: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    from sparrow.flow.errors import UserError
    from sparrow.flow.mutation import mutate
    from sparrow.flow.progress import progress
    found = block(arguments.block)
    spec = found.parse(arguments.spec, arguments.settings)
    if arguments.mutants < 1:
        raise UserError(f"--mutants must be at least 1, not {arguments.mutants}")
    with progress(f"mutating {arguments.block}"):
        report = mutate(found, spec, mutants=arguments.mutants, seed=arguments.seed)
    if arguments.json:
        print(_as_json(report))
    else:
        _print_report(report, found.top_name)
    return 1 if report.survivors else 0
