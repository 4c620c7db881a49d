"""A weight stream and what it was made for."""

import dataclasses
from collections.abc import Mapping

__all__ = ["ALIGNMENT", "PARTS", "Stream"]

ALIGNMENT = 8  # bytes; a stream is a multiple of it
PARTS = "header", "tables", "scales", "biases", "map", "weights", "padding"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Stream:
    """A layer's weights as bytes.

    Parameters
    ----------
    data : bytes
    lanes, columns : int, 1 to 64
        Those of the array that it is for.
    bits : mapping of str to int
        Bits of each of ``PARTS``, which are all bits of ``data``: the checksum counts as header,
        padding is what fills up lanes, granules and words. Empty if it isn't known.
    """

    data: bytes
    lanes: int = 16
    columns: int = 16
    bits: Mapping[str, int] = dataclasses.field(default_factory=dict)

    def __len__(self) -> int:
        """Bytes."""
        return len(self.data)
