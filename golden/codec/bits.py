"""Bits in granules: the first bit is the lowest one."""

import numpy as np

from sparrow.hw.spec.stream import GRANULE

__all__ = ["packed", "words"]



def words(*values: int) -> np.ndarray:
    """Words of 32 bits as granules, uint16, the low half first."""
    return np.array(values, "<u4").view("<u2")


def packed(values: np.ndarray, widths: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Symbols as granules, uint16.

    Parameters
    ----------
    values : numpy.ndarray, int64, shape (symbols,)
        Each in ``widths`` bits.
    widths : numpy.ndarray, shape (symbols,), 0 to 16
    ends : numpy.ndarray, int64, shape (symbols,)
        The bit after each symbol. Symbols don't overlap.
    """
    starts = ends - widths
    count = -(-int(ends.max(initial=0)) // GRANULE)
    shifted = values << starts % GRANULE
    result = np.zeros(count + 2)
    for part in range(2):
        result += np.bincount(starts // GRANULE + part,
                              weights=shifted >> GRANULE * part & 0xFFFF,
                              minlength=len(result))[:len(result)]
    return result[:count].astype("<u2")
