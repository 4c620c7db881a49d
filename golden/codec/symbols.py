"""The symbols that lanes send, codec by codec."""

import dataclasses
import functools

import numpy as np

from sparrow.hw.spec.stream import GRANULE

from .runs import RunCode
from .values import ValueCode

__all__ = ["Gaps", "Symbols", "bitmask", "csr", "dense", "fixed", "with_runs"]

DEPTH = 3  # granules that a lane holds at most
MASK = 8  # positions of a mask, or all of a smaller block


@dataclasses.dataclass(frozen=True)
class Symbols:
    """Symbols in the order of lanes, and of each lane's stream.

    Parameters
    ----------
    lane, block : numpy.ndarray, int64
        The block in which a lane sends a symbol; the number of blocks for those that it may take
        but never sends.
    values, widths : numpy.ndarray, int64
        Bits, the lowest one first, and how many.
    matters : numpy.ndarray, bool, or None
        Symbols that have to be sent: the others come, endless, after a lane's last that has to.
        ``None`` if all have to.
    ahead : int
        Symbols that a lane has read and not sent.
    """

    lane: np.ndarray
    block: np.ndarray
    values: np.ndarray
    widths: np.ndarray
    matters: np.ndarray | None = None
    ahead: int = 1

    def resting(self, lane: int, block: int, blocks: int) -> "Symbols":
        """Without those that lanes from ``lane`` on send from ``block`` on, of ``blocks``: they
        may have been taken, but stay.

        Raises ``ValueError`` if one of them has to be sent.
        """
        rest = (self.lane >= lane) & (self.block >= block)
        if (rest & (self.matters is None or self.matters)).any():
            raise ValueError("lanes must have nothing to send while they rest")
        if block == 0:  # they never get a granule
            return dataclasses.replace(
                self, lane=self.lane[~rest], block=self.block[~rest], values=self.values[~rest],
                widths=self.widths[~rest],
                matters=None if self.matters is None else self.matters[~rest])
        return dataclasses.replace(self, block=np.where(rest, blocks, self.block))


def dense(values: np.ndarray, halves: int, code: ValueCode) -> Symbols:
    """Every value, those of 4 bits in pairs.

    Parameters
    ----------
    values : numpy.ndarray, int8, shape (columns, blocks, positions)
    halves : 1 or 2
        Positions of each lane of the array, a half behind the other.
    code : ValueCode
    """
    columns, blocks, _ = values.shape
    bits, widths = code.encode(values)
    if halves == 2:
        lanes = values.shape[2] // 2
        bits, widths = bits[..., :lanes] | bits[..., lanes:] << code.bits, widths[..., :lanes] * 2
    lane, block, _ = np.broadcast_arrays(
        np.arange(columns)[:, None, None], np.arange(blocks)[:, None], bits)
    return Symbols(lane.ravel(), block.ravel(), bits.ravel(), widths.ravel())


def csr(values: np.ndarray, code: ValueCode, count_bits: int) -> Symbols:
    """For each block the number of nonzeros, then index and value of each."""
    counts = np.count_nonzero(values, axis=2)
    return _headed(counts, counts, count_bits, *_entries(values, values != 0, code))


def fixed(values: np.ndarray, code: ValueCode, count: int) -> Symbols:
    """For each block ``count`` times index and value, of all nonzeros and some zeros."""
    zeros = values == 0
    room = count - np.count_nonzero(values, axis=2)
    sent = ~zeros | (np.cumsum(zeros, axis=2, dtype=np.int16) <= room[..., None])
    bits, widths = _entries(values, sent, code)
    columns, blocks, _ = values.shape
    return Symbols(np.repeat(np.arange(columns), blocks * count),
                   np.tile(np.repeat(np.arange(blocks), count), columns), bits, widths)


def _entries(values: np.ndarray, sent: np.ndarray,
             code: ValueCode) -> tuple[np.ndarray, np.ndarray]:
    """Index and value of some positions, and their bits."""
    positions = values.shape[2]
    index_bits = (positions - 1).bit_length()
    index = np.flatnonzero(sent) % positions
    bits, widths = code.encode(values[sent])
    return index | bits << index_bits, widths + index_bits


def bitmask(values: np.ndarray, code: ValueCode) -> Symbols:
    """For each ``MASK`` positions of a block, or all if fewer, a bit for each, then the nonzeros
    among them."""
    columns, _, positions = values.shape
    group = min(MASK, positions)
    groups = values.reshape(columns, -1, group) != 0
    masks = groups @ (1 << np.arange(group))
    return _headed(np.count_nonzero(groups, axis=2), masks, group, *code.encode(
        values[values != 0]), share=positions // group)


def _headed(counts: np.ndarray, heads: np.ndarray, head_bits: int, bits: np.ndarray,
            widths: np.ndarray, share: int = 1) -> Symbols:
    """Heads, each followed by as many values as ``counts`` tells, shape (columns, heads);
    ``share`` of them are a block's."""
    columns, number = counts.shape
    lane = np.repeat(np.arange(columns), number)
    block = np.tile(np.arange(number) // share, columns)
    counts = counts.ravel()
    places = np.cumsum(counts) - counts + np.arange(len(counts))
    is_value = np.ones(len(counts) + len(bits), bool)
    is_value[places] = False
    values, lengths = (np.empty(len(is_value), np.int64) for _ in range(2))
    values[places], values[is_value] = heads.ravel(), bits
    lengths[places], lengths[is_value] = head_bits, widths
    return Symbols(np.repeat(lane, counts + 1), np.repeat(block, counts + 1), values, lengths)


class Gaps:
    """The zeros in front of the nonzeros of lanes.

    Parameters
    ----------
    values : numpy.ndarray, int8, shape (columns, blocks, positions)
    rests : (int, int) or None
        The first lane, and the block from which on it and those behind it rest.

    Attributes
    ----------
    lane, place, run : numpy.ndarray, int64
        Of each nonzero: its lane, its position among the lane's, and the zeros in front of it.
    values : numpy.ndarray, int8
    left : numpy.ndarray, int64, shape (columns,)
        Zeros behind the last nonzero of each lane.
    """

    def __init__(self, values: np.ndarray, rests: tuple[int, int] | None = None):
        self.columns, self.blocks, self.positions = values.shape
        self._rests = rests
        flat = np.flatnonzero(values)
        self.values = values.ravel()[flat]
        length = self.blocks * self.positions
        self.lane, self.place = np.divmod(flat, length)
        before = np.full(len(flat), -1)
        same = np.flatnonzero(self.lane[1:] == self.lane[:-1])
        before[same + 1] = self.place[same]
        self.run = self.place - before - 1
        last = np.full(self.columns, -1)
        last[self.lane] = self.place  # the last one stays
        self.last, self.left = last, length - 1 - last

    @functools.cached_property
    def counts(self) -> np.ndarray:
        """How many there are of each run."""
        return np.bincount(self.run, minlength=1)

    def endless(self, limit: int) -> np.ndarray:
        """Escapes of each lane behind its last nonzero, shape (columns,), as far as any lane
        has to go."""
        most = (self.place.max(initial=-1) // self.positions + 1) * self.positions
        end = np.full(self.columns, most)
        if self._rests is not None:
            lane, block = self._rests
            end[lane:] = min(most, block * self.positions)
        return np.maximum(0, end - 1 - self.last) // limit

    def split(self, limit: int) -> tuple[np.ndarray, int]:
        """How many there are of each run below a limit, and of escapes, the endless ones too."""
        lengths = np.arange(len(self.counts))
        own = np.bincount(lengths % limit, weights=self.counts, minlength=limit)
        return own, int((lengths // limit) @ self.counts + self.endless(limit).sum())

    def steps(self, limit: int) -> int:
        """Steps of all blocks."""
        escapes = np.append(self.run // limit, self.endless(limit))
        start = np.append(self.place - self.run, self.last + 1)
        lane = np.append(self.lane, np.arange(self.columns))
        number = np.arange(escapes.sum()) - np.repeat(np.cumsum(escapes) - escapes, escapes)
        where = np.repeat(start, escapes) + (number + 1) * limit - 1
        cells = np.append(np.repeat(lane, escapes) * self.blocks + where // self.positions,
                          self.lane * self.blocks + self.place // self.positions)
        counts = np.bincount(cells, minlength=self.columns * self.blocks)
        return int(counts.reshape(self.columns, -1).max(axis=0, initial=1).sum())


def with_runs(gaps: Gaps, code: ValueCode, runs: RunCode) -> Symbols:
    """Runs, each with its value; longer ones begin with escapes.

    An escape is sent in the block of the last zero that it stands for. Behind a lane's last
    nonzero are escapes to the end of all blocks, and as many more as may be dealt.
    """
    values, value_widths = code.encode(gaps.values)
    symbols, widths = runs.symbols
    escapes, rest = np.divmod(gaps.run, runs.limit)
    own = np.bincount(gaps.lane, weights=escapes + 1, minlength=gaps.columns).astype(np.int64)
    endless = gaps.left // runs.limit + DEPTH * GRANULE // int(widths[-1]) + 3
    counts = own + endless
    firsts = np.cumsum(counts) - counts
    place = np.cumsum(escapes + 1) - 1 + (np.cumsum(endless) - endless)[gaps.lane]

    def every(escape: int, value: np.ndarray) -> np.ndarray:
        """One number for each escape, others for the values."""
        result = np.full(counts.sum(), escape)
        result[place] = value
        return result

    covered = np.cumsum(every(runs.limit, rest + 1))  # positions, of all lanes
    base = np.append(0, covered)[firsts]
    block = (covered - 1 - np.repeat(base, counts)) // gaps.positions
    matters = np.repeat(np.tile([True, False], gaps.columns), np.stack([own, endless], 1).ravel())
    return Symbols(np.repeat(np.arange(gaps.columns), counts), np.minimum(block, gaps.blocks),
                   every(symbols[-1], symbols[rest] | values << widths[rest]),
                   every(widths[-1], value_widths + widths[rest]), matters,
                   ahead=1 if runs.code is None else 2)
