"""Requantization against exact rational arithmetic and gemmlowp's own definition."""

import math
import random
from fractions import Fraction

import pytest
import torch

from sparrow.golden.post import (
    requantize,
    rounding_divide_by_pot,
    saturating_rounding_doubling_high_mul,
)
from sparrow.hw.spec.requantize import RequantizeSpec, Rounding

INT32_MIN, INT32_MAX = -(2**31), 2**31 - 1
CORNERS = sorted({sign * value + offset
                  for value in [0, *(2**bit for bit in (1, 2, 7, 8, 15, 16, 23, 29, 30, 31))]
                  for sign in (-1, 1) for offset in (-2, -1, 0, 1, 2)
                  if INT32_MIN <= sign * value + offset <= INT32_MAX})


# gemmlowp, fixedpoint/fixedpoint.h, with C's operators spelled out on unbounded integers.

def c_divide(dividend, divisor):
    """C's division, which drops the fraction."""
    quotient = abs(dividend) // abs(divisor)
    return quotient if (dividend < 0) == (divisor < 0) else -quotient


def gemmlowp_high_mul(a, b):
    overflow = a == b and a == INT32_MIN
    ab = a * b
    nudge = (1 << 30) if ab >= 0 else (1 - (1 << 30))
    return INT32_MAX if overflow else c_divide(ab + nudge, 1 << 31)


def gemmlowp_divide_by_pot(x, exponent):
    mask = (1 << exponent) - 1
    remainder = x % (1 << exponent)
    threshold = c_divide(mask, 2) + (1 if x < 0 else 0)
    quotient = (x - remainder) // (1 << exponent)
    return quotient + 1 if remainder > threshold else quotient


def rational(rounding, acc, mantissa, shift):
    """The definition of a rounding, on exact fractions."""
    exact = Fraction(acc * mantissa, 2**shift)
    if rounding is Rounding.HALF_UP:
        return math.floor(exact + Fraction(1, 2))
    return round(exact)  # a Fraction's ties go to the even integer


def expected(spec, acc, mantissa, shift, zero_point, minimum, maximum):
    if spec.rounding is Rounding.TFLITE:
        rounded = gemmlowp_divide_by_pot(gemmlowp_high_mul(acc, mantissa), shift)
    else:
        rounded = rational(spec.rounding, acc, mantissa, shift)
    return min(max(rounded + zero_point, minimum), maximum)


def one_column(spec, acc, mantissa, shift, zero_point=0, minimum=None, maximum=None):
    """The values of one column for a list of sums."""
    minimum = spec.output_minimum if minimum is None else minimum
    maximum = spec.output_maximum if maximum is None else maximum
    return requantize(spec, torch.tensor(acc).reshape(-1, 1), torch.tensor([mantissa]),
                      torch.tensor([shift]), zero_point, minimum, maximum).flatten().tolist()


def test_high_mul_of_all_corners():
    table = [gemmlowp_high_mul(a, b) for a in CORNERS for b in CORNERS]
    values = torch.tensor(CORNERS)
    assert saturating_rounding_doubling_high_mul(
        values[:, None], values).flatten().tolist() == table


def test_high_mul_of_random_values():
    generator = random.Random(1)
    a, b = ([generator.randint(INT32_MIN, INT32_MAX) for _ in range(20_000)] for _ in range(2))
    assert (saturating_rounding_doubling_high_mul(torch.tensor(a), torch.tensor(b)).tolist()
            == [gemmlowp_high_mul(x, y) for x, y in zip(a, b)])


@pytest.mark.parametrize("a, b, value", [
    (INT32_MIN, INT32_MIN, INT32_MAX),  # the only product that saturates
    (INT32_MIN, INT32_MAX, -INT32_MAX),
    (INT32_MAX, INT32_MAX, INT32_MAX - 1),
    (1, 2**30, 1), (-1, 2**30, 0), (3, 2**30, 2), (-3, 2**30, -1),  # ties go up
    (-1, 2**30 + 1, -1), (-1, 1, 0), (1, 1, 0), (0, INT32_MIN, 0),
])
def test_high_mul_of_known_values(a, b, value):
    assert gemmlowp_high_mul(a, b) == value
    assert saturating_rounding_doubling_high_mul(torch.tensor(a), torch.tensor(b)).item() == value


def test_divide_by_pot_of_all_corners_by_all_exponents():
    table = [gemmlowp_divide_by_pot(x, exponent) for x in CORNERS for exponent in range(32)]
    values = rounding_divide_by_pot(torch.tensor(CORNERS)[:, None], torch.arange(32))
    assert values.flatten().tolist() == table


@pytest.mark.parametrize("x, exponent, value", [
    (1, 1, 1), (-1, 1, -1), (6, 2, 2), (-6, 2, -2), (5, 2, 1), (-5, 2, -1),  # ties go outward
    (INT32_MIN, 0, INT32_MIN), (INT32_MAX, 0, INT32_MAX),
    (INT32_MIN, 31, -1), (INT32_MAX, 31, 1), (-(2**30), 31, -1), (2**30, 31, 1),
    (1 - 2**30, 31, 0), (2**30 - 1, 31, 0),
])
def test_divide_by_pot_of_known_values(x, exponent, value):
    assert gemmlowp_divide_by_pot(x, exponent) == value
    assert rounding_divide_by_pot(torch.tensor(x), exponent).item() == value


def test_tflite_of_corners():
    spec = RequantizeSpec(columns=1, lanes=1, mantissa_width=31, shift_width=5,
                          output_width=16, rounding="tflite")
    mantissas = [value for value in CORNERS if value >= 0]
    for shift in (0, 1, 2, 7, 14, 15, 16, 17, 30, 31):
        for mantissa in mantissas:
            assert one_column(spec, CORNERS, mantissa, shift, 3, -30000, 32000) == [
                expected(spec, acc, mantissa, shift, 3, -30000, 32000) for acc in CORNERS]


@pytest.mark.parametrize("rounding", [Rounding.HALF_UP, Rounding.HALF_EVEN])
@pytest.mark.parametrize("mantissa_width", [4, 16, 31])
def test_against_exact_fractions(rounding, mantissa_width):
    spec = RequantizeSpec(columns=1, lanes=1, mantissa_width=mantissa_width, output_width=16,
                          rounding=rounding)
    highest = spec.maximum_mantissa
    for mantissa in (0, 1, 2, 3, highest // 2, highest // 2 + 1, highest - 1, highest):
        for shift in range(64):
            assert one_column(spec, CORNERS, mantissa, shift, -7, -32000, 31000) == [
                expected(spec, acc, mantissa, shift, -7, -32000, 31000) for acc in CORNERS]


@pytest.mark.parametrize("rounding, values", [
    (Rounding.HALF_UP, [-2, -1, -1, 0, 0, 1, 1, 2, 2, 3]),
    (Rounding.HALF_EVEN, [-2, -2, -1, 0, 0, 0, 1, 2, 2, 2]),
])
def test_ties(rounding, values):
    """Halves from -2 to 2.5, as acc / 2 and as 16 acc * 2 / 2^6."""
    spec = RequantizeSpec(columns=1, lanes=1, rounding=rounding)
    assert one_column(spec, list(range(-4, 6)), 1, 1) == values
    assert one_column(spec, [16 * acc for acc in range(-4, 6)], 2, 6) == values


@pytest.mark.parametrize("rounding", [Rounding.HALF_UP, Rounding.HALF_EVEN])
def test_every_value_of_a_tiny_specification(rounding):
    spec = RequantizeSpec(columns=1, lanes=1, accumulator_width=8, mantissa_width=4,
                          shift_width=4, output_width=4, rounding=rounding)
    sums = list(range(-128, 128))
    for mantissa in range(16):
        for shift in range(16):
            assert one_column(spec, sums, mantissa, shift, 1) == [
                expected(spec, acc, mantissa, shift, 1, -8, 7) for acc in sums]


def test_columns_have_their_own_scales():
    spec = RequantizeSpec(columns=3, lanes=1)
    acc = torch.tensor([[[100, 100, 100]], [[-100, -100, -100]]])
    values = requantize(spec, acc, torch.tensor([1, 3, 2]), torch.tensor([0, 2, 63]), 5, -90, 90)
    assert values.tolist() == [[[90, 80, 5]], [[-90, -70, 5]]]
    assert values.dtype == torch.int64


def test_biases_are_added_before_all_else():
    spec = RequantizeSpec(columns=3, lanes=1, bias=True)
    acc = torch.tensor([[2**31 - 1, -2**31, 10], [0, 0, -10]])
    bias = torch.tensor([-2**31 + 1, 2**31 - 1, -7])
    scales = (torch.tensor([1, 3, 2]), torch.tensor([25, 1, 2]))
    assert requantize(spec, acc, *scales, 1, -90, 90, bias).tolist() == [
        [1, 0, 3], [-63, 90, -7]]


@pytest.mark.parametrize("bias, error, text", [
    (None, TypeError, "bias must be a tensor of int64, not None"),
    (torch.tensor([1, 128]), ValueError, "bias must hold integers from -128 to 127, not 128"),
    (torch.tensor([1]), ValueError, "bias must be of shape (2,), not (1,)"),
    (torch.tensor([127, 0]), ValueError,
     "acc + bias must hold integers from -128 to 127, not 128"),
])
def test_refuses_biases(bias, error, text):
    spec = RequantizeSpec(columns=2, lanes=1, accumulator_width=8, mantissa_width=4,
                          shift_width=3, output_width=4, bias=True)
    arguments = (torch.tensor([1, 2]), torch.tensor([3, 4]), torch.tensor([0, 1]), 0, -8, 7)
    with pytest.raises(error) as caught:
        requantize(spec, *arguments, bias)
    assert str(caught.value) == text
    with pytest.raises(ValueError) as caught:
        requantize(spec.replace(bias=False), *arguments, torch.tensor([0, 0]))
    assert str(caught.value) == "bias must be None for a specification without it"


@pytest.mark.parametrize("changes, error, text", [
    ({"spec": 3}, TypeError, "spec must be a RequantizeSpec, not 3"),
    ({"acc": [1, 2]}, TypeError, "acc must be a tensor of int64, not [1, 2]"),
    ({"acc": torch.tensor([1, 2], dtype=torch.int32)}, TypeError,
     "acc must be a tensor of int64, not torch.int32"),
    ({"acc": torch.tensor([0, 128])}, ValueError,
     "acc must hold integers from -128 to 127, not 128"),
    ({"acc": torch.tensor([0, -129])}, ValueError,
     "acc must hold integers from -128 to 127, not -129"),
    ({"acc": torch.tensor([0, 1, 2])}, ValueError, "acc must be of shape (..., 2), not (3,)"),
    ({"acc": torch.tensor(0)}, ValueError, "acc must be of shape (..., 2), not ()"),
    ({"mantissa": torch.tensor([0, 16])}, ValueError,
     "mantissa must hold integers from 0 to 15, not 16"),
    ({"mantissa": torch.tensor([-1, 0])}, ValueError,
     "mantissa must hold integers from 0 to 15, not -1"),
    ({"mantissa": torch.tensor([1])}, ValueError, "mantissa must be of shape (2,), not (1,)"),
    ({"shift": torch.tensor([8, 0])}, ValueError, "shift must hold integers from 0 to 7, not 8"),
    ({"shift": torch.tensor([-1, 0])}, ValueError,
     "shift must hold integers from 0 to 7, not -1"),
    ({"shift": torch.tensor([[1, 1]])}, ValueError, "shift must be of shape (2,), not (1, 2)"),
    ({"zero_point": 8}, ValueError, "zero_point must be an integer from -8 to 7, not 8"),
    ({"zero_point": 0.5}, TypeError, "zero_point must be an integer from -8 to 7, not 0.5"),
    ({"minimum": -9}, ValueError, "minimum must be an integer from -8 to 7, not -9"),
    ({"maximum": True}, TypeError, "maximum must be an integer from -8 to 7, not True"),
    ({"minimum": 4, "maximum": 3}, ValueError, "minimum must be at most maximum (3), not 4"),
])
def test_refuses(changes, error, text):
    spec = RequantizeSpec(columns=2, lanes=1, accumulator_width=8, mantissa_width=4,
                          shift_width=3, output_width=4)
    arguments = {"spec": spec, "acc": torch.tensor([1, 2]), "mantissa": torch.tensor([3, 4]),
                 "shift": torch.tensor([0, 1]), "zero_point": 0, "minimum": -8, "maximum": 7}
    requantize(**arguments)
    with pytest.raises(error) as caught:
        requantize(**(arguments | changes))
    assert str(caught.value) == text


@pytest.mark.parametrize("call, error, text", [
    (lambda: saturating_rounding_doubling_high_mul(torch.tensor(2**31), torch.tensor(0)),
     ValueError, "a must hold integers from -2147483648 to 2147483647, not 2147483648"),
    (lambda: saturating_rounding_doubling_high_mul(torch.tensor(0), torch.tensor(-2**31 - 1)),
     ValueError, "b must hold integers from -2147483648 to 2147483647, not -2147483649"),
    (lambda: rounding_divide_by_pot(torch.tensor(2**31), 1),
     ValueError, "x must hold integers from -2147483648 to 2147483647, not 2147483648"),
    (lambda: rounding_divide_by_pot(torch.tensor(1), 32),
     ValueError, "exponent must be an integer from 0 to 31, not 32"),
    (lambda: rounding_divide_by_pot(torch.tensor(1), torch.tensor(-1)),
     ValueError, "exponent must hold integers from 0 to 31, not -1"),
    (lambda: rounding_divide_by_pot(torch.tensor(1), 1.0),
     TypeError, "exponent must be an integer from 0 to 31, not 1.0"),
])
def test_primitives_refuse(call, error, text):
    with pytest.raises(error) as caught:
        call()
    assert str(caught.value) == text
