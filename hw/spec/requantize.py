"""Specification of requantization: from accumulator sums to activations of a few bits."""

import dataclasses
import enum

from .base import Spec, SpecError, require_integer
from .mac import Multiplier

__all__ = ["RequantizeSpec", "Rounding"]


class Rounding(enum.Enum):
    """How a scaled sum becomes an integer.

    Attributes
    ----------
    HALF_UP
        To the nearest, ties toward plus infinity: ``floor(x + 1/2)``. The cheapest.
    HALF_EVEN
        To the nearest, ties to the even integer, as ONNX Runtime does.
    TFLITE
        gemmlowp's two roundings, as TensorFlow Lite's reference kernels do: a saturating rounding
        doubling high multiply by a 31-bit mantissa, then a rounding division by a power of two.
    """

    HALF_UP = "half_up"
    HALF_EVEN = "half_even"
    TFLITE = "tflite"


@dataclasses.dataclass(frozen=True, kw_only=True)
class RequantizeSpec(Spec):
    """What a requantizer computes and how wide it is.

    Every column has its own scale, a mantissa ``M`` and a shift ``s``; the zero point and the
    clamp limits hold for a whole tensor::

        y = clamp(round(sum * M * 2^-s) + zero_point, minimum, maximum)

    With ``bias``, every column also has a bias, and ``sum + bias`` takes the place of ``sum``.

    With ``TFLITE`` the rounded value is gemmlowp's ``RoundingDivideByPOT(
    SaturatingRoundingDoublingHighMul(sum, M), s)``, whose scale is ``M * 2^-31 * 2^-s``. It is
    always below 1: TensorFlow Lite's left shifts, for scales of 1 and more, are not offered.

    Parameters
    ----------
    columns : int, 1 to 64
        Sums in a vector.
    lanes : int, 1 to ``columns``
        Columns that are worked on at once. A vector takes ``steps`` cycles; where ``lanes``
        doesn't divide ``columns``, the last of them is part-filled.
    accumulator_width : int, 8 to 32
        Bits of a signed sum.
    mantissa_width : int, 4 to 31
        Bits of an unsigned mantissa; 31 with ``TFLITE``.
    shift_width : int, 1 to 6
        Bits of a shift, which is any of 0 to ``2^shift_width - 1``; at most 5 with ``TFLITE``,
        where gemmlowp's definition ends at 31. The default of 6 holds a normalized 16-bit mantissa
        down to scales of 2^-48, a 31-bit one to 2^-33, and ends where the widest product has
        been shifted out. With 5 bits and a 16-bit mantissa, scales below 2^-16 have fewer
        significant bits; the error of a scale is then at most 2^-32, that of a result
        ``abs(sum) * 2^-32``.
    output_width : int, 2 to 16
        Bits of a signed output, of the zero point and of both limits.
    rounding : Rounding
        How the scaled sum is rounded.
    bias : bool
        Whether columns have biases, of ``accumulator_width`` signed bits like their sums with the
        bias.
    collect : bool
        Whether the values of a vector are collected and put out together, rather than step by step
        as they come.
    stalls : bool
        Whether whoever takes the values may keep them waiting. If not, ``o.ready`` is taken to be
        always up, and no register needs to hold what it has.
    multiplier : Multiplier
        How products with mantissas are made.

    Raises
    ------
    TypeError
        If a number is no integer.
    SpecError
        If a value is out of range, or doesn't go with the rounding.
    """

    columns: int = 16
    lanes: int = 8
    accumulator_width: int = 32
    mantissa_width: int = 16
    shift_width: int = 6
    output_width: int = 8
    rounding: Rounding = Rounding.HALF_UP
    bias: bool = False
    collect: bool = True
    stalls: bool = True
    multiplier: Multiplier = Multiplier.BOOTH

    def __post_init__(self) -> None:
        super().__post_init__()
        require_integer("columns", self.columns, 1, 64)
        require_integer("lanes", self.lanes, 1, self.columns)
        require_integer("accumulator_width", self.accumulator_width, 8, 32)
        require_integer("mantissa_width", self.mantissa_width, 4, 31)
        require_integer("shift_width", self.shift_width, 1, 6)
        require_integer("output_width", self.output_width, 2, 16)
        if self.rounding is Rounding.TFLITE:
            if self.mantissa_width != 31:
                raise SpecError("mantissa_width must be 31 when rounding is 'tflite', "
                                f"not {self.mantissa_width!r}")
            if self.shift_width > 5:
                raise SpecError("shift_width must be at most 5 when rounding is 'tflite', "
                                f"not {self.shift_width!r}")

    @property
    def steps(self) -> int:
        """Cycles that a vector takes: ``ceil(columns / lanes)``."""
        return -(-self.columns // self.lanes)

    @property
    def maximum_mantissa(self) -> int:
        """The largest mantissa, ``2^mantissa_width - 1``."""
        return 2**self.mantissa_width - 1

    @property
    def maximum_shift(self) -> int:
        """The largest shift, ``2^shift_width - 1``."""
        return 2**self.shift_width - 1

    @property
    def output_minimum(self) -> int:
        """The smallest output, ``-2^(output_width - 1)``."""
        return -(2**(self.output_width - 1))

    @property
    def output_maximum(self) -> int:
        """The largest output, ``2^(output_width - 1) - 1``."""
        return 2**(self.output_width - 1) - 1
