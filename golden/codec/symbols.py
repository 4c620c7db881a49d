"""The symbols that lanes send, codec by codec."""

import dataclasses

import numpy as np

from .arrange import Arrangement
from .bits import GRANULE
from .runs import RunCode
from .values import ValueCode

__all__ = ["Kept", "Symbols", "bitmask", "csr", "dense", "runs_of", "with_runs"]


class Kept:
    """The positions that are in a stream: those of the steps that the block map doesn't skip.

    Parameters
    ----------
    laid : numpy.ndarray, int8, shape (columns, output blocks, positions)
        See :meth:`Arrangement.lay`.
    steps : numpy.ndarray, bool, shape (output blocks, steps)
        Which are there.

    Attributes
    ----------
    values : numpy.ndarray, int8, shape (columns, kept positions)
    block : numpy.ndarray, int64, shape (kept positions,)
        Number of the kept block that each is in.
    first_block : numpy.ndarray, int64, shape (output blocks,)
        The first kept block of each output block or of a later one.
    lengths : numpy.ndarray, int64, shape (columns,)
        Positions that each lane has.
    """

    def __init__(self, arrangement: Arrangement, laid: np.ndarray, steps: np.ndarray):
        blocks = steps[:, arrangement.steps]
        self.sizes = np.broadcast_to(arrangement.sizes, blocks.shape)[blocks]
        keep = np.repeat(blocks, arrangement.sizes, axis=1)
        self.values = laid.reshape(len(laid), -1)
        if not keep.all():
            self.values = self.values[:, keep.ravel()]
        self.block = np.repeat(np.arange(len(self.sizes)), self.sizes)
        counts = blocks.sum(axis=1)
        self.first_block = np.cumsum(counts) - counts
        self.lengths = np.full(len(laid), len(self.block))
        self.lengths[arrangement.last_columns:] -= keep[-1].sum()

    @property
    def starts(self) -> np.ndarray:
        """The first position of each block."""
        return np.cumsum(self.sizes) - self.sizes

    @property
    def exist(self) -> np.ndarray:
        """Which positions each lane has, bool, shape of ``values``."""
        return np.arange(self.values.shape[1]) < self.lengths[:, None]


@dataclasses.dataclass(frozen=True)
class Symbols:
    """Symbols in the order of lanes, and of each lane's stream.

    Parameters
    ----------
    lane, block : numpy.ndarray, int64
        The block in which a lane sends a symbol.
    values, widths : numpy.ndarray, int64
        Bits, the lowest one first, and how many.
    pace : int
        Symbols that a lane sends in a step.
    filling : int
        Bits of those that only fill granules.
    """

    lane: np.ndarray
    block: np.ndarray
    values: np.ndarray
    widths: np.ndarray
    pace: int = 1
    filling: int = 0

    @property
    def bits(self) -> int:
        """Bits of all."""
        return int(self.widths.sum())


def dense(kept: Kept, code: ValueCode) -> Symbols:
    """Every value; two in a step if they have at most four bits."""
    exist = kept.exist
    lane = np.repeat(np.arange(len(exist)), kept.lengths)
    block = np.broadcast_to(kept.block, exist.shape)[exist]
    values, widths = code.encode(kept.values[exist])
    return Symbols(lane, block, values, widths, pace=2 if code.width <= 4 else 1)


def csr(kept: Kept, code: ValueCode, count_bits: int, index_bits: int) -> Symbols:
    """For each block the number of nonzeros, then index and value of each."""
    lane, position = np.nonzero(kept.values)
    block = kept.block[position]
    exist = kept.exist[:, kept.starts]
    counts = np.bincount(lane * len(kept.sizes) + block, minlength=exist.size)[exist.ravel()]
    index = position - kept.starts[block]
    values, widths = code.encode(kept.values[lane, position])
    lanes, blocks = np.nonzero(exist)
    return _headed(lanes, blocks, counts, counts, np.full(len(counts), count_bits),
                   index | values << index_bits, widths + index_bits)


def bitmask(kept: Kept, code: ValueCode) -> Symbols:
    """For each block a bit for each position, at most 16, then the nonzeros among them; then the
    next 16 positions."""
    groups = -(-kept.sizes // GRANULE)
    first = np.cumsum(groups) - groups
    within = np.arange(len(kept.block)) - kept.starts[kept.block]
    group = first[kept.block] + within // GRANULE  # of each position
    starts = np.flatnonzero(within % GRANULE == 0)
    lane, position = np.nonzero(kept.values)
    exist = kept.exist[:, starts]
    place = lane * len(starts) + group[position]
    counts = np.bincount(place, minlength=exist.size)[exist.ravel()]
    masks = np.bincount(place, weights=1 << within[position] % GRANULE,
                        minlength=exist.size)[exist.ravel()].astype(np.int64)
    lanes, groups = np.nonzero(exist)
    sizes = np.diff(np.append(starts, len(kept.block)))
    values, widths = code.encode(kept.values[lane, position])
    return _headed(lanes, kept.block[starts][groups], counts, masks, sizes[groups], values, widths)


def _headed(lane: np.ndarray, block: np.ndarray, counts: np.ndarray, headers: np.ndarray,
            header_widths: np.ndarray, values: np.ndarray, widths: np.ndarray) -> Symbols:
    """Headers, each followed by as many values as ``counts`` tells."""
    heads = np.cumsum(counts) - counts + np.arange(len(counts))
    size = len(counts) + len(values)
    is_value = np.ones(size, bool)
    is_value[heads] = False
    bits, lengths = np.zeros(size, np.int64), np.zeros(size, np.int64)
    bits[heads], bits[is_value] = headers, values
    lengths[heads], lengths[is_value] = header_widths, widths
    return Symbols(np.repeat(lane, counts + 1), np.repeat(block, counts + 1), bits, lengths)


def runs_of(kept: Kept) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Lane and position of each nonzero, and the zeros of the lane in front of it, int64."""
    lane, position = np.nonzero(kept.values)
    before = np.full(len(lane), -1)
    same = np.flatnonzero(lane[1:] == lane[:-1])
    before[same + 1] = position[same]
    return lane, position, position - before - 1


def with_runs(kept: Kept, code: ValueCode, runs: RunCode) -> Symbols:
    """Runs, each with its value; longer ones begin with escapes.

    An escape is sent in the block of the last zero that it stands for. What is left of a lane's
    last granule is filled with escapes and the beginning of one.
    """
    lane, position, run = runs_of(kept)
    value, value_widths = code.encode(kept.values[lane, position])
    symbols, widths = runs.symbols
    escapes, rest = np.divmod(run, runs.limit)
    value = symbols[rest] | value << widths[rest]
    value_widths = value_widths + widths[rest]

    total = np.bincount(lane, weights=value_widths + escapes * widths[-1],
                        minlength=len(kept.lengths)).astype(np.int64)
    padding = -total % GRANULE // int(widths[-1])  # escapes
    last = np.full(len(total), -1)
    last[lane] = position  # the last one stays
    padding = np.minimum(padding, (kept.lengths - 1 - last) // runs.limit)

    count = np.concatenate([escapes + 1, padding])
    order = np.argsort(np.concatenate([lane, np.arange(len(total))]), kind="stable")
    owner = np.repeat(order, count[order])
    number = np.arange(len(owner)) - np.repeat(np.cumsum(count[order]) - count[order],
                                               count[order])
    is_value = (owner < len(lane)) & (number == count[owner] - 1)
    start = np.concatenate([position - run, last + 1])
    where = start[owner] + (number + 1) * runs.limit - 1
    place = owner[is_value]
    where[is_value] = position[place]
    bits = np.full(len(owner), symbols[-1])
    lengths = np.full(len(owner), widths[-1])
    bits[is_value], lengths[is_value] = value[place], value_widths[place]
    lanes = np.concatenate([lane, np.arange(len(total))])[owner]
    return Symbols(lanes, kept.block[where], bits, lengths,
                   filling=int(padding.sum() * widths[-1]))
