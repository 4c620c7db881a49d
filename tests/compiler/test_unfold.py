"""Convolutions of few channels over an unfolded image, on the machine against what they are."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sparrow.compiler import CompileError, compile_network
from sparrow.compiler.unfold import unfolding_choices
from sparrow.hw.spec.accelerator import AcceleratorSpec
from sparrow.hw.spec.commands import Opcode

ORDERS = ("eager", "lazy", 1)
AROUND = (1, 1, 1, 1)


@st.composite
def axes(draw, size, *, dilated):
    """Kernel, stride, dilation and two paddings along an axis."""
    kernel, dilation = draw(st.integers(1, 7)), draw(st.integers(1, 3)) if dilated else 1
    reach = (kernel - 1) * dilation + 1
    before, after = (draw(st.integers(0, min(reach - 1, 4))) for _ in range(2))
    if reach > size + before + after:
        kernel, before, after = 1, 0, 0
    return kernel, draw(st.integers(1, 3)), dilation, before, after


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_convolutions_of_few_channels(tools, data):
    lanes = data.draw(st.sampled_from([4, 8, 16]))
    spec = tools.small_spec(
        lanes, data_width=data.draw(st.sampled_from([width for width in (32, 64, 128)
                                                     if width <= 8 * lanes])),
        accumulator_depth=data.draw(st.sampled_from([9, 64, 256])),
        buffer_bytes=lanes * data.draw(st.sampled_from([64, 1024])))
    height, width = data.draw(st.integers(1, 20)), data.draw(st.integers(1, 20))
    builder = tools.Builder((data.draw(st.integers(1, 4)), height, width),
                            seed=data.draw(st.integers(0, 99)))
    rows = data.draw(axes(height, dilated=True))
    columns = data.draw(axes(width, dilated=False))
    kernel, stride, dilation, before, after = zip(rows, columns)
    builder.conv("input", data.draw(st.integers(1, 2 * lanes)), kernel, stride=stride,
                 dilation=dilation, padding=before + after,
                 weight_bits=data.draw(st.sampled_from([8, 4])))
    network = builder.network()
    try:
        program = tools.check(network, spec, builder.image(), orders=ORDERS)
    except CompileError as error:
        if "source and result of one output pixel" in str(error):
            return
        raise
    unfolded = bool(unfolding_choices(network, spec))
    assert program.tensors["input"].format == ("image" if unfolded else "blocks")
    loads = [values for kind, values in program.commands() if kind.opcode is Opcode.LOAD]
    assert {bool(values["unfold"]) for values in loads} == {unfolded}


@pytest.mark.parametrize("shape, channels, kernel, more, steps", [
    ((3, 32, 32), 16, (3, 3), {"padding": AROUND}, 3),
    ((3, 40, 40), 16, (7, 7), {"stride": (2, 2), "padding": (3, 3, 3, 3)}, 14),
    ((3, 40, 40), 16, (7, 7), {"stride": (2, 2), "padding": (3, 3, 3, 3), "weight_bits": 4}, 7),
    ((1, 49, 10), 64, (10, 4), {"stride": (2, 2), "padding": (4, 1, 5, 1)}, 3),
    ((1, 28, 28), 32, (3, 3), {}, 1),
    ((1, 28, 28), 6, (5, 5), {"padding": (2, 2, 2, 2)}, 2),
    ((4, 12, 12), 16, (3, 3), {"padding": AROUND}, 3),
    ((4, 12, 12), 16, (4, 9), {}, 36),  # 36 bytes of a row aren't two vectors
])
def test_steps_for_a_pixel(tools, shape, channels, kernel, more, steps):
    builder = tools.Builder(shape, seed=5)
    builder.conv("input", channels, kernel, **more)
    spec = AcceleratorSpec()
    program = tools.check(builder.network(), spec, builder.image(), timing=None)
    pixels = builder.types["layer0"].size // channels
    assert program.layers[0].vectors == steps * pixels * -(-channels // 16)


def test_two_readers_keep_the_blocks(tools):
    builder = tools.Builder((3, 16, 16))
    builder.conv("input", 16, padding=AROUND)
    builder.conv("input", 16, padding=AROUND)
    builder.add("layer0", "layer1")
    assert unfolding_choices(builder.network(), AcceleratorSpec()) == ()
    program = tools.check(builder.network(), AcceleratorSpec(), builder.image())
    assert program.tensors["input"].format == "blocks"


@pytest.mark.parametrize("shape, changes, spec", [
    ((3, 16, 16), {}, {"line_bytes": 0}),
    ((3, 16, 342), {}, {"line_bytes": 1024}),  # 1026 bytes
    ((5, 16, 16), {}, {}),
    ((3, 16, 16), {"dilation": (1, 2)}, {}),
    ((3, 16, 16), {"groups": 3}, {}),
    ((3, 16, 16), {"kernel": (1, 1)}, {"accumulator_depth": 16, "data_width": 128}),
])
def test_what_is_not_unfolded(tools, shape, changes, spec):
    builder = tools.Builder(shape)
    builder.conv("input", 15, **changes)
    assert unfolding_choices(builder.network(), AcceleratorSpec(**spec)) == ()
    program = compile_network(builder.network(), AcceleratorSpec(**spec), timing=None)
    assert program.tensors["input"].format == "blocks"
    assert "unfolded" not in program.layers[0].tiling[0]


def test_the_longest_row(tools):
    builder = tools.Builder((3, 4, 341))
    builder.conv("input", 4, padding=AROUND)
    spec = AcceleratorSpec(line_bytes=1024)
    program = tools.check(builder.network(), spec, builder.image())
    assert program.tensors["input"].format == "image"
    assert program.layers[0].tiling[0].endswith(", int8, unfolded by 1")


def test_an_unfolded_input_in_a_network(tools):
    builder = tools.Builder((1, 20, 18), seed=3)
    builder.conv("input", 7, (5, 3), stride=(2, 1), padding=(2, 1, 2, 1))
    builder.max_pool("layer0")
    builder.conv("layer1", 5, (1, 1), weight_bits=4)
    spec = tools.small_spec(buffer_bytes=4 * 64, accumulator_depth=16)
    for keep_all in (True, False):
        program = tools.check(builder.network(), spec, builder.image(), orders=(*ORDERS, 2, 3),
                              keep_all=keep_all)
        assert program.tensors["input"].format == "image"
