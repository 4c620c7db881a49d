"""How the weights of a stream are sent best."""

import dataclasses
from collections.abc import Iterator

import numpy as np

from sparrow.hw.spec.stream import RUN_BITS

from .header import MOST_FIXED, largest_count_bits
from .runs import LIMITS, RunCode
from .symbols import MASK, Gaps, Symbols, bitmask, csr, dense, fixed, with_runs
from .values import LARGEST_TABLE, ValueCode

__all__ = ["Choice", "choices"]


@dataclasses.dataclass(frozen=True, eq=False)
class Choice:
    """A way to send the weights of some blocks.

    Parameters
    ----------
    codec : str
    weights : numpy.ndarray, int8, shape (columns, blocks, positions)
    values : ValueCode
    bits : int
        Of all symbols and tables.
    steps : int or None
        That a decoder takes, or nearly; ``None`` if nobody asked.
    runs : RunCode or None
    count_bits, fixed : int
        See :class:`Header`.
    """

    codec: str
    weights: np.ndarray
    values: ValueCode
    bits: int
    steps: int | None
    runs: RunCode | None = None
    count_bits: int = 0
    fixed: int = 0

    def symbols(self, halves: int) -> Symbols:
        """What lanes send."""
        if self.codec == "dense":
            return dense(self.weights, halves, self.values)
        if self.codec == "bitmask":
            return bitmask(self.weights, self.values)
        if self.runs is not None:
            return with_runs(Gaps(self.weights), self.values, self.runs)
        if self.fixed:
            return fixed(self.weights, self.values, self.fixed)
        return csr(self.weights, self.values, self.count_bits)


def choices(weights: np.ndarray, codec: str, *, four_bit: bool, table: bool,
            fixed: bool | None, steps: bool,
            rests: tuple[int, int] | None = None) -> Iterator[Choice]:
    """Ways to send some blocks by a codec.

    Parameters
    ----------
    weights : numpy.ndarray, int8, shape (columns, blocks, positions)
    codec : str
    four_bit : bool
    table : bool
        Whether values are sent by a table; raises ``ValueError`` if there are too many.
    fixed : bool or None
        Whether all blocks have the same number of entries, with ``csr``; ``None`` for both.
    steps : bool
        Whether steps are to be told.
    rests : (int, int) or None
        With ``rle`` and ``huffman``: see :class:`.symbols.Gaps`.
    """
    histogram = np.bincount(weights.view(np.uint8).ravel(), minlength=256)
    histogram = np.roll(histogram, 128)  # -128 to 127
    if codec != "dense":
        histogram[128] = 0
    found = np.flatnonzero(histogram)
    bits = 4 if four_bit else 8
    values = ValueCode(bits)
    if table:
        if len(found) > LARGEST_TABLE:
            raise ValueError(f"weights must have at most {LARGEST_TABLE} values for a codebook, "
                             f"not {len(found)}")
        values = ValueCode.of((found - 128).astype(np.int8), histogram[found], bits,
                              coded=codec == "huffman")
    sent = values.encode((found - 128).astype(np.int8))[1] @ histogram[found]
    if codec in ("rle", "huffman"):
        yield from _with_runs(Gaps(weights, rests), weights, codec, values, int(sent), steps)
        return
    _, blocks, positions = weights.shape
    if codec == "dense":
        slowest = positions // 2 if four_bit else positions
        yield Choice(codec, weights, values, int(sent), blocks * slowest)
        return
    counts = np.count_nonzero(weights, axis=2)
    slowest = int(counts.max(axis=0, initial=0).sum())
    if codec == "bitmask":
        yield Choice(codec, weights, values, int(sent) + weights.size,
                     slowest + blocks * -(-positions // MASK))
        return
    index_bits, most = (positions - 1).bit_length(), int(counts.max(initial=1))
    if not fixed:
        width = most.bit_length()
        assert width <= largest_count_bits(positions)
        yield Choice(codec, weights, values, int(sent) + int(counts.sum()) * index_bits
                     + counts.size * width, slowest + blocks, count_bits=width)
    if fixed or (fixed is None and not table and most <= MOST_FIXED):
        if most > MOST_FIXED:
            raise ValueError(f"blocks must have at most {MOST_FIXED} nonzeros of a column for "
                             f"fixed counts, not {most}")
        yield Choice(codec, weights, values, counts.size * most * (index_bits + bits),
                     blocks * most, fixed=most)


def _with_runs(gaps: Gaps, weights: np.ndarray, codec: str, values: ValueCode, sent: int,
               steps: bool) -> Iterator[Choice]:
    widths = range(1, RUN_BITS + 1)
    limits = LIMITS if codec == "huffman" else tuple((1 << width) - 1 for width in widths)
    for limit in limits:
        own, escapes = gaps.split(limit)
        code = (RunCode(limit.bit_length()) if codec == "rle"
                else RunCode.huffman(limit, own, escapes))
        yield Choice(codec, weights, values, sent + code.cost(own, escapes),
                     gaps.steps(limit) if steps else None, code)
        if limit >= max(len(gaps.counts), int(gaps.left.max(initial=0))):
            break
