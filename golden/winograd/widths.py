"""How wide the numbers of Winograd convolution are, by analysis of extremes."""

import dataclasses
import itertools
from collections.abc import Iterable, Sequence

from .matrices import Matrices

__all__ = ["Widths", "extremes", "output_width", "signed_width", "widths"]


@dataclasses.dataclass(frozen=True)
class Widths:
    """Bits, with sign, at a multiplier, and bits that sums have more than the result.

    Parameters
    ----------
    activation, weight : int
        Bits of transformed activations and of transformed weights.
    shift : int
        How far the sum is shifted right in the end: its width, modulo which all before may wrap,
        is that of the result and this.
    divisor : int
        Odd number by which it is divided after that, exactly, modulo the result's width.
    """
    activation: int
    weight: int
    shift: int
    divisor: int


def signed_width(lowest: int, highest: int) -> int:
    """Bits of two's complement that hold ``lowest`` to ``highest``."""
    return max((~lowest if lowest < 0 else lowest).bit_length(),
               (~highest if highest < 0 else highest).bit_length()) + 1


def extremes(coefficients: Iterable[int], low: int, high: int) -> tuple[int, int]:
    """The smallest and largest sum of coefficients times numbers in ``low`` to ``high``."""
    coefficients = list(coefficients)
    return (sum(min(value * low, value * high) for value in coefficients),
            sum(max(value * low, value * high) for value in coefficients))


def _transformed_width(matrix: Sequence[Sequence[int]], dimensions: int, low: int,
                       high: int) -> int:
    """Of all elements that transforming numbers in ``low`` to ``high`` can give."""
    rows = list(matrix)
    if dimensions == 2:
        rows = [tuple(a * b for a in left for b in right)
                for left, right in itertools.product(rows, rows)]
    bounds = [extremes(row, low, high) for row in rows]
    return signed_width(min(low for low, _ in bounds), max(high for _, high in bounds))


def widths(found: Matrices, dimensions: int, activations: tuple[int, int],
           weights: tuple[int, int]) -> Widths:
    """The widths for activations and weights of a range.

    Parameters
    ----------
    dimensions : int, 1 or 2
    activations, weights : (int, int)
        Smallest and largest. Activations are the stored codes: the zero point stands in the
        padding and, times the sum of weights, in the bias, as in direct convolution. Were it
        subtracted before the transform, the range would be that of the differences.
    """
    scale = found.scale ** dimensions
    shift = (scale & -scale).bit_length() - 1
    return Widths(activation=_transformed_width(found.input, dimensions, *activations),
                  weight=_transformed_width(found.weight, dimensions, *weights),
                  shift=shift, divisor=scale >> shift)


def output_width(channels: int, taps: int, activations: tuple[int, int],
                 weights: tuple[int, int]) -> int:
    """Bits that hold every sum over ``channels`` and ``taps``, in all, of a convolution."""
    products = [a * w for a in activations for w in weights]
    return signed_width(channels * taps * min(*products, 0), channels * taps * max(*products, 0))
