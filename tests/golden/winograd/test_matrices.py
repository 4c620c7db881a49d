"""Matrices made from points: the known ones, the identity that makes them a convolution."""

import itertools
from fractions import Fraction

import pytest

from sparrow.golden.winograd import POINTS, cook_toom, matrices


def unit(size, index):
    return [int(position == index) for position in range(size)]


def times(matrix, vector):
    return [sum(a * b for a, b in zip(row, vector, strict=True)) for row in matrix]


@pytest.mark.parametrize("points, taps", [
    (POINTS[2], 3), (POINTS[4], 3), ((0, 1, -1, Fraction(1, 2)), 3), ((3, -2, 5, 7), 4),
    ((0, 1, -1, 2, Fraction(-1, 2), Fraction(-5, 3)), 2)], ids=str)
def test_convolution_of_units(points, taps):
    """Bilinear, so that pairs of units prove all of it."""
    found = cook_toom(points, taps)
    side, tile = len(points) + 1, len(points) + 2 - taps
    for tap, place in itertools.product(range(taps), range(side)):
        products = [g * d for g, d in zip(times(found.weight, unit(taps, tap)),
                                          times(found.input, unit(side, place)), strict=True)]
        expected = [found.scale * (index + tap == place) for index in range(tile)]
        assert times(found.output, products) == expected


def test_known_matrices():
    """Those of Lavin and Gray, but for signs and factors of G's and A's."""
    found = matrices(4)
    assert found.input == ((4, 0, -5, 0, 1, 0), (0, -4, -4, 1, 1, 0), (0, 4, -4, -1, 1, 0),
                           (0, -2, -1, 2, 1, 0), (0, 2, -1, -2, 1, 0), (0, 4, 0, -5, 0, 1))
    assert found.weight == ((6, 0, 0), (2, 2, 2), (2, -2, 2), (1, 2, 4), (1, -2, 4), (0, 0, 6))
    assert found.scale == 24
    assert matrices(2).output == ((-1, 1, 1, 0), (0, 1, -1, 1))
    assert matrices(2).weight == ((2, 0, 0), (1, 1, 1), (1, -1, 1), (0, 0, 2))


@pytest.mark.parametrize("tile", POINTS)
def test_output_shifts_only(tile):
    for value in itertools.chain(*matrices(tile).output):
        assert value == 0 or abs(value) & (abs(value) - 1) == 0


@pytest.mark.parametrize("points, text", [
    ((0, 1), "points must be at least 3 different numbers, not 0, 1"),
    ((0, 1, 1), "points must be at least 3 different numbers, not 0, 1, 1")])
def test_refused(points, text):
    with pytest.raises(ValueError) as error:
        cook_toom(points)
    assert str(error.value) == text
