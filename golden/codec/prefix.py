"""Prefix codes that are told by how many codes there are of each length."""

import dataclasses
import functools
from collections.abc import Sequence

import numpy as np

from sparrow.hw.spec.stream import CODE_COUNT_BITS

from .bits import words
from .errors import StreamError

__all__ = ["PrefixCode", "non_increasing", "prefix_code"]



@dataclasses.dataclass(frozen=True)
class PrefixCode:
    """A canonical code for the ranks 0, 1, 2 ..., whose lengths never fall.

    Codes of one length are successive numbers; the first one is twice the number after the last
    code that is one bit shorter. So a rank follows from a code by a comparison and a sum for each
    length, with no table. A code is complete: any bits begin with one.

    Parameters
    ----------
    counts : tuple of int
        Codes of 1, 2, 3 ... bits, the last not 0, whose 2^-length sum up to 1; none for a single
        rank of no bits.
    """

    counts: tuple[int, ...]

    @property
    def size(self) -> int:
        """Ranks."""
        return sum(self.counts) if self.counts else 1

    @property
    def widths(self) -> np.ndarray:
        """Bits of each rank's code."""
        return np.repeat(np.arange(len(self.counts)) + 1, self.counts) if self.counts else (
            np.zeros(1, np.int64))

    @property
    def codes(self) -> np.ndarray:
        """Each rank's code, as a number whose lowest bit is sent first (codes are sent with their
        highest bit first)."""
        result, code = [], 0
        for width, count in enumerate(self.counts, 1):
            result += [int(format(code + i, f"0{width}b")[::-1], 2) for i in range(count)]
            code = (code + count) << 1
        return np.array(result if self.counts else [0], np.int64)

    @functools.cached_property
    def _ranks(self) -> dict[tuple[int, int], int]:
        return {key: rank for rank, key in enumerate(zip(self.widths.tolist(),
                                                         self.codes.tolist()))}

    def find(self, bits: int, held: int) -> tuple[int, int] | None:
        """The rank whose code comes first in ``held`` bits, and its width; ``None`` if the bits
        end within a code."""
        if not self.counts:
            return 0, 0
        for width in range(1, min(held, len(self.counts)) + 1):
            rank = self._ranks.get((width, bits & ((1 << width) - 1)))
            if rank is not None:
                return rank, width
        return None

    def to_granules(self, longest: int) -> np.ndarray:
        """How many codes there are of each length but ``longest``, in ``CODE_COUNT_BITS``,
        uint16, shape (2,)."""
        word, place = 0, 0
        for bits, count in zip(CODE_COUNT_BITS, self.counts[:longest - 1]):
            word |= count << place
            place += bits
        return words(word)

    @classmethod
    def from_word(cls, word: int, subject: str, most: int, longest: int) -> "PrefixCode":
        """The counterpart.

        Parameters
        ----------
        word : int
        subject : str
            What is coded.
        most : int
            Codes that there may be.
        longest : int
            Bits of the longest ones.

        Raises
        ------
        StreamError
            If there are more codes than their lengths leave room for, or than ``most``; or so few
            that the longest codes, which are all that remain, are too many.
        """
        counts, room = [], 1 << longest  # in numbers of so many bits
        for width, bits in enumerate(CODE_COUNT_BITS[:longest - 1], 1):
            counts.append(word & (1 << bits) - 1)
            word >>= bits
            room -= counts[-1] << longest - width
        if room < 0:
            raise StreamError("TABLE", f"Table of {subject} must have codes whose 2^-length sum up "
                              f"to at most 1, not {1 - room / (1 << longest):g}: it is "
                              "over-subscribed")
        told = sum(counts)
        if told > most:
            raise StreamError("TABLE", f"Table of {subject} must have at most {most} codes, not "
                              f"{told}")
        if not told:
            return cls(())
        if told + room > most:
            raise StreamError("CODE", f"Table of {subject} must have at most {most - told} codes "
                              f"of {longest} bits besides {told} shorter ones, not {room}: bits "
                              "would begin with none of them")
        counts.append(room)
        while not counts[-1]:
            counts.pop()
        return cls(tuple(counts))


def prefix_code(frequencies: Sequence[float], longest: int) -> PrefixCode:
    """The code of at most ``longest`` bits with the fewest bits in all.

    Package-merge (Larmore and Hirschberg, A fast algorithm for optimal length-limited Huffman
    codes, J. ACM 37(3), 1990).

    Parameters
    ----------
    frequencies : sequence of float
        Of the ranks, never rising; 2^``longest`` at most.
    longest : int
    """
    count = len(frequencies)
    if count == 1:
        return PrefixCode(())
    leaves: list[tuple[float, tuple[int, ...]]] = [
        (float(frequency), (rank,)) for rank, frequency in
        reversed(list(enumerate(frequencies)))]
    packages = leaves
    for _ in range(longest - 1):
        pairs = [(a[0] + b[0], a[1] + b[1]) for a, b in zip(packages[::2], packages[1::2])]
        packages = sorted(leaves + pairs, key=lambda package: package[0])
    widths = np.bincount([rank for _, ranks in packages[:2 * count - 2] for rank in ranks],
                         minlength=count)
    return PrefixCode(tuple(np.bincount(widths)[1:].tolist()))


def non_increasing(values: np.ndarray) -> np.ndarray:
    """The nearest values that never rise (pool adjacent violators; Ayer et al., Ann. Math.
    Statist. 26(4), 1955)."""
    pools: list[list[float]] = []
    for value in values.tolist():
        pools.append([value, 1])
        while len(pools) > 1 and pools[-1][0] * pools[-2][1] > pools[-2][0] * pools[-1][1]:
            total, size = pools.pop()
            pools[-1][0] += total
            pools[-1][1] += size
    return np.concatenate([np.zeros(0), *(np.full(int(size), total / size)
                                          for total, size in pools)])
