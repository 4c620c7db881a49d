"""The order in which granules are dealt to the lanes."""

import itertools

import numpy as np

from sparrow.hw.spec.stream import GRANULE

from .bits import packed
from .symbols import DEPTH, Symbols

__all__ = ["Dealing"]

FIRST, NEVER = -9, np.iinfo(np.int64).max // 128  # steps


class Dealing:
    """What lanes ask for, step by step.

    A lane reads a symbol in the step in which the one before it is sent, the first in step -1; with
    huffman, one more: the first two in steps -2 and -1. When that uses up a granule it asks for
    another one. In a lean stream it asks in front of the step if it hasn't all of the symbol.

    Parameters
    ----------
    symbols : Symbols
    columns, blocks : int
    lean : bool

    Attributes
    ----------
    starts : numpy.ndarray, int64, shape (blocks + 1,)
        The first step of each block and, last, the step after all, if lanes got all that they ask
        for.
    lane, number, step : numpy.ndarray, int64
        Of each granule that is asked for, in order: whose, which of the lane's, and the step
        after which it is dealt, in front of which if the stream is lean; ``FIRST`` for those that
        are dealt first.
    bits : int
        Of all symbols that matter.
    needed : numpy.ndarray, int64, shape (columns,)
        Granules of each lane that have a bit of a symbol that matters.
    """

    def __init__(self, symbols: Symbols, columns: int, blocks: int, *, lean: bool = False):
        self._symbols, self._columns, self._blocks = symbols, columns, blocks
        self._bounds = bounds = np.searchsorted(symbols.lane, np.arange(columns + 1))
        ends = np.cumsum(symbols.widths)
        bases = np.append(0, ends)[bounds[:-1]]
        self._ends = ends - bases[symbols.lane]
        self.starts, read = self._steps()
        begins = self._ends - symbols.widths
        up = GRANULE - 1 if lean else 0
        asks = np.flatnonzero(((self._ends + up) // GRANULE > (begins + up) // GRANULE)
                              & (read < NEVER))
        depth = 0 if lean else DEPTH
        first_number, first_lane = (part.ravel() for part in np.indices((depth, columns)))
        lane = symbols.lane[asks]
        counts = np.bincount(lane, minlength=columns)
        number = depth + np.arange(len(asks)) - (np.cumsum(counts) - counts)[lane]
        self.lane, self.number = np.append(first_lane, lane), np.append(first_number, number)
        self.step = np.append(np.full(depth * columns, FIRST), read[asks])
        order = np.argsort(self.step, kind="stable")  # lanes are in order already
        self.lane, self.number, self.step = (
            part[order] for part in (self.lane, self.number, self.step))
        self._empty = begins[asks[order]] % GRANULE == 0 if lean else None
        matter = symbols.widths if symbols.matters is None else symbols.widths * symbols.matters
        bits = np.bincount(symbols.lane, weights=matter, minlength=columns).astype(np.int64)
        self.bits = int(bits.sum())
        self.needed = -(-bits // GRANULE)

    def _steps(self) -> tuple[np.ndarray, np.ndarray]:
        """``starts``, and the step in which each symbol is read."""
        symbols, blocks = self._symbols, self._blocks
        place = symbols.lane * (blocks + 1) + symbols.block
        counts = np.bincount(place, minlength=self._columns * (blocks + 1))
        rank = np.arange(len(place)) - (np.cumsum(counts) - counts)[place]
        slowest = counts.reshape(self._columns, -1)[:, :blocks].max(axis=0, initial=1)
        starts = np.append(0, np.cumsum(slowest))
        sent = np.where(symbols.block < blocks, starts[symbols.block] + rank, NEVER)
        read = np.full(len(sent), NEVER)
        for first, end in itertools.pairwise(self._bounds):
            read[first:end] = np.append(np.arange(-symbols.ahead, 0), sent[first:end])[:end - first]
        return starts, read

    @property
    def cut(self) -> int:
        """Granules up to the last that has a bit of a symbol that matters."""
        useful = np.flatnonzero(self.number < self.needed[self.lane])
        return int(useful[-1]) + 1 if len(useful) else 0

    def before(self, blocks: np.ndarray) -> np.ndarray:
        """Granules that are dealt before each of some blocks; the number of blocks stands for the
        end. None are before the first."""
        return np.where(blocks > 0, np.searchsorted(self.step, self.starts[blocks]), 0)

    def payload(self, count: int) -> np.ndarray:
        """The first ``count`` granules, uint16."""
        symbols = self._symbols
        totals = np.zeros(self._columns, np.int64)
        filled = np.diff(self._bounds) > 0
        totals[filled] = self._ends[self._bounds[1:][filled] - 1]
        size = np.maximum(-(-totals // GRANULE), self._got(count))
        bases = np.cumsum(size) - size
        data = packed(symbols.values, symbols.widths,
                      self._ends + GRANULE * bases[symbols.lane])
        data = np.pad(data, (0, int(size.sum()) - len(data)))
        return data[bases[self.lane[:count]] + self.number[:count]]

    def _got(self, count: int) -> np.ndarray:
        return np.bincount(self.lane[:count], minlength=self._columns)

    def steps(self, count: int) -> np.ndarray:
        """Steps of each block, int64, if lanes get the first ``count`` granules."""
        symbols = self._symbols
        whole = self._ends <= GRANULE * self._got(count)[symbols.lane]
        whole &= symbols.block < self._blocks
        counts = np.bincount(symbols.lane[whole] * self._blocks + symbols.block[whole],
                             minlength=self._columns * self._blocks)
        return counts.reshape(self._columns, -1).max(axis=0, initial=1)

    def stalls(self, count: int) -> int:
        """What a lean stream takes besides the steps, if lanes get the first ``count`` granules:
        see :class:`.stream.Stream`."""
        assert self._empty is not None
        step, empty = self.step[:count], self._empty[:count]
        return int(self.steps(count).sum()) + sum(
            len(np.unique(asks[asks >= 0])) for asks in (step, step[empty]))

    def last(self, count: int) -> np.ndarray:
        """Granules that have to be dealt before all steps of a block can be done, int64, shape
        (blocks,), out of the first ``count``."""
        lane, number = self.lane[:count], self.number[:count]
        got = self._got(count)
        bases = np.cumsum(got) - got
        place = np.empty(count, np.int64)
        place[bases[lane] + number] = np.arange(count)
        result = np.zeros(self._blocks, np.int64)
        for column in range(self._columns):
            own = slice(self._bounds[column], self._bounds[column + 1])
            ends = self._ends[own]
            ends = ends[ends <= GRANULE * got[column]]
            if not len(ends):
                continue
            sent = np.searchsorted(self._symbols.block[own][:len(ends)],
                                   np.arange(self._blocks), "right")
            read = np.minimum(sent + self._symbols.ahead, len(ends))
            granule = (ends[read - 1] - 1) // GRANULE
            np.maximum(result, place[bases[column] + granule] + 1, out=result)
        return np.maximum.accumulate(result)
