"""Layers with weights: convolutions and linear layers."""

import dataclasses

import torch

from .checks import NetworkError, require_int, require_ints, require_tensor, shown
from .layer import LARGEST_KERNEL, Layer, Shape, window_shape
from .types import LARGEST_MANTISSA, LARGEST_SHIFT, LARGEST_SIZE, Numbers, Scale, TensorType

__all__ = ["Conv", "Linear", "Weighted"]

INT32_MIN, INT32_MAX = -(2**31), 2**31 - 1
CODEBOOK_SIZES = 2, 32


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Weighted(Layer):
    """Base of the layers that sum products with weights, then requantize the sums.

    With ``q`` an element of the input and ``z`` the output's zero point::

        acc = sum(q * weight) + bias
        y   = clamp(round(acc * mantissa * 2^-shift) + z, minimum, maximum)

    rounded as ``sparrow.golden.post.requantize`` does with the network's rounding.

    Parameters
    ----------
    weight : torch.Tensor, int8, output channels first
        Each in ``weight_bits`` signed bits.
    weight_bits : 8 or 4
        Bits of a weight. Narrower weights are stored in 4.
    codebook : torch.Tensor or None, int8, shape (entries,), 2 to 32 of them, ascending
        Where given, the values among which all weights are, so that each can be stored as an
        index; the sums don't depend on it.
    bias : torch.Tensor, int64, shape (output channels,), each in 32 signed bits
        Added to the sums, ``-zero point of the input * sum(weight)`` included.
    mantissa, shift : torch.Tensor, int64, shape (output channels,)
        Scale of each output channel, in the widths of the network's ``Numbers``.
    minimum, maximum : int
        Limits of the output, in its range.
    """

    weight: torch.Tensor
    weight_bits: int = 8
    codebook: torch.Tensor | None = None
    bias: torch.Tensor
    mantissa: torch.Tensor
    shift: torch.Tensor
    minimum: int
    maximum: int

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.weight_bits not in (8, 4) or isinstance(self.weight_bits, bool):
            raise NetworkError(f"{self.subject('weight_bits')} must be 8 or 4, "
                               f"not {shown(self.weight_bits)}")
        low, high = -(2**(self.weight_bits - 1)), 2**(self.weight_bits - 1) - 1
        require_tensor(self.subject("weight"), self.weight, torch.int8, self._weight_shape,
                       low, high)
        channels = (self.weight.shape[0],)
        require_tensor(self.subject("bias"), self.bias, torch.int64, channels,
                       INT32_MIN, INT32_MAX)
        require_tensor(self.subject("mantissa"), self.mantissa, torch.int64, channels,
                       0, LARGEST_MANTISSA)
        require_tensor(self.subject("shift"), self.shift, torch.int64, channels, 0, LARGEST_SHIFT)
        self.require_limits(self.minimum, self.maximum)
        if self.codebook is not None:
            self._check_codebook(self.codebook, low, high)

    @property
    def _weight_shape(self) -> tuple[int, ...]:
        raise NotImplementedError

    @property
    def channels(self) -> int:
        """Output channels."""
        return self.weight.shape[0]

    @property
    def scale(self) -> Scale:
        """Mantissas and shifts."""
        return Scale(mantissa=self.mantissa, shift=self.shift)

    def check(self, inputs: tuple[TensorType, ...], numbers: Numbers) -> None:
        super().check(inputs, numbers)
        for name, values, high in (("mantissa", self.mantissa, numbers.maximum_mantissa),
                                   ("shift", self.shift, numbers.maximum_shift)):
            require_tensor(self.subject(name), values, torch.int64, (self.channels,), 0, high)

    def _check_codebook(self, codebook: torch.Tensor, low: int, high: int) -> None:
        subject = self.subject("codebook")
        require_tensor(subject, codebook, torch.int8, (-1,), low, high)
        if not CODEBOOK_SIZES[0] <= len(codebook) <= CODEBOOK_SIZES[1]:
            raise NetworkError(f"{subject} must have {CODEBOOK_SIZES[0]} to {CODEBOOK_SIZES[1]} "
                               f"entries, not {len(codebook)}")
        if not bool((codebook[1:] > codebook[:-1]).all()):
            raise NetworkError(f"{subject} must be ascending, each value once, "
                               f"not {shown(codebook.tolist())}")
        missing = self.weight[~torch.isin(self.weight, codebook)]
        if len(missing):
            raise NetworkError(f"{subject} must have every weight, not all but {int(missing[0])}")


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Conv(Weighted):
    """Two-dimensional convolution (cross-correlation, as in PyTorch).

    Parameters
    ----------
    weight : torch.Tensor, int8, shape (output channels, input channels / groups, kernel height,
        kernel width)
    stride, dilation : (int, int)
        Vertical, horizontal.
    padding : (int, int, int, int)
        Top, left, bottom, right; filled with the input's zero point.
    groups : int
        Divides input and output channels; depthwise where it equals the input channels.

    The others are those of ``Layer`` and ``Weighted``.
    """

    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require_window(self.kernel, self.stride, self.padding)
        require_ints(self.subject("dilation"), self.dilation, 2, 1, LARGEST_KERNEL)
        require_int(self.subject("groups"), self.groups, 1, LARGEST_SIZE)
        if self.channels % self.groups:
            raise NetworkError(f"{self.subject('groups')} must divide the {self.channels} output "
                               f"channels, not {self.groups}")

    @property
    def _weight_shape(self) -> tuple[int, ...]:
        return (-1, -1, -1, -1)

    @property
    def kernel(self) -> tuple[int, int]:
        """Height and width of the kernel."""
        return self.weight.shape[2], self.weight.shape[3]

    @property
    def input_channels(self) -> int:
        """Channels of the input, all groups together."""
        return self.weight.shape[1] * self.groups

    @property
    def depthwise(self) -> bool:
        """Whether every group has one input channel, and there are several."""
        return self.groups > 1 and self.weight.shape[1] == 1

    def output_shape(self, inputs: tuple[TensorType, ...]) -> Shape:
        channels = inputs[0].shape[0]
        if channels != self.input_channels:
            raise NetworkError(f"{self.subject('weight')} must be for the input's {channels} "
                               f"channels, not for {self.input_channels}")
        return (self.channels, *window_shape(self, inputs[0].shape, self.kernel, self.stride,
                                             self.padding, self.dilation))


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Linear(Weighted):
    """Fully connected layer over the input flattened in the order channel, row, column.

    Parameters
    ----------
    weight : torch.Tensor, int8, shape (output features, input features)

    The others are those of ``Layer`` and ``Weighted``; the output is ``(features, 1, 1)``.
    """

    @property
    def _weight_shape(self) -> tuple[int, ...]:
        return (-1, -1)

    def output_shape(self, inputs: tuple[TensorType, ...]) -> Shape:
        if inputs[0].size != self.weight.shape[1]:
            raise NetworkError(f"{self.subject('weight')} must be for the input's "
                               f"{inputs[0].size} features, not for {self.weight.shape[1]}")
        return self.channels, 1, 1
