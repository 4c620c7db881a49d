"""A weight stream and what it was made for."""

import dataclasses
from collections.abc import Mapping

import numpy as np

__all__ = ["PARTS", "Stream"]

PARTS = "header", "tables", "scales", "biases", "map", "weights", "padding"


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Stream:
    """Weights as bytes.

    Parameters
    ----------
    data : bytes
    lanes, columns : int
        Those of the array that it is for.
    word_bytes : int
        Of a word of the bus; the stream is a whole number of them.
    bits : mapping of str to int
        Bits of each of ``PARTS``, which are all bits of ``data``: the checksum counts as header,
        padding is what fills up lanes, granules and words. Empty if it isn't known.
    steps : numpy.ndarray or None, int64, shape (blocks in the stream,)
        Steps that a decoder takes for each.
    dealt : numpy.ndarray or None, int64, shape (blocks in the stream,)
        Granules, from the beginning of the stream, that have to be there before all steps of a
        block can be done.
    stalls : int
        Cycles beyond the steps: in a lean stream one in front of each step; one more where a lane
        asks for a granule, and another one where one that asks has no bits left.
    shape : tuple of int or None
        That of a layer's weights, where they are all in the stream; see :func:`encode`.
    """

    data: bytes
    lanes: int = 16
    columns: int = 16
    word_bytes: int = 8
    bits: Mapping[str, int] = dataclasses.field(default_factory=dict)
    steps: np.ndarray | None = None
    dealt: np.ndarray | None = None
    stalls: int = 0
    shape: tuple[int, int, int, int] | None = None

    def __len__(self) -> int:
        """Bytes."""
        return len(self.data)
