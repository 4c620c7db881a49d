"""Limits of sums against all, or the extreme, inputs."""

import itertools

import pytest
import torch

from sparrow.golden.network import (
    AveragePool,
    Linear,
    Network,
    NetworkError,
    Numbers,
    TensorType,
    accumulator_bound,
    check_accumulators,
)


def linear(weight, bias):
    weight = torch.tensor(weight, dtype=torch.int8)
    channels = len(weight)
    return Linear(name="head.fc", inputs=("input",), weight=weight, bias=torch.tensor(bias),
                  output=TensorType(shape=(channels, 1, 1), scale=1.0, zero_point=0),
                  mantissa=torch.ones(channels, dtype=torch.int64), minimum=-128, maximum=127,
                  shift=torch.zeros(channels, dtype=torch.int64))


@pytest.mark.parametrize("bias", [0, 100, -100, 2**31 - 1])
def test_every_partial_sum(bias):
    """All subsets of the products, in 2-bit inputs, with and without the bias."""
    weight = [5, -128, 127]
    bound = accumulator_bound(linear([weight], [bias]), input_bits=2)
    sums = [sum(w * x for w, x in zip(weight, inputs)) + start
            for inputs in itertools.product((-2, -1, 0, 1), repeat=3) for start in (0, bias)]
    assert (bound.minimum, bound.maximum) == (min(sums), max(sums))


def test_limits_of_channels():
    bound = accumulator_bound(linear([[1, 1], [100, -100], [-128, 0]], [5, -7, 70000]))
    assert (bound.minimum, bound.maximum, bound.channel) == (-100 * 255 - 7, 70000 + 2**14, 2)
    assert bound.magnitude == 70000 + 2**14
    assert bound.width == 18


@pytest.mark.parametrize("weight, bias, width", [
    (0, 0, 1), (1, 0, 8), (-1, 0, 9), (127, 0, 15), (-128, 0, 16),
    (1, 2**15 - 1 - 127, 16), (1, 2**15 - 127, 17),
    (1, -(2**15) + 128, 16), (1, -(2**15) + 127, 17)])
def test_width(weight, bias, width):
    assert accumulator_bound(linear([[weight]], [bias])).width == width


def network(bits, width, weight=8):
    layer = linear([[weight, weight]], [0])
    return Network(name="n", input=TensorType(shape=(2, 1, 1), scale=1.0, zero_point=0, bits=bits),
                   layers=(layer,), output="head.fc", numbers=Numbers(accumulator_width=width))


def test_accumulators():
    check_accumulators(network(8, 12))  # -2048 to 2032
    check_accumulators(network(4, 8))  # -128 to 112
    with pytest.raises(NetworkError) as caught:
        check_accumulators(network(8, 11))
    assert str(caught.value) == (
        "Layer 'head.fc': sums must stay in the 11 bits of an accumulator, but reach from -2048 "
        "to 2032, 12 bits (channel 0)")
    with pytest.raises(NetworkError, match="reach from -144 to 126, 9 bits"):
        check_accumulators(network(4, 8, weight=9))


def test_refusals():
    kind = TensorType(shape=(1, 2, 2), scale=1.0, zero_point=0)
    pool = AveragePool(name="pool", inputs=("input",), output=kind, kernel=(1, 1), stride=(1, 1))
    with pytest.raises(TypeError, match="^layer must be a Conv or Linear, not AveragePool"):
        accumulator_bound(pool)
    with pytest.raises(NetworkError, match="^input_bits must be an integer from 1 to 8, not 9$"):
        accumulator_bound(linear([[1]], [0]), input_bits=9)
