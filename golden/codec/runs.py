"""How runs of zeros are sent."""

import dataclasses

import numpy as np

from sparrow.hw.spec.stream import RUN_CODE_BITS

from .prefix import PrefixCode, non_increasing, prefix_code

__all__ = ["LIMITS", "RunCode"]

LIMITS = 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 62  # tried for prefix codes


@dataclasses.dataclass(frozen=True)
class RunCode:
    """How runs are sent: those below a limit, each with a value behind it, and an escape.

    The escape stands for as many zeros as the limit tells, and has no value behind it.

    Parameters
    ----------
    run_bits : int, 1 to 6, or 0
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
        """The run, or the limit for an escape, that comes first in ``held`` bits, and its width;
        ``None`` if they end in it."""
        if self.code is None:
            return None if held < self.run_bits else (bits & self.limit, self.run_bits)
        found = self.code.find(bits, held)
        if found is None:
            return None
        rank, width = found
        run = self.limit if rank == self.escape_rank else rank - (rank > self.escape_rank)
        return run, width

    @classmethod
    def huffman(cls, limit: int, runs: np.ndarray, escapes: int) -> "RunCode":
        """The best prefix code with a limit.

        Parameters
        ----------
        limit : int, 1 to 62
        runs : numpy.ndarray, shape (limit,)
            How many there are of each run below the limit.
        escapes : int
        """
        smooth = non_increasing(runs)
        rank = int((smooth > escapes).sum())
        code = prefix_code(np.insert(smooth, rank, escapes).tolist(), RUN_CODE_BITS)
        return cls(code=code, escape_rank=rank)

    def cost(self, runs: np.ndarray, escapes: int) -> int:
        """Bits of so many runs and escapes."""
        return int(self.symbols[1] @ np.append(runs, escapes))
