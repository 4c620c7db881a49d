"""Strings of bits: the first bit is the lowest one of the first byte."""

import numpy as np

from .errors import StreamError

__all__ = ["GRANULE", "BitReader", "BitWriter", "packed"]

GRANULE = 16  # bits that are dealt at a time


class BitWriter:
    """Numbers one after the other, each with its lowest bit first."""

    def __init__(self) -> None:
        self._value, self.bits = 0, 0

    def write(self, value: int, width: int) -> None:
        """Append a number; negative ones in two's complement."""
        self._value |= (value & ((1 << width) - 1)) << self.bits
        self.bits += width

    def write_size(self, value: int) -> None:
        """Append a number of any size: groups of 7 bits, lowest first, each with a bit of
        whether another one follows (LEB128)."""
        while value >= 128:
            self.write(value & 127 | 128, 8)
            value >>= 7
        self.write(value, 8)

    def granules(self) -> bytes:
        """All bits, filled up with zeros to whole granules."""
        return self._value.to_bytes(-(-self.bits // GRANULE) * 2, "little")


class BitReader:
    """The counterpart, over bytes of which somebody else may read on.

    Parameters
    ----------
    data : bytes
    start : int
        First byte.
    subject : str
        What is read, for errors.
    """

    def __init__(self, data: bytes, start: int, subject: str):
        self._data, self._subject, self._start = data, subject, start
        self._position = 8 * start

    def read(self, width: int, *, signed: bool = False) -> int:
        """The next number; raises ``StreamError`` if the data end in it."""
        end = self._position + width
        if end > 8 * len(self._data):
            raise StreamError(f"Stream must have the whole {self._subject}, not end after "
                              f"{len(self._data)} bytes: it is truncated")
        first = self._position // 8
        number = int.from_bytes(self._data[first:-(-end // 8)], "little")
        value = number >> self._position - 8 * first & ((1 << width) - 1)
        self._position = end
        return value - (1 << width) if signed and value >> width - 1 else value

    def read_size(self) -> int:
        """The next number of any size, less than 2^35."""
        value = 0
        for place in range(5):
            group = self.read(8)
            value |= (group & 127) << 7 * place
            if group < 128:
                return value
        raise StreamError(f"Stream must have sizes below 2^35 in its {self._subject}, "
                          "not larger ones")

    def close(self) -> int:
        """The byte after the last granule that was read from.

        Raises
        ------
        StreamError
            If that granule isn't there, or its remaining bits aren't zeros.
        """
        rest = -(self._position - 8 * self._start) % GRANULE
        if self.read(rest):
            raise StreamError(f"Stream must have zeros behind the {self._subject}, "
                              "up to the next granule, but hasn't")
        return self._position // 8


def packed(values: np.ndarray, widths: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Symbols as granules, uint16.

    Parameters
    ----------
    values : numpy.ndarray, int64, shape (symbols,)
        Each in ``widths`` bits.
    widths : numpy.ndarray, shape (symbols,), 0 to 32
    ends : numpy.ndarray, int64, shape (symbols,)
        The bit after each symbol. Symbols don't overlap.
    """
    starts = ends - widths
    count = -(-int(ends.max(initial=0)) // GRANULE)
    shifted = values.astype(np.uint64) << (starts % GRANULE).astype(np.uint64)
    result = np.zeros(count + 3)
    for part in range(3):
        piece = (shifted >> np.uint64(GRANULE * part)) & np.uint64(0xFFFF)
        result += np.bincount(starts // GRANULE + part, weights=piece.astype(np.float64),
                              minlength=len(result))[:len(result)]
    return result[:count].astype("<u2")
