"""How runs of zeros are sent."""

import dataclasses

import numpy as np

from .bits import BitReader, BitWriter
from .errors import StreamError
from .prefix import PrefixCode, non_increasing, prefix_code
from .values import read_code, write_code

__all__ = ["RunCode"]

LARGEST_RUN_BITS = 8
RUN_FIELD, RANK_FIELD = 3, 6
LIMITS = 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 62  # tried for prefix codes


@dataclasses.dataclass(frozen=True)
class RunCode:
    """How runs are sent: those below a limit, each with a value behind it, and an escape.

    The escape stands for as many zeros as the limit tells, and has no value behind it.

    Parameters
    ----------
    run_bits : int, 1 to 8, or 0
        Where there is no ``code``: bits of a run; the escape has the largest number.
    code : PrefixCode or None
        Of the runs in ascending order, the escape among them.
    escape_rank : int
        Place of the escape.
    """

    run_bits: int = 0
    code: PrefixCode | None = None
    escape_rank: int = 0

    @property
    def limit(self) -> int:
        """Zeros of an escape; runs are shorter."""
        return (1 << self.run_bits) - 1 if self.code is None else self.code.size - 1

    @property
    def symbols(self) -> tuple[np.ndarray, np.ndarray]:
        """Symbols and their bits, int64, of the runs and, last, of the escape."""
        if self.code is None:
            return np.arange(self.limit + 1), np.full(self.limit + 1, self.run_bits)
        order = [rank for rank in range(self.code.size) if rank != self.escape_rank]
        order.append(self.escape_rank)
        return self.code.codes[order], self.code.widths[order]

    def find(self, bits: int, held: int) -> tuple[int, int] | None:
        """The run, or the limit for an escape, that comes first in ``held`` bits, and its width.

        ``None`` if they end in it; raises ``StreamError`` if a code isn't in the table.
        """
        if self.code is None:
            return None if held < self.run_bits else (bits & self.limit, self.run_bits)
        found = self.code.find(bits, held)
        if found is None:
            return None
        rank, width = found
        run = self.limit if rank == self.escape_rank else rank - (rank > self.escape_rank)
        return run, width

    @classmethod
    def fixed(cls, runs: np.ndarray, value_bits: int) -> "RunCode":
        """The best width for some runs, int64, where values have ``value_bits``."""
        counts = np.bincount(runs, minlength=1)
        lengths = np.arange(len(counts))

        def cost(width: int) -> int:
            escapes = int((lengths // ((1 << width) - 1)) @ counts)
            return escapes * width + len(runs) * (width + value_bits)
        return cls(min(range(1, LARGEST_RUN_BITS + 1), key=cost))

    @classmethod
    def huffman(cls, runs: np.ndarray) -> "RunCode":
        """The best prefix code for some runs, int64."""
        counts = np.bincount(runs, minlength=1)
        lengths = np.arange(len(counts))
        best, fewest = cls(), float("inf")
        for limit in LIMITS:
            escapes = int((lengths // limit) @ counts)
            own = np.bincount(lengths % limit, weights=counts, minlength=limit)
            smooth = non_increasing(own)
            rank = int((smooth > escapes).sum())
            code = prefix_code(np.insert(smooth, rank, escapes).tolist())
            found = cls(code=code, escape_rank=rank)
            table = BitWriter()
            found.write(table)
            bits = int(found.symbols[1] @ np.append(own, escapes)) + table.bits
            if bits < fewest:
                best, fewest = found, bits
            if limit >= len(counts):
                break
        return best

    def write(self, writer: BitWriter) -> None:
        """The width, or the code and the escape's place."""
        if self.code is None:
            writer.write(self.run_bits - 1, RUN_FIELD)
        else:
            write_code(writer, self.code)
            writer.write(self.escape_rank, RANK_FIELD)

    @classmethod
    def read(cls, reader: BitReader, *, coded: bool) -> "RunCode":
        """The counterpart; raises ``StreamError`` if it is none."""
        if not coded:
            return cls(reader.read(RUN_FIELD) + 1)
        code = read_code(reader, "runs")
        rank = reader.read(RANK_FIELD)
        if not 2 <= code.size <= LIMITS[-1] + 1 or rank >= code.size:
            raise StreamError(f"Table of runs must have 2 to {LIMITS[-1] + 1} codes and the escape "
                              f"among them, not {code.size} and the escape in place {rank}")
        return cls(code=code, escape_rank=rank)
