"""Ranges, scales of weights, and factors as mantissas and shifts."""

import math

import pytest
import torch

from sparrow.compress.calibrate import Method, affine, tensor_ranges
from sparrow.compress.graph import ClampNode, Graph
from sparrow.compress.scales import QuantizeError, multiplier, multipliers, weight_scales
from sparrow.golden.network import Numbers, Rounding

GRAPH = Graph(name="g", shape=(1, 10, 100), output="relu", nodes=(
    ClampNode(name="relu", inputs=("input",), shape=(1, 10, 100), minimum=0.0),))
IMAGES = torch.linspace(-1, 2, 1000).repeat(70).view(70, 1, 10, 100)


def test_smallest_and_largest():
    images = IMAGES.clone()
    images[69, 0, 9, 98] = 50.0  # in the last batch
    assert tensor_ranges(GRAPH, images, Method.MINMAX) == {"input": (-1.0, 50.0),
                                                           "relu": (0.0, 50.0)}
    assert tensor_ranges(GRAPH, images.clamp(min=1), Method.MINMAX)["input"] == (0.0, 50.0)


def test_percentile():
    ranges = tensor_ranges(GRAPH, IMAGES, Method.PERCENTILE, percentile=90)
    assert ranges["input"] == pytest.approx((-0.7, 1.7), abs=0.01)
    assert ranges["relu"] == pytest.approx((0, 1.7), abs=0.01)


def test_least_error():
    """One value far out isn't worth coarse steps; two bits, since the others are uniform."""
    images = IMAGES.clone()
    images[0, 0, 0, 0] = -4.0
    low, high = tensor_ranges(GRAPH, images, Method.MSE, bits=4)["input"]
    assert -4 < low < -1 and 1 <= high < 2
    assert tensor_ranges(GRAPH, IMAGES, Method.MSE, bits=8)["input"] == (-1.0, 2.0)


@pytest.mark.parametrize("low, high, bits, scale, zero_point", [
    (0.0, 1.0, 8, 1 / 255, -128), (-1.0, 0.0, 8, 1 / 255, 127), (-1.0, 1.0, 4, 2 / 15, 0),
    (-1.0, 3.0, 8, 4 / 255, -64), (0.0, 0.0, 8, 1.0, 0)])
def test_affine(low, high, bits, scale, zero_point):
    assert affine(low, high, bits) == (scale, zero_point)


def test_weights_symmetric():
    weight = torch.tensor([[0.5, -1.27], [0.0, 0.0]], dtype=torch.float64)
    assert weight_scales(weight, 8, Method.MINMAX).tolist() == [0.01, 0.0]
    assert weight_scales(weight, 8, Method.MSE).tolist() == pytest.approx([0.01, 0.0])
    assert weight_scales(weight, 4, Method.MINMAX)[0] == pytest.approx(1.27 / 7)


def test_weights_of_least_error():
    """A hundred weights of one size and one that is half as large again."""
    weight = torch.tensor([[0.5] * 100 + [0.75]], dtype=torch.float64)
    step = float(weight_scales(weight, 4, Method.MSE)[0])
    error = ((weight / step).round().clamp(-7, 7) * step - weight).square().sum()
    full = ((weight / (0.75 / 7)).round() * 0.75 / 7 - weight).square().sum()
    assert error < full / 5


@pytest.mark.parametrize("numbers", [
    Numbers(), Numbers(mantissa_width=8), Numbers(mantissa_width=31),
    Numbers(rounding="tflite", mantissa_width=31, shift_width=5)])
@pytest.mark.parametrize("factor", [0.999999999, 0.5, 0.3, 1e-3, 1.7e-5])
def test_factor(numbers, factor):
    mantissa, shift = multiplier(numbers, factor, "x")
    offset = 31 if numbers.rounding is Rounding.TFLITE else 0
    assert 2**(numbers.mantissa_width - 1) <= mantissa <= numbers.maximum_mantissa
    assert 0 <= shift <= numbers.maximum_shift
    found = math.ldexp(mantissa, -(shift + offset))
    assert abs(found / factor - 1) <= 2.0**-numbers.mantissa_width


def test_factors_at_the_ends():
    tflite = Numbers(rounding="tflite", mantissa_width=31, shift_width=5)
    assert multiplier(Numbers(), 1.0, "x") == (2**15, 15)
    assert multiplier(tflite, 1.0, "x") == (2**31 - 1, 0)
    assert multiplier(Numbers(), 2.0**16 - 1, "x") == (2**16 - 1, 0)
    assert multiplier(Numbers(shift_width=5), 2.0**-30 * 1.4, "x") == (3, 31)
    for numbers, factor, text in [
            (Numbers(), 2.0**16, "x must be from 1.08e-19 to below 6.55e+04, not 65536"),
            (Numbers(shift_width=5), 2.0**-40,
             "x must be from 4.66e-10 to below 6.55e+04, not 9.09495e-13"),
            (tflite, 1.5, "x must be from 2.17e-19 to below 1, not 1.5")]:
        with pytest.raises(QuantizeError) as caught:
            multiplier(numbers, factor, "x")
        assert str(caught.value) == text
    scale = multipliers(Numbers(), torch.tensor([0.5, 0.25], dtype=torch.float64), "x")
    assert scale.mantissa.tolist() == [2**15, 2**15] and scale.shift.tolist() == [16, 17]


@pytest.mark.parametrize("value", [float("inf"), float("nan")])
@pytest.mark.parametrize("method", list(Method))
def test_values_that_are_not_finite(value, method):
    node = ClampNode(name="x", inputs=("input",), shape=(1, 1, 2))
    graph = Graph(name="g", shape=(1, 1, 2), nodes=(node,), output="x")
    images = torch.tensor([[[[1.0, value]]], [[[2.0, 3.0]]]])
    assert tensor_ranges(graph, images, method)["x"] == (-float("inf"), float("inf"))


def test_steps_of_two_bits_reach_lower():
    """A hundred small weights, and one far out that isn't worth them."""
    weight = torch.tensor([[0.1, -0.1] * 50 + [1.0]], dtype=torch.float64)
    assert float(weight_scales(weight, 2, Method.MSE)) == pytest.approx(0.11)
    assert float(weight_scales(weight, 2, Method.MINMAX)) == 1.0


@pytest.mark.parametrize("method", [Method.MINMAX, Method.MSE])
def test_steps_of_one_bit(method):
    weight = torch.tensor([[0.1, -0.3], [0.0, 0.5]], dtype=torch.float64)
    mask = torch.tensor([[True, True], [False, True]])
    assert weight_scales(weight, 1, method).tolist() == [0.2, 0.25]
    assert weight_scales(weight, 1, method, mask).tolist() == [0.2, 0.5]
    assert weight_scales(weight, 1, method, ~mask).tolist() == [0.0, 0.0]
