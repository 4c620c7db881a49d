"""How the value of a weight is sent: as it is, as an index, or as a prefix code."""

import dataclasses
import functools

import numpy as np

from .bits import BitReader, BitWriter
from .errors import StreamError
from .prefix import LONGEST, PrefixCode, prefix_code

__all__ = ["LARGEST_TABLE", "ValueCode", "read_code", "write_code"]

LARGEST_TABLE = 32  # entries
LENGTH_BITS, COUNT_BITS = 4, 6


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
    def of(cls, values: np.ndarray, bits: int, *, table: bool, coded: bool) -> "ValueCode":
        """The one for some values, int8; with ``coded``, frequent values have short codes."""
        if not table:
            return cls(bits)
        entries, counts = np.unique(values, return_counts=True)
        if not len(entries):
            entries, counts = np.zeros(1, np.int8), np.ones(1, np.int64)
        if not coded:
            return cls(bits, tuple(entries.tolist()))
        ranks = np.argsort(-counts, kind="stable")
        return cls(bits, tuple(entries[ranks].tolist()), prefix_code(counts[ranks].tolist()))

    @property
    def width(self) -> int:
        """Bits of a value or an index that has no prefix code."""
        return self.bits if self.entries is None else max(1, (len(self.entries) - 1).bit_length())

    def encode(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Symbols, int64, and their bits, int64, of values, int8."""
        if self.entries is None:
            return (values.astype(np.int64) & ((1 << self.bits) - 1),
                    np.full(values.shape, self.bits))
        symbols, widths = np.zeros(256, np.int64), np.full(256, self.width)
        places = np.array(self.entries, np.int8).view(np.uint8)
        symbols[places] = np.arange(len(places)) if self.code is None else self.code.codes
        if self.code is not None:
            widths[places] = self.code.widths
        found = values.view(np.uint8)
        return symbols[found], widths[found]

    def find(self, bits: int, held: int) -> tuple[int, int] | None:
        """The value that comes first in ``held`` bits, and its width; ``None`` if they end in it.

        Raises ``StreamError`` if an index or a code isn't in the table.
        """
        if self.code is not None:
            found = self.code.find(bits, held)
            return None if found is None else (self._entries[found[0]], found[1])
        if held < self.width:
            return None
        number = bits & ((1 << self.width) - 1)
        if self.entries is None:
            return number - (number >> self.bits - 1 << self.bits), self.width
        if number >= len(self._entries):
            raise StreamError(f"index of a value must be below {len(self._entries)}, "
                              f"not {number}")
        return self._entries[number], self.width

    @functools.cached_property
    def _entries(self) -> tuple[int, ...]:
        return self.entries or ()

    def write(self, writer: BitWriter) -> None:
        """The table, where there is one: the code or the number of entries, then the entries."""
        if self.entries is None:
            return
        if self.code is not None:
            write_code(writer, self.code)
        else:
            writer.write(len(self.entries), COUNT_BITS)
        for entry in self.entries:
            writer.write(entry, self.bits)

    @classmethod
    def read(cls, reader: BitReader, bits: int, *, table: bool, coded: bool) -> "ValueCode":
        """The counterpart of ``write``; raises ``StreamError`` if the table is none."""
        if not table:
            return cls(bits)
        code = read_code(reader, "values") if coded else None
        size = code.size if code else reader.read(COUNT_BITS)
        if not 1 <= size <= LARGEST_TABLE:
            raise StreamError(f"Table of values must have 1 to {LARGEST_TABLE} entries, "
                              f"not {size}")
        return cls(bits, tuple(reader.read(bits, signed=True) for _ in range(size)), code)


def write_code(writer: BitWriter, code: PrefixCode) -> None:
    """The longest length, and how many codes there are of each."""
    writer.write(len(code.counts), LENGTH_BITS)
    for count in code.counts:
        writer.write(count, COUNT_BITS)


def read_code(reader: BitReader, subject: str) -> PrefixCode:
    """The counterpart; raises ``StreamError`` if it is no code."""
    longest = reader.read(LENGTH_BITS)
    if longest > LONGEST:
        raise StreamError(f"Table of {subject} must have codes of at most {LONGEST} bits, "
                          f"not {longest}")
    code = PrefixCode(tuple(reader.read(COUNT_BITS) for _ in range(longest)))
    code.check(subject)
    return code
