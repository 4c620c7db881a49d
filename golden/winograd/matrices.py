"""The matrices of Winograd convolution, from interpolation points, as integers.

F(m, r) gives m outputs of a filter with r taps from n = m + r - 1 products:
``scale · y = A · ((G · g) * (B · d))``, with ``y[j] = Σ g[k] · d[j + k]``. It is the transposition
of Toom's and Cook's multiplication of polynomials: evaluate both at n points, multiply,
interpolate (S. Winograd, "Arithmetic Complexity of Computations", 1980; A. Lavin and S. Gray, "Fast
Algorithms for Convolutional Neural Networks", 2016).
"""

import dataclasses
import functools
import math
from collections.abc import Sequence
from fractions import Fraction

__all__ = ["POINTS", "Matrices", "cook_toom", "matrices"]

POINTS = {2: (0, 1, -1), 4: (0, 1, -1, 2, -2)}
"""The finite points by tile; infinity is always the last one."""

Matrix = tuple[tuple[int, ...], ...]


@dataclasses.dataclass(frozen=True)
class Matrices:
    """Integer matrices of F(m, r).

    Parameters
    ----------
    input : Matrix, n × n
        B, for activations.
    weight : Matrix, n × r
        G, for weights.
    output : Matrix, m × n
        A, for products.
    scale : int
        What each dimension multiplies the result by.
    """
    input: Matrix
    weight: Matrix
    output: Matrix
    scale: int


def cook_toom(points: Sequence[int | Fraction], taps: int = 3) -> Matrices:
    """The matrices for finite points and infinity.

    A row of B holds the coefficients of the product of ``x - p`` over all other points; the factor
    that interpolation divides by goes, as an integer, to G and A. G gets the odd part, so
    that A only shifts, and as many factors of two as its widest row bears without being
    exceeded, so that A shifts little.

    Parameters
    ----------
    points
        Different numbers, at least ``taps``.

    Raises
    ------
    ValueError
        If there are too few points, or two are equal.
    """
    exact = [Fraction(point) for point in points]
    if len(set(exact)) != len(exact) or len(exact) < taps:
        raise ValueError(f"points must be at least {taps} different numbers, "
                         f"not {', '.join(map(str, points))}")
    tile = len(exact) + 2 - taps
    inputs, weights, outputs, factors = [], [], [], []
    for point in exact:
        others = [other for other in exact if other != point]
        row, row_scale = _integers([*_product(others), Fraction(0)])
        weight, weight_scale = _integers([point ** power for power in range(taps)])
        output, output_scale = _integers([point ** power for power in range(tile)])
        inputs.append(row)
        weights.append(weight)
        outputs.append(output)
        factors.append(1 / (math.prod((point - other for other in others), start=Fraction(1))
                            * row_scale * weight_scale * output_scale))
    row, row_scale = _integers(_product(exact))
    inputs.append(row)
    weights.append([0] * (taps - 1) + [1])
    outputs.append([0] * (tile - 1) + [1])
    factors.append(Fraction(1, row_scale))
    scale = math.lcm(*(factor.denominator for factor in factors))
    whole = [int(scale * factor) for factor in factors]
    share = _weight_factors(weights, whole)
    return Matrices(
        input=tuple(map(tuple, inputs)),
        weight=tuple(tuple(factor * value for value in row)
                     for factor, row in zip(share, weights, strict=True)),
        output=tuple(tuple(column[index] * factor // part for column, factor, part
                           in zip(outputs, whole, share, strict=True)) for index in range(tile)),
        scale=scale)


def _product(points: Sequence[Fraction]) -> list[Fraction]:
    """Coefficients of the product of all ``x - p``, the constant first."""
    coefficients = [Fraction(1)]
    for point in points:
        coefficients = [high - point * low for high, low in zip(
            [Fraction(0), *coefficients], [*coefficients, Fraction(0)], strict=True)]
    return coefficients


def _integers(row: Sequence[Fraction]) -> tuple[list[int], int]:
    """A row times the smallest number that makes it integer, and that number."""
    scale = math.lcm(*(value.denominator for value in row))
    return [int(value * scale) for value in row], scale


def _weight_factors(weights: Sequence[Sequence[int]], factors: Sequence[int]) -> list[int]:
    """What G's rows are multiplied by: a positive divisor of each factor."""
    odd = [abs(factor) // (factor & -factor) for factor in factors]
    sums = [part * sum(map(abs, row)) for part, row in zip(odd, weights, strict=True)]
    return [part * max(1 << shift for shift in range(factor.bit_length())
                       if factor % (part << shift) == 0
                       and (shift == 0 or total << shift <= max(sums)))
            for part, factor, total in zip(odd, factors, sums, strict=True)]


@functools.cache
def matrices(tile: int) -> Matrices:
    """The matrices of F(2,3) or F(4,3), by tile."""
    return cook_toom(POINTS[tile])
