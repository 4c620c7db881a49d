"""Pooling, addition and concatenation on the machine against what the network is."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sparrow.compiler import CompileError, compile_network

ORDERS = ("eager", "lazy", 1)


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_max_pooling(tools, data):
    lanes = data.draw(st.sampled_from([4, 8]))
    spec = tools.small_spec(lanes, buffer_bytes=lanes * data.draw(st.sampled_from([32, 1024])),
                            accumulator_depth=data.draw(st.sampled_from([2, 16, 256])))
    kernel = tuple(data.draw(st.integers(1, 4)) for _ in range(2))
    shape = (data.draw(st.integers(1, 20)), *(data.draw(st.integers(size, 11)) for size in kernel))
    builder = tools.Builder(shape, seed=data.draw(st.integers(0, 99)),
                            bits=data.draw(st.sampled_from([8, 4])))
    padding = tuple(data.draw(st.integers(0, kernel[axis % 2] - 1)) for axis in range(4))
    builder.max_pool("input", kernel, padding=padding,
                     stride=tuple(data.draw(st.integers(1, 3)) for _ in range(2)))
    tools.check(builder.network(), spec, builder.image(), orders=ORDERS)


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_additions(tools, data):
    lanes = data.draw(st.sampled_from([4, 8, 16]))
    rounding = data.draw(st.sampled_from(["half_up", "half_even"]))
    spec = tools.small_spec(lanes, buffer_bytes=lanes * data.draw(st.sampled_from([16, 1024])),
                            accumulator_depth=data.draw(st.sampled_from([2, 16, 256])),
                            rounding=rounding)
    shape = tuple(data.draw(st.integers(1, high)) for high in (20, 7, 7))
    builder = tools.Builder(shape, seed=data.draw(st.integers(0, 99)), rounding=rounding)
    second = builder.conv("input", shape[0], (1, 1))
    pair = data.draw(st.sampled_from([("input", second), (second, "input"), ("input", "input")]))
    if "input" not in pair or second not in pair:
        builder.layers.pop()
    builder.add(*pair, shift=data.draw(st.integers(17, 20)),
                minimum=data.draw(st.sampled_from([-128, -5])))
    tools.check(builder.network(), spec, builder.image(), orders=ORDERS)


@pytest.mark.parametrize("mantissas, shifts", [
    ((3000, 3000, 20000), (20, 18, 40)),  # different shifts, one factor four times as large
    ((64, 16384, 20000), (22, 20, 40)),  # more than 20, but nothing is rounded
    ((32639, 1, 65535), (20, 20, 30)),  # the largest factor, and the smallest
    ((0, 5000, 20000), (20, 20, 40)),
    ((1, 1, 1), (0, 0, 20)),
    ((4096, 2048, 3), (18, 18, 0)),  # the sum's shift would be below 0
])
def test_scales_of_additions(tools, mantissas, shifts):
    builder = tools.Builder((5, 3, 3), seed=4)
    builder.add("input", builder.conv("input", 5, (1, 1)), mantissas=mantissas, shifts=shifts)
    tools.check(builder.network(), tools.small_spec(), builder.image())


@pytest.mark.parametrize("mantissas, shifts, text", [
    ((5001, 5000, 20000), (21, 20, 40), "shift of input must be 0 to 20, not 21"),
    ((5001, 32640, 20000), (20, 20, 40),
     "mantissa of layer0 at a shift of 20 must be 0 to 32639, not 32640"),
    ((5001, 5000, 20000), (20, 12, 40),
     "mantissa of layer0 at a shift of 20 must be 0 to 32639, not 1280000"),
    ((5001, 5000, 20000), (16, 16, 1), "mantissa of the sum must be 0 to 65535, not 160000"),
])
def test_refuses_additions(tools, mantissas, shifts, text):
    builder = tools.Builder((5, 3, 3), seed=4)
    second = builder.conv("input", 5, (1, 1))
    builder.add("input", second, mantissas=mantissas, shifts=shifts, name="join")
    with pytest.raises(CompileError) as info:
        compile_network(builder.network(), tools.small_spec())
    assert str(info.value) == f"Layer 'join': {text}"


def test_refuses_an_addition_of_differently_ordered_channels(tools):
    builder = tools.Builder((6, 3, 3))
    half = builder.conv("input", 3, (1, 1))
    both = builder.concat(half, builder.conv("input", 3, (1, 1)))
    builder.add("input", both, name="join")
    with pytest.raises(CompileError) as info:
        compile_network(builder.network(), tools.small_spec())
    assert str(info.value) == ("Layer 'join': inputs must be in one order of channel segments, "
                               "not (6,) and (3, 3)")


@pytest.mark.parametrize("like, keep_all", [
    (None, True), ("a", True), ("b", True), ("input", True), (None, False),
    *(pytest.param(like, False, marks=pytest.mark.heavy) for like in ("a", "b", "input"))])
def test_concatenations_and_their_consumers(tools, like, keep_all):
    builder = tools.Builder((6, 8, 7), seed=5)
    builder.conv("input", 5, (1, 1), name="a")
    builder.conv("input", 9, (3, 3), padding=(1, 1, 1, 1), name="b")
    builder.concat("a", "b", "input", "a", type_=like, name="all")
    builder.conv("all", 7, weight_bits=4, name="dense")
    builder.max_pool("all", name="pooled")
    builder.conv("pooled", 25, groups=25, name="depthwise")
    builder.conv("pooled", 25, (3, 1), groups=5, name="grouped")
    builder.concat("pooled", "pooled", type_="pooled", name="twice")
    builder.linear("twice", 6, name="flat")
    for name in ("dense", "depthwise", "grouped"):
        builder.linear(name, 6, name=f"{name}_end")
    builder.add("flat", "dense_end", name="sum1")
    builder.add("depthwise_end", "grouped_end", name="sum2")
    builder.add("sum1", "sum2", name="end")
    program = tools.check(builder.network(), tools.small_spec(buffer_bytes=4 * 512),
                          builder.image(), orders=ORDERS, keep_all=keep_all)
    if keep_all:
        inside = program.tensors["all"].offset
        assert (program.tensors["a"].offset == inside) == (like == "a")
    copies = {None: 4, "a": 3, "b": 3, "input": 3}[like]
    assert program.layer("all").tiling and len(program.layer("all").tiling) == copies


def test_a_concatenation_without_commands(tools):
    builder = tools.Builder((6, 4, 4), seed=5)
    builder.max_pool("input", (1, 1), name="a")
    builder.max_pool("input", (1, 1), name="b")
    builder.concat("a", "b", type_="a", name="all")
    builder.concat("all", "input", type_="a", name="more")
    builder.max_pool("more", name="end")
    program = tools.check(builder.network(), tools.small_spec(), builder.image(), orders=ORDERS)
    assert program.layer("all").commands == program.layer("more").commands == 0
    assert program.tensors["a"].offset == program.tensors["more"].offset


def test_refuses_a_wide_mantissa_of_a_concatenation(tools):
    builder = tools.Builder((6, 4, 4))
    builder.concat("input", "input", name="all")
    with pytest.raises(CompileError) as info:
        compile_network(builder.network(), tools.small_spec(mantissa_width=8))
    mantissa = builder.layers[0].mantissas[0]
    assert str(info.value) == f"Layer 'all': mantissa of input must be 0 to 255, not {mantissa}"
