"""Options of all commands that compile."""

import argparse

__all__ = ["add_compile_options"]


def add_compile_options(parser: argparse.ArgumentParser, *, keep_all: bool) -> None:
    """Add what decides which tensors go through memory; ``keep_all`` is the default."""
    parser.add_argument("--keep-all", action=argparse.BooleanOptionalAction, default=keep_all,
                        help="store every layer's output, so that each can be compared "
                             "(default: %(default)s)")
    parser.add_argument("--residency", action=argparse.BooleanOptionalAction, default=True,
                        help="let tensors stay in the buffer between layers where that is faster "
                             "(default: %(default)s)")
    parser.add_argument("--fusion", action=argparse.BooleanOptionalAction, default=True,
                        help="add residuals to a layer's results on their way to the buffer "
                             "(default: %(default)s)")
