"""Layers without weights: sums, concatenations, pooling and tables."""

import dataclasses

import torch

from .arithmetic import rescaled_limits
from .checks import NetworkError, require_int, require_ints, require_tensor
from .layer import Layer, Shape, window_shape
from .types import LARGEST_MANTISSA, LARGEST_SHIFT, Numbers, TensorType

__all__ = ["ADD_SHIFT", "Add", "AveragePool", "Concat", "MaxPool", "Pool", "Table"]

ADD_SHIFT = 20
ADD_WIDTH = 32


def _require_scales(layer: Layer, mantissas: tuple[int, ...], shifts: tuple[int, ...], count: int,
                    high_mantissa: int, high_shift: int) -> None:
    require_ints(layer.subject("mantissas"), mantissas, count, 0, high_mantissa)
    require_ints(layer.subject("shifts"), shifts, count, 0, high_shift)


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Add(Layer):
    """Sum of two tensors of one shape, each with its own scale.

    TensorFlow Lite's definition, with the network's rounding::

        t_i = round(((x_i - z_i) << 20) * mantissas[i] * 2^-shifts[i])      i = 0, 1
        y   = clamp(round((t_0 + t_1) * mantissas[2] * 2^-shifts[2]) + z, minimum, maximum)

    Each ``t_i`` and their sum are in 32 signed bits whatever the inputs: construction of the
    network refuses scales with which they aren't.

    Parameters
    ----------
    mantissas, shifts : (int, int, int)
        Scales of both inputs and of the sum, in the widths of the network's ``Numbers``.
    minimum, maximum : int
        Limits of the output, in its range.

    The others are those of ``Layer``.
    """

    mantissas: tuple[int, int, int]
    shifts: tuple[int, int, int]
    minimum: int
    maximum: int

    def __post_init__(self) -> None:
        super().__post_init__()
        _require_scales(self, self.mantissas, self.shifts, 3, LARGEST_MANTISSA, LARGEST_SHIFT)
        self.require_limits(self.minimum, self.maximum)

    @property
    def input_count(self) -> tuple[int, int]:
        return 2, 2

    def output_shape(self, inputs: tuple[TensorType, ...]) -> Shape:
        if inputs[0].shape != inputs[1].shape:
            raise NetworkError(f"{self.subject('inputs')} must be of one shape, "
                               f"not {inputs[0].shape} and {inputs[1].shape}")
        return inputs[0].shape

    def check(self, inputs: tuple[TensorType, ...], numbers: Numbers) -> None:
        super().check(inputs, numbers)
        _require_scales(self, self.mantissas, self.shifts, 3, numbers.maximum_mantissa,
                        numbers.maximum_shift)
        for limit in range(2):
            ends = [rescaled_limits(numbers, (kind.minimum - kind.zero_point) << ADD_SHIFT,
                                    (kind.maximum - kind.zero_point) << ADD_SHIFT,
                                    self.mantissas[i], self.shifts[i])[limit]
                    for i, kind in enumerate(inputs)]
            for value in (*ends, sum(ends)):
                if not -(2**(ADD_WIDTH - 1)) <= value < 2**(ADD_WIDTH - 1):
                    raise NetworkError(f"{self.subject('scales of the inputs')} must keep scaled "
                                       f"inputs and their sum in {ADD_WIDTH} bits, "
                                       f"not reach {value}")


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Concat(Layer):
    """Channels of several tensors after one another, each requantized to the output's numbers.

    ``y = clamp(round((x_i - z_i) * mantissas[i] * 2^-shifts[i]) + z)`` with the limits of the
    output's type and the network's rounding. An input that has the output's scale, zero point
    and bits is copied; its mantissa is 1 and its shift 0.

    Parameters
    ----------
    mantissas, shifts : tuple of int, one for each input
        In the widths of the network's ``Numbers``.

    The others are those of ``Layer``; there are 2 inputs or more.
    """

    mantissas: tuple[int, ...]
    shifts: tuple[int, ...]

    def __post_init__(self) -> None:
        super().__post_init__()
        _require_scales(self, self.mantissas, self.shifts, len(self.inputs), LARGEST_MANTISSA,
                        LARGEST_SHIFT)

    @property
    def input_count(self) -> tuple[int, int]:
        return 2, 2**16

    def output_shape(self, inputs: tuple[TensorType, ...]) -> Shape:
        first = inputs[0].shape
        for kind in inputs[1:]:
            if kind.shape[1:] != first[1:]:
                raise NetworkError(f"{self.subject('inputs')} must be of one height and width, "
                                   f"not {first[1:]} and {kind.shape[1:]}")
        return sum(kind.shape[0] for kind in inputs), first[1], first[2]

    def check(self, inputs: tuple[TensorType, ...], numbers: Numbers) -> None:
        super().check(inputs, numbers)
        _require_scales(self, self.mantissas, self.shifts, len(inputs), numbers.maximum_mantissa,
                        numbers.maximum_shift)
        for name, kind, scale in zip(self.inputs, inputs, zip(self.mantissas, self.shifts)):
            if kind.same_numbers(self.output) and scale != (1, 0):
                raise NetworkError(f"{self.subject(f'mantissa and shift of {name}')} must be 1 and "
                                   f"0, since it has the output's numbers, "
                                   f"not {scale[0]} and {scale[1]}")


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Pool(Layer):
    """Base of the layers that reduce a sliding window of each channel.

    Parameters
    ----------
    kernel, stride : (int, int)
        Vertical, horizontal. Positions at which the window doesn't fit whole are left out.
    padding : (int, int, int, int)
        Top, left, bottom, right, each less than the kernel in its direction.

    The others are those of ``Layer``; the output has the input's scale, zero point and bits.
    """

    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require_window(self.kernel, self.stride, self.padding)
        for i, amount in enumerate(self.padding):
            require_int(self.subject("padding"), amount, 0, self.kernel[i % 2] - 1)

    def output_shape(self, inputs: tuple[TensorType, ...]) -> Shape:
        return (inputs[0].shape[0], *window_shape(self, inputs[0].shape, self.kernel, self.stride,
                                                  self.padding))

    def check(self, inputs: tuple[TensorType, ...], numbers: Numbers) -> None:
        super().check(inputs, numbers)
        self.require_same_numbers(inputs[0])


class MaxPool(Pool):
    """The largest element of each window; padding is the type's minimum."""


class AveragePool(Pool):
    """The average of each window, rounded half away from zero.

    The sum of the elements, zero point included, divided by their number; padding is left out of
    both.
    """


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Table(Layer):
    """A function of each element, looked up: sigmoid, tanh, hard swish, or any other.

    Parameters
    ----------
    entries : torch.Tensor, int8, shape (2^bits of the input,)
        Outputs in order of the input's element, its type's minimum first; in the output's range.

    The others are those of ``Layer``.
    """

    entries: torch.Tensor

    def __post_init__(self) -> None:
        super().__post_init__()
        require_tensor(self.subject("entries"), self.entries, torch.int8, (-1,),
                       self.output.minimum, self.output.maximum)

    def output_shape(self, inputs: tuple[TensorType, ...]) -> Shape:
        return inputs[0].shape

    def check(self, inputs: tuple[TensorType, ...], numbers: Numbers) -> None:
        super().check(inputs, numbers)
        require_tensor(self.subject("entries"), self.entries, torch.int8, (2**inputs[0].bits,),
                       self.output.minimum, self.output.maximum)
