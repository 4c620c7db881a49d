"""How the value of a weight is sent: as it is, as an index, or as a prefix code."""

import dataclasses

import numpy as np

from sparrow.hw.spec.stream import VALUE_CODE_BITS

from .errors import StreamError
from .prefix import PrefixCode, prefix_code

__all__ = ["LARGEST_TABLE", "ValueCode"]

LARGEST_TABLE = 32  # entries


@dataclasses.dataclass(frozen=True)
class ValueCode:
    """How values are sent.

    Parameters
    ----------
    bits : 8 or 4
        Of a value.
    entries : tuple of int, or None
        Where given, a value is sent as its place in them.
    code : PrefixCode or None
        Of the places; if ``None``, a place is a number of ``width`` bits.
    """

    bits: int
    entries: tuple[int, ...] | None = None
    code: PrefixCode | None = None

    @classmethod
    def of(cls, values: np.ndarray, counts: np.ndarray, bits: int, *, coded: bool) -> "ValueCode":
        """The table for some values, ascending, of which there are ``counts``; with ``coded``,
        frequent ones have short codes."""
        if not len(values):
            values, counts = np.ones(1, np.int8), np.ones(1, np.int64)
        if not coded:
            return cls(bits, tuple(values.tolist()))
        ranks = np.argsort(-counts, kind="stable")
        return cls(bits, tuple(values[ranks].tolist()),
                   prefix_code(counts[ranks].tolist(), VALUE_CODE_BITS))

    @property
    def width(self) -> int:
        """Bits of a value or an index that has no prefix code."""
        return self.bits if self.entries is None else max(1, (len(self.entries) - 1).bit_length())

    def encode(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Symbols, int64, and their bits, int64, of values, int8."""
        symbols, widths = np.arange(256) & ((1 << self.bits) - 1), np.full(256, self.width)
        if self.entries is not None:
            places = np.array(self.entries, np.int8).view(np.uint8)
            symbols[places] = np.arange(len(places)) if self.code is None else self.code.codes
            if self.code is not None:
                widths[places] = self.code.widths
        found = values.view(np.uint8)
        return symbols[found], widths[found]

    def find(self, bits: int, held: int) -> tuple[int, int] | None:
        """What stands for a value at the beginning of ``held`` bits, see :meth:`value`, and its
        width; ``None`` if they end in it.

        Raises ``StreamError`` if an index isn't in the table.
        """
        if self.code is not None:
            found = self.code.find(bits, held)
            if found is None:
                return None
            number, width = found
        elif held < self.width:
            return None
        else:
            number, width = bits & ((1 << self.width) - 1), self.width
        if self.entries is not None and number >= len(self.entries):
            raise StreamError("ENTRY", f"index of a value must be below {len(self.entries)}, "
                              f"not {number}")
        return number, width

    def value(self, number: int) -> int:
        """The value that is sent as an index into the table, or as a number."""
        if self.entries is not None:
            return self.entries[number]
        return number - (number >> self.bits - 1 << self.bits)
