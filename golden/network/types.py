"""Tensors between layers, and the numbers that a whole network shares."""

import dataclasses
import math

import numpy as np
import torch

from sparrow.hw.spec.base import Spec, require_integer
from sparrow.hw.spec.requantize import RequantizeSpec, Rounding

from .checks import NetworkError, require_int, require_ints, require_tensor, shown

__all__ = ["Numbers", "Record", "Scale", "TensorType", "powers_of_two"]

LARGEST_SIZE = 2**16
LARGEST_MANTISSA, LARGEST_SHIFT = 2**31 - 1, 63


class Record:
    """Base of the dataclasses here, which are equal when all of their fields are.

    Tensors are equal when type, shape and every value are. Fields that are tensors are kept as
    contiguous copies, so that a change to what was given doesn't reach the record.
    """

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return NotImplemented
        return all(_equal(getattr(self, field.name), getattr(other, field.name))
                   for field in dataclasses.fields(self))  # type: ignore[arg-type]

    def __hash__(self) -> int:
        return hash((type(self), getattr(self, "name", None)))

    def _keep_copies(self) -> None:
        for field in dataclasses.fields(self):  # type: ignore[arg-type]
            value = getattr(self, field.name)
            if isinstance(value, torch.Tensor):
                copy = value.detach().clone(memory_format=torch.contiguous_format)
                object.__setattr__(self, field.name, copy)


def _equal(a: object, b: object) -> bool:
    if isinstance(a, torch.Tensor) and isinstance(b, torch.Tensor):
        return a.dtype == b.dtype and torch.equal(a, b)
    return type(a) is type(b) and a == b


@dataclasses.dataclass(frozen=True, kw_only=True)
class TensorType:
    """Shape and number format of a feature map of one image.

    An element ``q`` stands for the real number ``scale * (q - zero_point)``.

    Parameters
    ----------
    shape : (int, int, int), each 1 to 65536
        Channels, height, width. A vector of features is ``(features, 1, 1)``.
    scale : float, positive and finite
        Real step of one integer step.
    zero_point : int, in ``bits`` signed bits
        The integer that stands for 0.
    bits : 8 or 4
        Width of a signed element.

    Raises
    ------
    TypeError
        If a value is of the wrong type.
    NetworkError
        If a value is out of range.
    """

    shape: tuple[int, int, int]
    scale: float
    zero_point: int
    bits: int = 8

    def __post_init__(self) -> None:
        require_ints("shape", self.shape, 3, 1, LARGEST_SIZE)
        if not isinstance(self.scale, float):
            raise TypeError(f"scale must be a float, not {shown(self.scale)}")
        if not (self.scale > 0 and math.isfinite(self.scale)):
            raise NetworkError(f"scale must be positive and finite, not {self.scale!r}")
        if self.bits not in (8, 4) or isinstance(self.bits, bool):
            raise NetworkError(f"bits must be 8 or 4, not {shown(self.bits)}")
        require_int("zero_point", self.zero_point, self.minimum, self.maximum)

    @property
    def minimum(self) -> int:
        """The smallest element, ``-2^(bits - 1)``."""
        return -(2**(self.bits - 1))

    @property
    def maximum(self) -> int:
        """The largest element, ``2^(bits - 1) - 1``."""
        return 2**(self.bits - 1) - 1

    @property
    def size(self) -> int:
        """Elements of one image."""
        return math.prod(self.shape)

    def to_elements(self, values: torch.Tensor) -> torch.Tensor:
        """The nearest elements, int8, of real numbers of any shape; ties go to the even one."""
        scaled = (values.to(torch.float64) / self.scale).round_().add_(self.zero_point)
        return scaled.clamp_(self.minimum, self.maximum).to(torch.int8)

    def to_values(self, elements: torch.Tensor) -> torch.Tensor:
        """The real numbers, float64, that elements of any shape stand for."""
        return (elements.to(torch.float64) - self.zero_point) * self.scale

    def same_numbers(self, other: "TensorType") -> bool:
        """Whether equal elements stand for equal numbers in both."""
        return ((self.scale, self.zero_point, self.bits)
                == (other.scale, other.zero_point, other.bits))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Numbers(Spec):
    """Widths and rounding that hold for all layers of a network.

    Parameters
    ----------
    mantissa_width : int, 4 to 31
        Bits of an unsigned mantissa; 31 with ``TFLITE``.
    shift_width : int, 1 to 6
        Bits of a shift; at most 5 with ``TFLITE``.
    rounding : Rounding
        How a scaled sum becomes an integer.
    accumulator_width : int, 8 to 32
        Bits of a signed sum of a convolution or linear layer, its bias included.

    Raises
    ------
    TypeError, SpecError
        As ``RequantizeSpec`` does.
    """

    mantissa_width: int = 16
    shift_width: int = 6
    rounding: Rounding = Rounding.HALF_UP
    accumulator_width: int = 32

    def __post_init__(self) -> None:
        super().__post_init__()
        self.requantize_spec(1)

    def requantize_spec(self, columns: int, *, lanes: int | None = None,
                        output_width: int = 8) -> RequantizeSpec:
        """The requantizer of these numbers for vectors of ``columns`` sums.

        ``lanes`` is ``columns`` unless given.
        """
        require_integer("columns", columns, 1, 64)
        return RequantizeSpec(
            columns=columns, lanes=columns if lanes is None else lanes,
            accumulator_width=self.accumulator_width, mantissa_width=self.mantissa_width,
            shift_width=self.shift_width, output_width=output_width, rounding=self.rounding)

    @property
    def maximum_mantissa(self) -> int:
        """The largest mantissa."""
        return 2**self.mantissa_width - 1

    @property
    def maximum_shift(self) -> int:
        """The largest shift."""
        return 2**self.shift_width - 1


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Scale(Record):
    """Factors of ``mantissa * 2^-shift``, or of ``mantissa * 2^-(31 + shift)`` with ``TFLITE``.

    Parameters
    ----------
    mantissa : torch.Tensor, int64, shape ``(channels,)`` or ``(1,)``, 0 to 2^31 - 1
    shift : torch.Tensor, int64, shape of ``mantissa``, 0 to 63

    Raises
    ------
    TypeError
        If one isn't a tensor of int64.
    NetworkError
        If a shape or value is wrong.
    """

    mantissa: torch.Tensor
    shift: torch.Tensor

    def __post_init__(self) -> None:
        require_tensor("mantissa", self.mantissa, torch.int64, (-1,), 0, LARGEST_MANTISSA)
        require_tensor("shift", self.shift, torch.int64, tuple(self.mantissa.shape), 0,
                       LARGEST_SHIFT)
        self._keep_copies()

    def factors(self, rounding: Rounding) -> torch.Tensor:
        """The real factors, exact in float64."""
        offset = 31 if rounding is Rounding.TFLITE else 0
        return self.mantissa.to(torch.float64) * powers_of_two(-(self.shift + offset))


def powers_of_two(exponents: torch.Tensor) -> torch.Tensor:
    """``2^exponents``, exact in float64; ``torch.ldexp`` isn't."""
    return torch.from_numpy(np.asarray(np.ldexp(1.0, exponents.numpy())))
