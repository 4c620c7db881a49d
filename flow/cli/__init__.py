"""The command ``sparrow``.

Each command is a module of this folder, its name with ``-`` for ``_``, which offers
``add_parser(subparsers)`` and ``run(arguments) -> int``. Only the module of the command that is
called gets imported, for ``--help`` all of them, so their heavy imports belong inside ``run``.
"""

import argparse
import importlib
import os
import pkgutil
import sys
import types
from collections.abc import Sequence
from typing import NoReturn

from sparrow import __version__
from sparrow.flow.errors import UserError

__all__ = ["main"]

USER_ERROR, INTERRUPTED, BROKEN_PIPE = 2, 130, 141


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message}; see {self.prog} --help")


def _command_modules() -> dict[str, str]:
    return {module.name.replace("_", "-"): f"{__name__}.{module.name}"
            for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_")}


def _load(arguments: Sequence[str]) -> dict[str, types.ModuleType]:
    names = _command_modules()
    first = arguments[0] if arguments else ""
    if first == "--version":
        names = {}
    elif first and not first.startswith("-"):
        if first not in names:
            raise UserError(f"command must be one of {', '.join(sorted(names))}, not {first!r}")
        names = {first: names[first]}
    return {name: importlib.import_module(module) for name, module in sorted(names.items())}


def _dispatch(arguments: Sequence[str]) -> int:
    commands = _load(arguments)
    parser = _Parser(prog="sparrow", allow_abbrev=False,
                     description="Neural network accelerators: Verilog, proof, cost.")
    parser.add_argument("--version", action="version", version=f"sparrow {__version__}")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for module in commands.values():
        module.add_parser(subparsers)
    try:
        parsed = parser.parse_args(arguments)
    except SystemExit as finished:  # --help, --version
        return int(finished.code or 0)
    return commands[parsed.command].run(parsed)


def _explain(error: Exception) -> str | None:
    """One line on a user's mistake; ``None`` for an error that is our own."""
    from sparrow.hw.spec.base import SpecError

    if isinstance(error, OSError) and error.strerror:
        text = f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    elif isinstance(error, UserError | SpecError | OSError):
        text = str(error)
    else:
        return None
    return " ".join(text.split())


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    argv
        The arguments after the program's name; those of the process by default.

    Returns
    -------
    int
        The exit status: that of the command; 2 after a user's mistake, which is explained in
        one line on standard error; 130 after an interrupt; 141 when the reader of the output
        went away.
    """
    try:
        status = _dispatch(sys.argv[1:] if argv is None else argv)
        sys.stdout.flush()
        return status
    except KeyboardInterrupt:
        print("sparrow: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # Python flushes standard output once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except Exception as error:
        text = _explain(error)
        if text is None:
            raise
        print(f"sparrow: error: {text}", file=sys.stderr)
        return USER_ERROR
