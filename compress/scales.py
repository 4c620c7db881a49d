"""Real factors and weights as integers."""

import math

import torch

from sparrow.golden.network import Numbers, Rounding, Scale

from .calibrate import SHRINKS, Method

__all__ = ["QuantizeError", "multiplier", "multipliers", "weight_scales"]

TERNARY_SHRINKS = torch.linspace(1.0, 0.05, 96, dtype=torch.float64)


class QuantizeError(ValueError):
    """A network can't be quantized as asked.

    The text is one line: the layer, the subject, what it must be, and what it is.
    """


def multiplier(numbers: Numbers, factor: float, subject: str) -> tuple[int, int]:
    """Mantissa and shift of a positive factor, the mantissa with its highest bit set.

    ``factor = mantissa * 2^-shift`` to a relative error of ``2^-mantissa_width``; with ``TFLITE``
    ``mantissa * 2^-(31 + shift)``, where 1 becomes the largest factor. A factor that would need a
    larger shift than there is has fewer bits in its mantissa.

    Raises
    ------
    QuantizeError
        If the factor is too large or too small; the text begins with ``subject``.
    """
    offset = 31 if numbers.rounding is Rounding.TFLITE else 0
    if offset and factor == 1.0:
        return numbers.maximum_mantissa, 0
    fraction, exponent = math.frexp(factor)
    width = numbers.mantissa_width
    mantissa = round(math.ldexp(fraction, width))
    shift = width - exponent - offset
    if mantissa > numbers.maximum_mantissa:
        mantissa, shift = mantissa >> 1, shift - 1
    if shift > numbers.maximum_shift:
        mantissa = round(math.ldexp(factor, numbers.maximum_shift + offset))
        shift = numbers.maximum_shift
    if shift < 0 or not mantissa:
        low = math.ldexp(1.0, -(numbers.maximum_shift + offset))
        high = math.ldexp(1.0, width - offset)
        raise QuantizeError(f"{subject} must be from {low:.3g} to below {high:.3g}, "
                            f"not {factor:.6g}")
    return mantissa, shift


def multipliers(numbers: Numbers, factors: torch.Tensor, subject: str) -> Scale:
    """Mantissas and shifts of factors, float64, shape (channels,)."""
    pairs = [multiplier(numbers, factor, subject) for factor in factors.tolist()]
    return Scale(mantissa=torch.tensor([mantissa for mantissa, _ in pairs]),
                 shift=torch.tensor([shift for _, shift in pairs]))


def weight_scales(weight: torch.Tensor, bits: int, method: Method,
                  mask: torch.Tensor | None = None) -> torch.Tensor:
    """The real step of each output channel's weights, symmetric around 0.

    Parameters
    ----------
    weight : torch.Tensor, float64, shape (channels, weights)
    bits : int
        Width of an integer weight, which is at most ``2^(bits - 1) - 1`` in magnitude. With 1
        bit it is −1 or 1.
    method : Method
        ``MINMAX``: the largest weight is the largest integer. ``MSE``: of steps from that down to
        a fifth (with 2 bits a twentieth), the one with the smallest mean squared error. With 1
        bit both give the mean magnitude, whose error is the smallest (Rastegari et al., XNOR-Net,
        2016, section 3.1).
    mask : torch.Tensor, bool, shape of ``weight``
        The weights that are kept; the others count with 1 bit only, where they'd not be 0.

    Returns
    -------
    torch.Tensor, float64, shape (channels,)
        0 for a channel with no weights but 0.
    """
    if bits == 1:
        kept = torch.ones_like(weight) if mask is None else mask.to(weight.dtype)
        return (weight.abs() * kept).sum(1) / kept.sum(1).clamp(min=1)
    largest = 2**(bits - 1) - 1
    full = weight.abs().amax(1) / largest
    if method is Method.MINMAX:
        return full
    best, least = full, torch.full_like(full, torch.inf)
    for shrink in (TERNARY_SHRINKS if bits == 2 else SHRINKS).tolist():
        scale = (full * shrink)[:, None]
        elements = (weight / scale).nan_to_num_(0.0).round_().clamp_(-largest, largest)
        error = elements.mul_(scale).sub_(weight).square_().mean(1)
        best = torch.where(error < least, full * shrink, best)
        least = torch.minimum(error, least)
    return best
