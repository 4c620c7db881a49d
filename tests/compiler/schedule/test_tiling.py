"""How passes are cut: everything once, nothing too large."""

import dataclasses
import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from sparrow.compiler import CompileError
from sparrow.compiler.layout import allocate
from sparrow.compiler.lower import lower
from sparrow.compiler.schedule.cost import Rates, estimate
from sparrow.compiler.schedule.tiling import choose_tilings
from sparrow.hw.spec.accelerator import AcceleratorSpec


def last_pass(builder, spec):
    network = builder.network()
    layouts, _ = allocate(network, spec, keep_all=True)
    return lower(network.layers[-1], network, spec, layouts)[-1]


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_tilings_cover_all_and_fit(tools, data):
    spec = tools.small_spec(buffer_bytes=4 * data.draw(st.sampled_from([64, 256, 1024])),
                            accumulator_depth=data.draw(st.sampled_from([2, 16, 100, 256])))
    height, width = data.draw(st.integers(3, 40)), data.draw(st.integers(3, 40))
    channels = data.draw(st.integers(1, 24))
    builder = tools.Builder((channels, height, width))
    kind = data.draw(st.sampled_from(["dense", "depthwise", "pool"]))
    stride = data.draw(st.integers(1, 3)), data.draw(st.integers(1, 3))
    if kind == "pool":
        builder.max_pool("input", (3, 2), stride=stride, padding=(1, 1, 0, 1))
    else:
        builder.conv("input", channels, padding=(1, 0, 1, 1), stride=stride,
                     groups=channels if kind == "depthwise" else 1)
    work = last_pass(builder, spec)
    try:
        tiling = choose_tilings(work, spec, 1)[0][1]
        tiling = dataclasses.replace(tiling, head=data.draw(st.integers(0, tiling.height)))
    except CompileError:
        assert kind == "dense" and channels > 8 and spec.buffer_rows == 64
        return
    assert tiling.height * tiling.width <= spec.accumulator_depth
    assert (tiling.source_areas * tiling.source_rows
            + tiling.target_areas * tiling.target_rows) <= spec.buffer_rows
    pixels = [pixel for tile in tiling.tiles(work) for pixel in itertools.product(
        range(tile.top, tile.bottom), range(tile.left, tile.right))]
    assert sorted(pixels) == list(itertools.product(range(work.target.height),
                                                    range(work.target.width)))
    blocks = [span.first + block for part in tiling.parts for span in part.spans
              for block in range(span.count)]
    assert blocks == list(range(work.target.blocks))
    for part in tiling.parts:
        assert all(part.channel <= span.channel and span.end_channel <= part.end_channel
                   for span in part.spans)


def test_a_small_layer_is_one_tile(tools):
    builder = tools.Builder((16, 8, 8))
    builder.conv("input", 16, padding=(1, 1, 1, 1))
    spec = AcceleratorSpec()
    work = last_pass(builder, spec)
    tiling = choose_tilings(work, spec, 1)[0][1]
    assert len(list(tiling.tiles(work))) * len(tiling.parts) <= 4
    assert estimate(work, tiling, Rates(spec)) < 9 * 64 * 1.8


def test_channels_of_depthwise_layers_are_loaded_in_parts(tools):
    builder = tools.Builder((64, 9, 9))
    builder.conv("input", 64, groups=64)
    spec = tools.small_spec(buffer_bytes=4 * 512)
    tiling = choose_tilings(last_pass(builder, spec), spec, 1)[0][1]
    assert len(tiling.parts) > 1
    assert tiling.parts[0].end_channel == tiling.parts[1].channel


def test_coordinates_stay_below_8192(tools):
    builder = tools.Builder((1, 1, 30000))
    builder.max_pool("input", (1, 255), stride=(1, 255))
    spec = tools.small_spec(buffer_bytes=4 * 65536)
    tiling = choose_tilings(last_pass(builder, spec), spec, 1)[0][1]
    assert (tiling.width - 1) * 255 + 255 < 8192
    tools.check(builder.network(), spec, builder.image())
