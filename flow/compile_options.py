"""Options of all commands that compile."""

import argparse
from typing import Any

from sparrow.hw.spec import Codec

__all__ = ["CODECS", "add_compile_options", "compile_options", "given_options"]

CODECS = ("auto", "plain", *(codec.value for codec in Codec))
"""How weights may be sent."""

_OPTIONS = {
    "keep_all": "store every layer's output, so that each can be compared",
    "residency": "let tensors stay in the buffer between layers where that is faster",
    "fusion": "add residuals to a layer's results on their way to the buffer"}


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def add_compile_options(parser: argparse.ArgumentParser, *, keep_all: bool) -> None:
    """Add what decides which tensors go through memory; ``keep_all`` is the default."""
    parser.set_defaults(compile_defaults={"keep_all": keep_all, "residency": True, "fusion": True,
                                          "codec": "auto"})
    for name, text in _OPTIONS.items():
        default = keep_all if name == "keep_all" else True
        parser.add_argument(_flag(name), action=argparse.BooleanOptionalAction, default=None,
                            help=f"{text} (default: {default})")
    parser.add_argument("--codec", choices=CODECS, default=None,
                        help="how weights are sent: plain, by a codec of the accelerator wherever "
                             "it can be, or each stream as is fastest (default: auto)")


def compile_options(arguments: argparse.Namespace) -> dict[str, Any]:
    """Keyword arguments of ``compile_network``."""
    return {name: default if getattr(arguments, name) is None else getattr(arguments, name)
            for name, default in arguments.compile_defaults.items()}


def given_options(arguments: argparse.Namespace) -> list[str]:
    """Those that were given, as on the command line."""
    return [_flag(name) for name in (*_OPTIONS, "codec") if getattr(arguments, name) is not None]
