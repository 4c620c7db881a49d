"""What is wrong with a weight stream."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from sparrow.hw.spec.faults import StreamFault

if TYPE_CHECKING:
    from .decode import Contents

__all__ = ["ERRORS", "StreamError"]

ERRORS: Mapping[str, int] = MappingProxyType(
    {fault.name: fault.value for fault in StreamFault if fault is not StreamFault.NONE})
"""The codes of errors by name."""


class StreamError(ValueError):
    """A weight stream isn't well formed; the text is one line.

    Parameters
    ----------
    name : str
        One of ``ERRORS``.
    text : str

    Attributes
    ----------
    name : str
    code : int
        The number that a decoder in hardware tells.
    before : Contents or None
        What had been decoded before.
    """

    def __init__(self, name: str, text: str):
        super().__init__(text)
        self.name, self.code = name, ERRORS[name]
        self.before: Contents | None = None
