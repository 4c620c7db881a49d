"""Where tensors lie."""

import itertools

import numpy as np
import pytest

from sparrow.compiler import layout as module
from sparrow.compiler.errors import CompileError
from sparrow.compiler.layout import TensorLayout, allocate


def layout(segments=(5, 3, 9), height=2, width=3, offset=0):
    return TensorLayout(name="x", height=height, width=width, segments=segments, lanes=4,
                        offset=offset)


def test_segments_begin_with_new_blocks():
    tensor = layout()
    assert (tensor.channels, tensor.blocks, tensor.plane_bytes, tensor.size) == (17, 6, 24, 144)
    assert tensor.positions.tolist() == [0, 1, 2, 3, 4, 8, 9, 10, *range(12, 21)]


def test_bytes_are_ordered_by_block_row_column_lane():
    tensor = layout(segments=(5,), offset=10)
    memory = np.full(80, 77, np.uint8)
    values = np.arange(30, dtype=np.int8).reshape(5, 2, 3)
    tensor.write(memory, values)
    assert (memory[:10] == 77).all() and (memory[58:] == 77).all()
    for channel, row, column in itertools.product(range(5), range(2), range(3)):
        place = 10 + channel // 4 * 24 + row * 12 + column * 4 + channel % 4
        assert memory[place] == values[channel, row, column]
    assert memory[10 + 24 + 1] == 0  # padding
    assert (tensor.read(memory) == values).all()


def test_bytes_of_an_image_are_ordered_by_row_column_channel():
    tensor = TensorLayout(name="x", height=2, width=3, segments=(3,), lanes=4, offset=8,
                          format="image")
    assert (tensor.row_bytes, tensor.size) == (12, 24)
    memory = np.full(40, 77, np.uint8)
    values = np.arange(18, dtype=np.int8).reshape(3, 2, 3)
    tensor.write(memory, values)
    assert (memory[:8] == 77).all() and (memory[32:] == 77).all()
    for channel, row, column in itertools.product(range(3), range(2), range(3)):
        assert memory[8 + row * 12 + column * 3 + channel] == values[channel, row, column]
    assert (memory[17:20] == 0).all()  # padding
    assert (tensor.read(memory) == values).all()


def test_bytes_of_what_is_flat_are_ordered_by_channel_row_column():
    tensor = TensorLayout(name="x", height=2, width=3, segments=(3,), lanes=4, offset=8,
                          format="flat")
    assert tensor.size == 20
    memory = np.full(40, 77, np.uint8)
    values = np.arange(1, 19, dtype=np.int8).reshape(3, 2, 3)
    tensor.write(memory, values)
    assert (memory[:8] == 77).all() and (memory[28:] == 77).all()
    assert memory[8:26].tolist() == values.reshape(-1).tolist()
    assert (memory[26:28] == 0).all()  # padding
    assert (tensor.read(memory) == values).all()
    with pytest.raises(ValueError, match="shape"):
        tensor.write(memory, values.reshape(18, 1, 1))


@pytest.mark.parametrize("shape, weight_bits, steps", [
    ((1, 5, 5), 8, 7), ((1, 5, 5), 4, 4), ((3, 2, 3), 8, 5), ((6, 1, 1), 8, 2)])
def test_linear_layers_take_a_flat_input(tools, shape, weight_bits, steps):
    builder = tools.Builder(shape, seed=4)
    builder.linear("input", 6, weight_bits=weight_bits, name="a")
    builder.linear("input", 6, name="b")
    builder.add("a", "b", name="sum")
    program = tools.check(builder.network(), tools.small_spec(), builder.image(),
                          orders=("eager", "lazy", 1))
    assert program.tensors["input"].format == ("flat" if shape[1] > 1 else "blocks")
    assert program.layers[0].vectors == 2 * steps


def test_inputs_that_others_read_are_not_flat(tools):
    builder = tools.Builder((1, 5, 5), seed=4)
    builder.linear("input", 6, name="a")
    builder.max_pool("input", (2, 2), name="b")
    builder.linear("b", 6, name="c")
    builder.add("a", "c", name="sum")
    program = tools.check(builder.network(), tools.small_spec(), builder.image())
    assert program.tensors["input"].format == "blocks"


def test_refuses_other_formats():
    with pytest.raises(ValueError,
                       match="format of x must be one of blocks, image, flat, chip, "
                             "not 'rows'"):
        TensorLayout(name="x", height=2, width=3, segments=(3,), lanes=4, format="rows")


def test_write_refuses_other_tensors():
    with pytest.raises(ValueError, match=r"x must be an int8 tensor of shape \(5, 2, 3\), not "
                                         r"int8 of shape \(5, 3, 2\)"):
        layout(segments=(5,)).write(np.zeros(80, np.uint8), np.zeros((5, 3, 2), np.int8))


@pytest.fixture
def chain(tools):
    builder = tools.Builder((5, 6, 6))
    source = "input"
    for _ in range(5):
        source = builder.max_pool(source, (1, 1))
    return builder.network()


def test_all_tensors_have_memory_of_their_own(chain, tools):
    spec = tools.small_spec()
    layouts, size = allocate(chain, spec, keep_all=True)
    places = sorted((tensor.offset, tensor.offset + tensor.size) for tensor in layouts.values())
    assert all(one[1] <= other[0] for one, other in itertools.pairwise(places))
    assert places[-1][1] <= size == 4096
    assert all(start % 64 == 0 for start, _ in places)  # a burst


def test_memory_is_used_again(chain, tools):
    spec = tools.small_spec()
    layouts, _ = allocate(chain, spec, keep_all=False)
    assert len({tensor.offset for tensor in layouts.values()}) == 2
    names = ["input", *(layer.name for layer in chain)]
    assert all(layouts[one].offset != layouts[other].offset
               for one, other in itertools.pairwise(names))


def test_a_concatenation_holds_its_inputs(tools):
    builder = tools.Builder((5, 6, 6))
    builder.max_pool("input", (1, 1), name="a")
    builder.max_pool("input", (1, 1), name="b")
    builder.concat("b", "a", type_="a", name="ba")
    builder.concat("ba", "b", type_="a", name="bab")
    builder.concat("a", "bab", type_="a", name="end")  # all are part of something already but bab
    layouts, _ = allocate(builder.network(), tools.small_spec(), keep_all=False)
    base, plane = layouts["end"].offset, 36 * 4
    assert layouts["bab"].offset == base + 2 * plane
    assert layouts["ba"].offset == layouts["b"].offset == base + 2 * plane
    assert layouts["a"].offset == base + 4 * plane
    assert layouts["bab"].segments == (5, 5, 5) and layouts["end"].blocks == 8


def test_refuses_more_than_the_address_space(tools, monkeypatch):
    builder = tools.Builder((5, 64, 64))
    builder.max_pool("input", (1, 1))
    monkeypatch.setattr(module, "LARGEST_WINDOW", 65535)
    with pytest.raises(CompileError) as info:
        allocate(builder.network(), tools.small_spec(), keep_all=True)
    assert str(info.value) == ("Network 'net': tensors must take at most 65535 bytes, "
                               "not 65536")
