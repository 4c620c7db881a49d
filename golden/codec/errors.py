"""What is wrong with a weight stream."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .decode import Contents

__all__ = ["ERRORS", "StreamError"]

ERRORS: Mapping[str, int] = MappingProxyType({
    "VERSION": 1, "FORMAT": 2, "TABLE": 3, "CODE": 4, "ENTRY": 5, "COUNT": 6, "RUN": 7,
    "TRUNCATED": 8, "TRAILING": 9, "CHECKSUM": 10, "SIZE": 11})


class StreamError(ValueError):
    """A weight stream isn't well formed; the text is one line.

    Parameters
    ----------
    name : str
        One of ``ERRORS``.
    text : str
    bits : int
        Of a symbol that is none: how many it takes.

    Attributes
    ----------
    name : str
    bits : int
    code : int
        The number that a decoder in hardware tells.
    before : Contents or None
        What had been decoded before.
    """

    def __init__(self, name: str, text: str, *, bits: int = 0):
        super().__init__(text)
        self.name, self.code, self.bits = name, ERRORS[name], bits
        self.before: Contents | None = None
