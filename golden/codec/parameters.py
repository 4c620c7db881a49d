"""What the requantizer needs of each output channel."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from sparrow.hw.spec.stream import GRANULE

from .bits import words

__all__ = ["MANTISSA_BITS", "ParameterFormat", "Parameters"]

MANTISSA_BITS, SHIFT_BITS = 24, 8


@dataclasses.dataclass(frozen=True, eq=False)
class Parameters:
    """Biases and scales of all output channels.

    Parameters
    ----------
    bias : numpy.ndarray, int64, shape (output channels,), each in 32 signed bits
    mantissa : numpy.ndarray, int64, shape (output channels,), each in 32 unsigned bits
    shift : numpy.ndarray, int64, shape (output channels,), each in 8 unsigned bits
    """

    bias: np.ndarray
    mantissa: np.ndarray
    shift: np.ndarray

    def check(self, channels: int) -> None:
        """Raise ``ValueError`` if they aren't for so many output channels or don't fit."""
        counts = {len(self.bias), len(self.mantissa), len(self.shift)}
        if counts != {channels}:
            raise ValueError(f"parameters must be for {channels} output channels, "
                             f"not {', '.join(map(str, sorted(counts)))}")
        for name, low, high in (("bias", -2**31, 2**31), ("mantissa", 0, 2**32),
                                ("shift", 0, 1 << SHIFT_BITS)):
            values = getattr(self, name)
            if values.min() < low or values.max() >= high:
                worst = values.min() if values.min() < low else values.max()
                raise ValueError(f"{name} must be {low} to {high - 1}, not {int(worst)}")


@dataclasses.dataclass(frozen=True)
class ParameterFormat:
    """How parameters are sent.

    Parameters
    ----------
    bias_bits : 0, 16 or 32
        0 where there are no parameters.
    shared : bool
        Whether all channels have one mantissa and one shift, which the header holds.
    long : bool
        Whether mantissas have 32 bits, not 24.
    """

    bias_bits: int = 0
    shared: bool = True
    long: bool = False

    @classmethod
    def of(cls, parameters: Parameters | None) -> "ParameterFormat":
        """The smallest one for some parameters."""
        if parameters is None:
            return cls()
        bias, mantissa, shift = parameters.bias, parameters.mantissa, parameters.shift
        return cls(16 if bias.min() >= -2**15 and bias.max() < 2**15 else 32,
                   bool((mantissa == mantissa[0]).all() and (shift == shift[0]).all()),
                   bool(mantissa.max() >> MANTISSA_BITS))

    @property
    def granules(self) -> int:
        """Of a channel."""
        return self.bias_bits // GRANULE + (0 if self.shared else self.scale_granules)

    @property
    def scale_granules(self) -> int:
        """Of a mantissa and a shift."""
        return 3 if self.long else 2

    def scale_words(self, mantissa: np.ndarray, shift: np.ndarray) -> np.ndarray:
        """Mantissas and shifts as granules, uint16, shape (channels, 4); the first
        ``scale_granules`` are sent, or all of them in the header if mantissas are long."""
        low = mantissa if self.long else mantissa | shift << MANTISSA_BITS
        return words(*np.stack([low, shift if self.long else 0 * shift], axis=1).ravel()
                     ).reshape(-1, 4)

    def scale(self, granules: Sequence[int]) -> tuple[int, int]:
        """The counterpart for one channel: mantissa and shift."""
        low = granules[0] | granules[1] << GRANULE
        if self.long:
            return low, granules[2]
        return low & ((1 << MANTISSA_BITS) - 1), low >> MANTISSA_BITS

    def granules_of(self, parameters: Parameters, channels: slice) -> np.ndarray:
        """Those of some channels, uint16."""
        bias = words(*(parameters.bias[channels] & 0xFFFFFFFF)).reshape(-1, 2)
        scale = self.scale_words(parameters.mantissa[channels], parameters.shift[channels])
        parts = (bias[:, :self.bias_bits // GRANULE],
                 scale[:, :0 if self.shared else self.scale_granules])
        return np.concatenate(parts, axis=1).ravel()
