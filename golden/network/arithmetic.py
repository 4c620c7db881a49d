"""Scaling of sums as a network does it, exact and fast.

The definition is ``sparrow.golden.post.requantize``. Where every intermediate is an integer times
a power of two with at most 53 significant bits, float64 computes the same, several times faster.
"""

from fractions import Fraction

import torch

from sparrow.golden.post.requantize import requantize
from sparrow.hw.spec.requantize import RequantizeSpec, Rounding

from .types import Numbers, powers_of_two

__all__ = ["rescale_int", "rescale_inputs", "rescaled_limits", "to_elements"]

FLOAT64_LIMIT = 2**52
"""Of a product ``p``. Shifted by 53 or less, ``p * 2^-shift`` plus a half has at most 53 bits;
shifted by more, it is so near a half that rounding the sum doesn't reach an integer."""


def rescale_int(numbers: Numbers, value: int, mantissa: int, shift: int) -> int:
    """One scaled integer, rounded, in unbounded integers."""
    match numbers.rounding:
        case Rounding.HALF_UP:
            return (((value * mantissa) << 1 >> shift) + 1) >> 1
        case Rounding.HALF_EVEN:
            return round(Fraction(value * mantissa, 1 << shift))
    high = (value * mantissa + 2**30) >> 31
    rounded = (abs(high) + (1 << shift >> 1)) >> shift
    return rounded if high >= 0 else -rounded


def rescaled_limits(numbers: Numbers, low: int, high: int, mantissa: int,
                    shift: int) -> tuple[int, int]:
    """The smallest and largest scaled value of integers in ``low`` to ``high``."""
    return (rescale_int(numbers, low, mantissa, shift),
            rescale_int(numbers, high, mantissa, shift))


def rescale_inputs(numbers: Numbers, values: torch.Tensor, left_shift: int, mantissa: int,
                   shift: int) -> torch.Tensor:
    """``round((values << left_shift) * mantissa * 2^-shift)``, in float64.

    Parameters
    ----------
    values : torch.Tensor, float64
        Integers of at most 2^8 in magnitude: elements less their zero point.
    left_shift : int, 0 to 20

    Returns
    -------
    torch.Tensor, float64
        Integers. Exact for any mantissa and shift: a product has at most 39 significant bits.
    """
    offset = 31 if numbers.rounding is Rounding.TFLITE else 0
    return _rounded(numbers.rounding, values * mantissa,
                    torch.tensor(shift), left_shift - offset)


def to_elements(numbers: Numbers, sums: torch.Tensor, bound: int, mantissa: torch.Tensor,
                shift: torch.Tensor, zero_point: int, minimum: int, maximum: int, *,
                accumulator_width: int | None = None) -> torch.Tensor:
    """Requantize sums whose second dimension is the channel.

    Parameters
    ----------
    sums : torch.Tensor, floating point, shape (images, channels, ...)
        Integers, exact. Memory of a float64 tensor is reused.
    bound : int
        What no sum exceeds in magnitude.
    mantissa, shift : torch.Tensor, int64, shape (channels,) or (1,)
    accumulator_width : int
        Bits of a sum; those of ``numbers`` unless given.

    Returns
    -------
    torch.Tensor, int8, shape of ``sums``
    """
    if bound * int(mantissa.max()) < FLOAT64_LIMIT:
        around = (-1,) + (1,) * (sums.dim() - 2)
        offset = 31 if numbers.rounding is Rounding.TFLITE else 0
        products = sums.to(torch.float64).mul_(mantissa.to(torch.float64).view(around))
        rounded = _rounded(numbers.rounding, products, shift.view(around), -offset)
        return rounded.add_(zero_point).clamp_(minimum, maximum).to(torch.int8)
    width = numbers.accumulator_width if accumulator_width is None else accumulator_width
    channels = sums.shape[1]
    last = sums.to(torch.int64).movedim(1, -1)
    parts = []
    for start in range(0, channels, 64):
        part = last[..., start:start + 64]
        spec = RequantizeSpec(
            columns=part.shape[-1], lanes=1, accumulator_width=width, rounding=numbers.rounding,
            mantissa_width=numbers.mantissa_width, shift_width=numbers.shift_width)
        mantissas, shifts = (values.expand(channels)[start:start + 64]
                             for values in (mantissa, shift))
        parts.append(requantize(spec, part, mantissas, shifts, zero_point, minimum, maximum))
    return torch.cat(parts, dim=-1).movedim(-1, 1).to(torch.int8).contiguous()


def _rounded(rounding: Rounding, products: torch.Tensor, shift: torch.Tensor,
             exponent: int) -> torch.Tensor:
    """``products * 2^(exponent - shift)`` rounded; the memory of ``products`` is reused."""
    factor = powers_of_two(-shift)
    match rounding:
        case Rounding.HALF_UP:
            return products.mul_(factor * 2.0**exponent).add_(0.5).floor_()
        case Rounding.HALF_EVEN:
            return products.mul_(factor * 2.0**exponent).round_()
    high = products.mul_(2.0**exponent).add_(0.5).floor_()
    half = (powers_of_two(shift) / 2).floor_()
    return high.add_(half.copysign(high)).mul_(factor).trunc_()
