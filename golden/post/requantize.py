"""Requantization in exact integers: the twin of ``sparrow.hw.post.Requantize``."""

import torch

from sparrow.hw.spec.base import require_integer
from sparrow.hw.spec.requantize import RequantizeSpec, Rounding

__all__ = ["requantize", "rounding_divide_by_pot", "saturating_rounding_doubling_high_mul"]

INT32_MIN, INT32_MAX = -(2**31), 2**31 - 1


def requantize(spec: RequantizeSpec, acc: torch.Tensor, mantissa: torch.Tensor,
               shift: torch.Tensor, zero_point: int, minimum: int, maximum: int,
               bias: torch.Tensor | None = None) -> torch.Tensor:
    """Scale, round, offset and clamp sums.

    ``clamp(round(acc * mantissa * 2^-shift) + zero_point, minimum, maximum)``, with the rounding
    of the specification; with ``TFLITE`` the rounded value is ``rounding_divide_by_pot(
    saturating_rounding_doubling_high_mul(acc, mantissa), shift)``. With a bias ``acc + bias`` takes
    the place of ``acc``.

    Parameters
    ----------
    spec : RequantizeSpec
        Columns, widths and rounding.
    acc : torch.Tensor, int64, shape ``(..., columns)``
        Sums, each in ``accumulator_width`` signed bits.
    mantissa, shift : torch.Tensor, int64, shape ``(columns,)``
        The scale of each column, each in its width of unsigned bits.
    zero_point, minimum, maximum : int, in ``output_width`` signed bits
        Offset and limits of the whole tensor; ``minimum`` is at most ``maximum``.
    bias : torch.Tensor, int64, shape ``(columns,)``
        What is added to the sums of each column, where ``spec.bias`` is set; in
        ``accumulator_width`` signed bits, as are the sums with it.

    Returns
    -------
    torch.Tensor, int64, shape of ``acc``
        The requantized values, each in ``output_width`` signed bits.

    Raises
    ------
    TypeError
        If ``spec`` is no ``RequantizeSpec``, a tensor isn't one of int64, or a number isn't an
        integer.
    ValueError
        If a shape is wrong, a value is out of range, a sum with its bias is, ``minimum`` is above
        ``maximum``, or there is a bias without ``spec.bias``.

    Notes
    -----
    No intermediate overflows 64 bits: a product is at most ``2^31 * (2^31 - 1)`` in magnitude,
    and what is computed of it at most ``2^63 - 2^32``; see the functions called.
    """
    if not isinstance(spec, RequantizeSpec):
        raise TypeError(f"spec must be a RequantizeSpec, not {spec!r}")
    limit = 2**(spec.accumulator_width - 1)
    _require_values("acc", acc, -limit, limit - 1)
    if acc.dim() == 0 or acc.shape[-1] != spec.columns:
        raise ValueError(f"acc must be of shape (..., {spec.columns}), not {tuple(acc.shape)!r}")
    if bias is not None and not spec.bias:
        raise ValueError("bias must be None for a specification without it")
    for name, values, lowest, highest in (
            ("mantissa", mantissa, 0, spec.maximum_mantissa),
            ("shift", shift, 0, spec.maximum_shift),
            *([("bias", bias, -limit, limit - 1)] if spec.bias else [])):
        _require_values(name, values, lowest, highest)
        if tuple(values.shape) != (spec.columns,):
            raise ValueError(f"{name} must be of shape ({spec.columns},), "
                             f"not {tuple(values.shape)!r}")
    for name, value in (("zero_point", zero_point), ("minimum", minimum), ("maximum", maximum)):
        require_integer(name, value, spec.output_minimum, spec.output_maximum)
    if minimum > maximum:
        raise ValueError(f"minimum must be at most maximum ({maximum}), not {minimum!r}")
    if spec.bias:
        acc = acc + bias
        _require_values("acc + bias", acc, -limit, limit - 1)

    match spec.rounding:
        case Rounding.HALF_UP:
            rounded = _half_up(acc * mantissa, shift)
        case Rounding.HALF_EVEN:
            rounded = _half_even(acc * mantissa, shift)
        case Rounding.TFLITE:
            rounded = rounding_divide_by_pot(
                saturating_rounding_doubling_high_mul(acc, mantissa), shift)
    return (rounded + zero_point).clamp(minimum, maximum)


def saturating_rounding_doubling_high_mul(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """The high half of ``2 * a * b``, rounded to the nearest, ties toward plus infinity.

    gemmlowp's ``SaturatingRoundingDoublingHighMul`` on 32 bits (``fixedpoint/fixedpoint.h``).
    Its division truncates after a nudge by the sign of the product, which amounts to
    ``floor((a * b + 2^30) / 2^31)`` for products of either sign.

    Parameters
    ----------
    a, b : torch.Tensor, int64, shapes that broadcast
        Values in 32 signed bits.

    Returns
    -------
    torch.Tensor, int64
        Values in 32 signed bits; -2^31 times itself saturates to 2^31 - 1.

    Raises
    ------
    TypeError
        If a tensor isn't one of int64.
    ValueError
        If a value is out of range.

    Notes
    -----
    Nothing exceeds ``2^62 + 2^30``, which 64 bits hold.
    """
    _require_values("a", a, INT32_MIN, INT32_MAX)
    _require_values("b", b, INT32_MIN, INT32_MAX)
    return ((a * b + 2**30) >> 31).clamp(max=INT32_MAX)


def rounding_divide_by_pot(x: torch.Tensor, exponent: torch.Tensor | int) -> torch.Tensor:
    """Divide by ``2^exponent``, rounded to the nearest, ties away from zero.

    gemmlowp's ``RoundingDivideByPOT`` on 32 bits (``fixedpoint/fixedpoint.h``).

    Parameters
    ----------
    x : torch.Tensor, int64
        Values in 32 signed bits.
    exponent : torch.Tensor, int64, of a shape that broadcasts, or int; 0 to 31
        Power of two to divide by.

    Returns
    -------
    torch.Tensor, int64
        Values in 32 signed bits.

    Raises
    ------
    TypeError
        If a tensor isn't one of int64, or ``exponent`` is neither such a tensor nor an integer.
    ValueError
        If a value is out of range.
    """
    _require_values("x", x, INT32_MIN, INT32_MAX)
    if isinstance(exponent, torch.Tensor):
        _require_values("exponent", exponent, 0, 31)
    else:
        require_integer("exponent", exponent, 0, 31)
        exponent = torch.tensor(exponent)
    mask = (torch.ones_like(exponent) << exponent) - 1
    threshold = (mask >> 1) + (x < 0)
    return (x >> exponent) + ((x & mask) > threshold)


def _half_up(product: torch.Tensor, shift: torch.Tensor) -> torch.Tensor:
    """``floor(product / 2^shift + 1/2)``; twice the product is at most 2^63 - 2^32."""
    return (((product << 1) >> shift) + 1) >> 1


def _half_even(product: torch.Tensor, shift: torch.Tensor) -> torch.Tensor:
    """``product / 2^shift`` to the nearest, ties to the even one.

    The remainder of the floor is less than ``2^shift``, so at most 2^63 - 1. Without a shift there
    is none, and the half that it is compared with doesn't matter as long as it isn't 0.
    """
    floor = product >> shift
    remainder = product - (floor << shift)
    half = torch.ones_like(shift) << (shift - 1).clamp(min=0)
    return floor + ((remainder > half) | ((remainder == half) & (floor % 2 == 1)))


def _require_values(name: str, values: object, low: int, high: int) -> None:
    if not isinstance(values, torch.Tensor):
        raise TypeError(f"{name} must be a tensor of int64, not {values!r}")
    if values.dtype != torch.int64:
        raise TypeError(f"{name} must be a tensor of int64, not {values.dtype!r}")
    wrong = values[(values < low) | (values > high)]
    if len(wrong):
        raise ValueError(f"{name} must hold integers from {low} to {high}, "
                         f"not {int(wrong[0])!r}")
