"""Average pooling on the machine against what the network is."""

import math
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sparrow.compiler import CompileError, compile_network
from sparrow.compiler.lower.average import reciprocal

ORDERS = ("eager", "lazy", 1)


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_average_pooling(tools, data):
    lanes = data.draw(st.sampled_from([4, 8]))
    rounding = data.draw(st.sampled_from(["half_up", "half_even"]))
    spec = tools.small_spec(lanes, buffer_bytes=lanes * data.draw(st.sampled_from([32, 1024])),
                            accumulator_depth=data.draw(st.sampled_from([2, 16, 256])),
                            rounding=rounding)
    kernel = tuple(data.draw(st.integers(1, 4)) for _ in range(2))
    shape = (data.draw(st.integers(1, 20)), *(data.draw(st.integers(size, 11)) for size in kernel))
    builder = tools.Builder(shape, seed=data.draw(st.integers(0, 99)), rounding=rounding)
    padding = tuple(data.draw(st.integers(0, kernel[axis % 2] - 1)) for axis in range(4))
    builder.average_pool("input", kernel, padding=padding,
                         stride=tuple(data.draw(st.integers(1, 3)) for _ in range(2)))
    tools.check(builder.network(), spec, builder.image(), orders=ORDERS)


@pytest.mark.parametrize("rounding", ["half_up", "half_even"])
@pytest.mark.parametrize("count", [1, 2, 3, 4, 6, 9, 12, 16, 25, 49, 56, 64, 100, 196])
def test_reciprocals_divide_every_sum(tools, count, rounding):
    mantissa, shift = reciprocal(tools.small_spec(rounding=rounding), count)
    assert mantissa < 1 << 16
    half = Fraction(1, 2)
    for total in range(-128 * count, 127 * count + 1):
        quotient = Fraction(abs(total), count)
        away = math.floor(quotient + half)  # of the magnitude: half away from zero
        scaled = Fraction(total * mantissa, 1 << shift)
        got = round(scaled) if rounding == "half_even" else math.floor(scaled + half)
        assert got == (away if total >= 0 else -away)


def test_border_regions_have_weights_of_their_own(tools):
    builder = tools.Builder((4, 7, 7))
    builder.average_pool("input", (3, 3), stride=(1, 1), padding=(1, 1, 1, 1))
    program = tools.check(builder.network(), tools.small_spec(), builder.image())
    kinds = [kind.name for kind, _ in program.commands()]
    assert kinds.count("COMPUTE") == 9 and kinds.count("STORE") == 1


def test_refuses_inexact_quotients(tools):
    builder = tools.Builder((4, 21, 21))
    builder.average_pool("input", (21, 21), name="pool")
    with pytest.raises(CompileError) as info:
        compile_network(builder.network(), tools.small_spec(mantissa_width=8))
    assert str(info.value) == (
        "Layer 'pool': kernel must be such that a mantissa of 8 bits divides by the number of its "
        "elements exactly, not of 441 elements")
