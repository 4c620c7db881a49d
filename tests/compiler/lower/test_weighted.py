"""Convolutions and linear layers on the machine against what the network is."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sparrow.compiler import CompileError, compile_network
from sparrow.hw.spec.accelerator import AcceleratorSpec

ORDERS = ("eager", "lazy", 1)


@st.composite
def specs(draw, tools):
    lanes = draw(st.sampled_from([4, 4, 8, 16]))
    return tools.small_spec(
        lanes, data_width=draw(st.sampled_from([width for width in (32, 64, 128)
                                                if width <= 8 * lanes])),
        accumulator_depth=draw(st.sampled_from([2, 9, 64, 256])),
        buffer_bytes=lanes * draw(st.sampled_from([64, 128, 1024])),
        post_lanes=draw(st.sampled_from([1, 2, 4])),
        rounding=draw(st.sampled_from(["half_up", "half_even"])))


@st.composite
def windows(draw, height, width, largest_kernel=7):
    """Kernel, stride, dilation and padding that fit an image."""
    values = {"kernel": [], "stride": [], "dilation": [], "padding": [0, 0, 0, 0]}
    for axis, size in enumerate((height, width)):
        kernel, dilation = draw(st.integers(1, largest_kernel)), draw(st.integers(1, 3))
        reach = (kernel - 1) * dilation + 1
        largest = draw(st.sampled_from([min(reach - 1, 3), 9]))
        values["padding"][axis] = draw(st.integers(0, largest))
        values["padding"][axis + 2] = draw(st.integers(0, largest))
        if reach > size + values["padding"][axis] + values["padding"][axis + 2]:
            kernel = 1
            values["padding"][axis] = values["padding"][axis + 2] = 0
        values["kernel"].append(kernel)
        values["dilation"].append(dilation)
        values["stride"].append(draw(st.integers(1, 3)))
    return {name: tuple(value) for name, value in values.items()}


def run(tools, spec, builder, orders=ORDERS):
    """Compare, unless a single pixel doesn't fit small buffers."""
    try:
        return tools.check(builder.network(), spec, builder.image(), orders=orders)
    except CompileError as error:
        if "source and result of one output pixel" in str(error) and spec.buffer_rows < 1024:
            return None
        raise


@settings(max_examples=15, deadline=None)
@given(st.data())
def test_convolutions(tools, data):
    spec = data.draw(specs(tools))
    height, width = data.draw(st.integers(1, 14)), data.draw(st.integers(1, 14))
    builder = tools.Builder((data.draw(st.integers(1, 40)), height, width),
                            seed=data.draw(st.integers(0, 99)), rounding=spec.rounding,
                            bits=data.draw(st.sampled_from([8, 8, 4])))
    builder.conv("input", data.draw(st.integers(1, 40)), weight_bits=data.draw(
        st.sampled_from([8, 4])), **data.draw(windows(height, width)),
        limits=data.draw(st.sampled_from([None, (-10, 100)])))
    run(tools, spec, builder)


@pytest.mark.parametrize("padding", [(3, 3, 3, 3), (9, 0, 0, 12), (0, 11, 14, 0)])
@pytest.mark.parametrize("kernel", [(1, 1), (2, 3)])
@pytest.mark.parametrize("depth", [2, 20, 256])
def test_padding_wider_than_the_kernel(tools, padding, kernel, depth):
    """Tiles that meet padding alone, on each side."""
    builder = tools.Builder((5, 4, 3), zero_point=7)
    builder.conv("input", 6, kernel, padding=padding, stride=(2, 1))
    run(tools, tools.small_spec(accumulator_depth=depth, buffer_bytes=4 * 512), builder)


@pytest.mark.parametrize("padding", [(0, 0, 0, 9), (0, 9, 0, 0), (9, 12, 0, 12)])
def test_unfolded_columns_of_padding_alone(tools, padding):
    """Tiles of an image of few channels that meet no column of it, on either side."""
    builder = tools.Builder((1, 1, 1), zero_point=7)
    builder.conv("input", 1, (1, 2), padding=padding)
    run(tools, tools.small_spec(accumulator_depth=2, buffer_bytes=256), builder)


def test_as_much_padding_as_there_can_be(tools):
    builder = tools.Builder((1, 1, 1), zero_point=7)
    builder.conv("input", 1, (1, 1), padding=(0, 0, 255, 255))
    run(tools, tools.small_spec(), builder)


@settings(max_examples=10, deadline=None)
@given(st.data())
def test_groups(tools, data):
    spec = data.draw(specs(tools))
    groups, each = data.draw(st.integers(2, 12)), data.draw(st.integers(1, 9))
    height, width = data.draw(st.integers(1, 9)), data.draw(st.integers(1, 9))
    builder = tools.Builder((groups * each, height, width), seed=data.draw(st.integers(0, 99)),
                            rounding=spec.rounding)
    builder.conv("input", groups * data.draw(st.integers(1, 9)), groups=groups,
                 weight_bits=data.draw(st.sampled_from([8, 4])),
                 **data.draw(windows(height, width)))
    run(tools, spec, builder)


@settings(max_examples=15, deadline=None)
@given(st.data())
def test_windows(tools, data):
    """Depthwise layers, most of them small enough for the window."""
    spec = data.draw(specs(tools))
    spec = spec.replace(depthwise_window=data.draw(st.sampled_from([9, 9, spec.lanes, 2, 0])))
    channels = data.draw(st.integers(1, 40))
    height, width = data.draw(st.integers(1, 14)), data.draw(st.integers(1, 14))
    shape = data.draw(windows(height, width, data.draw(st.sampled_from([2, 3, 7]))))
    builder = tools.Builder((channels, height, width), seed=data.draw(st.integers(0, 99)),
                            rounding=spec.rounding)
    builder.conv("input", channels, groups=channels,
                 weight_bits=data.draw(st.sampled_from([8, 4])), **shape)
    run(tools, spec, builder)


@pytest.mark.parametrize("changes, vectors", [
    ({}, 7 * 9 * 3), ({"stride": (2, 2)}, 4 * 9 * 3), ({"weight_bits": 4}, 7 * 9 * 3),
    ({"kernel": (2, 2)}, 8 * 9 * 2), ({"kernel": (3, 2)}, 8 * 9 * 2), ({"kernel": (1, 9)}, 81),
    ({"kernel": (1, 2), "dilation": (1, 2)}, 9 * 9), ({"kernel": (3, 4)}, 7 * 6 * 12),
    ({"kernel": (1, 2), "dilation": (1, 8)}, 9 * 2), ({"kernel": (1, 2), "dilation": (1, 7)}, 36),
    ({"dilation": (1, 2)}, 5 * 9 * 3), ({"dilation": (2, 2)}, 5 * 5 * 9),
    ({"kernel": (1, 1), "stride": (3, 3)}, 9), ({"depthwise_window": 0}, 7 * 7 * 9),
])
def test_vectors_of_windows(tools, changes, vectors):
    """Kernels that fit take all columns of the source; the others a vector for each tap."""
    layer = {name: value for name, value in changes.items() if name != "depthwise_window"}
    spec = tools.small_spec(16, **{name: value for name, value in changes.items()
                                   if name == "depthwise_window"})
    for down in (False, True):
        builder = tools.Builder((32, 9, 9))
        builder.conv("input", 32, groups=32, **{
            name: value[::-1] if down and isinstance(value, tuple) else value
            for name, value in layer.items()})
        assert run(tools, spec, builder).layers[0].vectors == 2 * vectors


def test_no_window_across_segments(tools):
    """A channel of a concatenated source lies in another lane than its result."""
    builder = tools.Builder((3, 5, 5))
    builder.conv("input", 6, (1, 1))
    builder.concat("input", "layer0")
    builder.conv("layer1", 9, (2, 2), groups=9)
    assert run(tools, tools.small_spec(), builder).layers[-1].vectors > 4 * 16 * 3


@pytest.mark.parametrize("weight_bits", [8, 4])
@pytest.mark.parametrize("channels, multiplier", [(3, 1), (16, 1), (21, 1), (9, 2), (8, 3)])
def test_depthwise(tools, channels, multiplier, weight_bits):
    builder = tools.Builder((channels, 9, 8), seed=channels)
    builder.conv("input", channels * multiplier, (3, 3), padding=(1, 1, 1, 1), groups=channels,
                 weight_bits=weight_bits)
    program = run(tools, tools.small_spec(accumulator_depth=32), builder)
    if multiplier == 1:  # one step for each kernel position and output block
        assert program.layers[0].vectors == 9 * 72 * -(-channels // 4)


@pytest.mark.parametrize("groups", [2, 4])
def test_groups_of_whole_blocks_have_a_dense_compute_each(tools, groups):
    builder = tools.Builder((16 * groups, 5, 5))
    builder.conv("input", 32 * groups, groups=groups)
    spec = AcceleratorSpec()
    program = run(tools, spec, builder)
    assert program.layers[0].vectors == groups * 2 * 9 * 9


@settings(max_examples=10, deadline=None)
@given(st.data())
def test_linear_layers(tools, data):
    spec = data.draw(specs(tools))
    shape = tuple(data.draw(st.integers(1, high)) for high in (20, 5, 5))
    builder = tools.Builder(shape, seed=data.draw(st.integers(0, 99)), rounding=spec.rounding)
    builder.linear("input", data.draw(st.integers(1, 40)),
                   weight_bits=data.draw(st.sampled_from([8, 4])))
    run(tools, spec, builder)


def test_int4_takes_half_the_steps(tools):
    counts = []
    for weight_bits in (8, 4):
        builder = tools.Builder((48, 6, 6))
        builder.conv("input", 16, weight_bits=weight_bits)
        program = run(tools, AcceleratorSpec(), builder)
        counts.append(program.layers[0].vectors)
    assert counts == [3 * 9 * 16, 2 * 9 * 16]


def test_a_layer_larger_than_the_buffers(tools):
    builder = tools.Builder((12, 24, 20), seed=3)
    builder.conv("input", 20, (5, 3), padding=(2, 1, 2, 1))
    program = run(tools, tools.small_spec(buffer_bytes=4 * 256), builder)
    assert program.layers[0].commands > 12


def test_extremes_reach_both_limits(tools):
    builder = tools.Builder((4, 3, 3), zero_point=-128)
    builder.conv("input", 4, (1, 1))
    layer = builder.layers[0]
    for sign in (1, -1):
        object.__setattr__(layer, "weight", torch.full_like(layer.weight, 127 * sign))
        image = torch.full((1, 4, 3, 3), 127, dtype=torch.int8)
        tools.check(builder.network(), tools.small_spec(), image)


def refusal(builder, spec):
    with pytest.raises(CompileError) as info:
        compile_network(builder.network(), spec)
    return str(info.value)


def test_refuses_4_bits_on_an_accelerator_of_8(tools):
    builder = tools.Builder((4, 3, 3))
    builder.conv("input", 4, name="stem", weight_bits=4)
    assert refusal(builder, tools.small_spec(precision="int8")) == (
        "Layer 'stem': weight_bits must be 8 on an accelerator without 4-bit weights, not 4")


def test_refuses_a_wide_mantissa(tools):
    builder = tools.Builder((4, 3, 3))
    builder.conv("input", 4, name="stem")
    object.__setattr__(builder.layers[0], "mantissa", torch.tensor([1, 5000, 2, 3]))
    assert refusal(builder, tools.small_spec(mantissa_width=12)) == (
        "Layer 'stem': mantissa must be 0 to 4095, not 5000")


def test_refuses_sums_that_may_overflow(tools):
    builder = tools.Builder((64, 3, 3))
    builder.conv("input", 4, name="stem")
    layer = builder.layers[0]
    object.__setattr__(layer, "weight", torch.full_like(layer.weight, 127))
    object.__setattr__(layer, "bias", torch.zeros_like(layer.bias))
    spec = tools.small_spec(accumulator_width=26)
    assert 576 * 127 * 128 < 2**25  # reached with half the sum less than it takes to overflow
    compile_network(builder.network(), spec)
    object.__setattr__(layer, "bias", torch.full_like(layer.bias, 2**25 - 576 * 127 * 127))
    assert refusal(builder, spec) == (
        "Layer 'stem': sums must be in the 26 bits of an accumulator for all inputs, "
        "not -9363456 to 33554432, 27 bits")


@pytest.mark.parametrize("changes, text", [
    ({"kernel": (300, 1)}, "kernel must be 1 to 255, not 300"),
    ({"stride": (1, 256)}, "stride must be 1 to 255, not 256"),
    ({"kernel": (2, 1), "dilation": (256, 1)}, "dilation must be 1 to 255, not 256"),
    ({"kernel": (150, 1), "dilation": (2, 1), "padding": (256, 0, 0, 0)},
     "padding must be 0 to 255, not 256"),
    ({"kernel": (2, 3), "padding": (0, 0, 256, 0)},
     "padding at the bottom must be 0 to 255, not 256"),
    ({"kernel": (150, 1), "dilation": (2, 1), "padding": (0, 0, 299, 0)},
     "padding at the bottom must be 0 to 298, not 299"),
    ({"kernel": (2, 3), "padding": (1, 256, 1, 0)},
     "padding at the left must be 0 to 255, not 256"),
])
def test_refuses_windows(tools, changes, text):
    builder = tools.Builder((5, 320, 3))
    builder.conv("input", 4, name="stem", **{"kernel": (1, 1)} | changes)
    assert refusal(builder, tools.small_spec()) == f"Layer 'stem': {text}"


def test_refuses_what_no_tile_makes_fit(tools):
    builder = tools.Builder((40, 5, 5))
    builder.conv("input", 4, name="stem")
    assert refusal(builder, tools.small_spec(buffer_bytes=4 * 32)) == (
        "Layer 'stem': source and result of one output pixel must take at most 32 rows of a bank "
        "and coordinates below 8192, not 46 rows")


def test_windows_down_columns_wait_for_their_rows(tools):
    """Tiles that take rows of two loads."""
    spec = tools.small_spec(accumulator_depth=2, buffer_bytes=256, depthwise_window=9,
                            post_lanes=1, weight_fifo_bytes=1024)
    builder = tools.Builder((1, 3, 3), seed=0)
    builder.conv("input", 1, kernel=(2, 1), padding=(0, 1, 0, 0))
    program = tools.check(builder.network(), spec, builder.image(), orders=ORDERS)
    assert any(values.get("down") for _, values in program.commands())
