"""What the requantizer needs of each output channel."""

import dataclasses

import numpy as np

from .bits import BitReader, BitWriter

__all__ = ["ParameterFormat", "Parameters"]

SHIFT_BITS = 8


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


@dataclasses.dataclass(frozen=True)
class ParameterFormat:
    """How many bits the parameters have.

    Parameters
    ----------
    bias_bits : 0, 16 or 32
        0 where there are no parameters.
    mantissa_bits : 16 or 32
    shared : bool
        Whether all channels have one mantissa and one shift, which the header holds.
    """

    bias_bits: int = 0
    mantissa_bits: int = 16
    shared: bool = True

    @classmethod
    def of(cls, parameters: Parameters | None) -> "ParameterFormat":
        """The smallest one for some parameters."""
        if parameters is None:
            return cls()
        bias, mantissa, shift = parameters.bias, parameters.mantissa, parameters.shift
        return cls(16 if bias.min() >= -2**15 and bias.max() < 2**15 else 32,
                   16 if mantissa.max() < 2**16 else 32,
                   bool((mantissa == mantissa[0]).all() and (shift == shift[0]).all()))

    @property
    def scale_bits(self) -> int:
        """Bits of a mantissa and a shift."""
        return self.mantissa_bits + SHIFT_BITS

    def write_scale(self, writer: BitWriter, parameters: Parameters, channel: int) -> None:
        """A mantissa and a shift."""
        writer.write(int(parameters.mantissa[channel]), self.mantissa_bits)
        writer.write(int(parameters.shift[channel]), SHIFT_BITS)

    def read_scale(self, reader: BitReader) -> tuple[int, int]:
        """The counterpart."""
        return reader.read(self.mantissa_bits), reader.read(SHIFT_BITS)

    def write_channels(self, writer: BitWriter, parameters: Parameters, channels: range) -> None:
        """The parameters of an output block: for each channel its bias and, unless they are
        shared, mantissa and shift."""
        for channel in channels:
            writer.write(int(parameters.bias[channel]), self.bias_bits)
            if not self.shared:
                self.write_scale(writer, parameters, channel)

    def read_channel(self, reader: BitReader) -> tuple[int, tuple[int, int] | None]:
        """Bias and, unless they are shared, mantissa and shift of a channel."""
        bias = reader.read(self.bias_bits, signed=True)
        return bias, None if self.shared else self.read_scale(reader)
