"""Passes of a layer: they cover it, the fields say the same, none are faster."""

import itertools
import random

import pytest
import torch
from amaranth.hdl import Shape

from sparrow.golden.winograd import ConvLayer, pass_fields, plan
from sparrow.golden.winograd.passes import MOST_BLOCKS, MOST_PIXELS, ConvPass, block_cycles
from sparrow.hw.spec import WinogradConvSpec
from sparrow.hw.winograd.layouts import pass_layout


def random_layers(seed, number):
    """Specifications of many sizes, and layers whose image fits their memory."""
    source = random.Random(seed)
    for _ in range(number):
        lanes = source.choice((2, 3, 16))
        spec = WinogradConvSpec(tile=source.choice((2, 4)), lanes=lanes, columns=4, post_lanes=4,
                                tiles=source.choice((2, 3, 7, 32)), rows=1024)
        padding = tuple(source.randint(0, 2) for _ in range(4))
        height, width = (max(source.randint(1, 18), 3 - padding[side] - padding[side + 2])
                         for side in range(2))
        yield source, spec, ConvLayer(height=height, width=width, padding=padding,
                                      in_channels=source.randint(1, 3 * lanes),
                                      out_channels=source.randint(1, 9))


def test_every_pixel_once():
    for _, spec, layer in random_layers(1, 200):
        times = torch.zeros(layer.out_height, layer.out_width, dtype=torch.int64)
        for part in plan(spec, layer):
            times[part.row:part.row + part.out_height,
                  part.column:part.column + part.out_width] += 1
            assert part.row % spec.tile == part.column % spec.tile == 0
            assert part.tiles <= spec.tiles
            for tiles, pixels in ((part.tiles_y, part.out_height), (part.tiles_x, part.out_width)):
                assert (tiles - 1) * spec.tile < pixels <= tiles * spec.tile
        assert (times == 1).all()


def test_fields_fit_and_are_all_there():
    for source, spec, layer in random_layers(2, 50):
        layout = pass_layout(spec)
        for part in plan(spec, layer):
            fields = pass_fields(spec, layer, part, base=source.randrange(spec.rows),
                                 zero_point=source.randint(-128, 127))
            assert set(fields) == {name for name, _ in layout}
            for name, field in layout:
                shape = Shape.cast(field.shape)
                lowest = -1 << shape.width - 1 if shape.signed else 0
                assert lowest <= fields[name] < lowest + (1 << shape.width), name


@pytest.mark.parametrize("gaps", [(0, 0), (2, 5)])
def test_fields_lead_to_the_pixels(gaps):
    """What a pass finds in memory by its fields alone, convolved, is its part of the result."""
    generator = torch.Generator().manual_seed(3)
    for source, spec, layer in random_layers(3, 30):
        image = torch.randint(-128, 128, (layer.blocks(spec)[0], layer.height, layer.width),
                              generator=generator)
        kernel = torch.randint(-9, 9, (3, 3), generator=generator)
        row_step = layer.width + gaps[0]
        block_step = layer.height * row_step + gaps[1]
        base, zero_point = source.randrange(spec.rows), source.randint(-128, 127)
        memory = torch.full((spec.rows,), 1000)
        for block, y, x in itertools.product(*map(range, image.shape)):
            memory[(base + block * block_step + y * row_step + x) % spec.rows] = image[block, y, x]
        top, left, bottom, right = layer.padding
        whole = direct(torch.nn.functional.pad(image, (left, right, top, bottom),
                                               value=zero_point), kernel)
        steps = {} if gaps == (0, 0) else {"row_step": row_step, "block_step": block_step}
        for part in plan(spec, layer):
            fields = pass_fields(spec, layer, part, base=base, zero_point=zero_point, **steps)
            found = direct(read(spec, memory, fields), kernel)
            assert torch.equal(found, whole[:, part.row:part.row + part.out_height,
                                            part.column:part.column + part.out_width])


def direct(image, kernel):
    return torch.nn.functional.conv2d(image[:, None], kernel[None, None])[:, 0]


def read(spec, memory, fields):
    """The pixels under a pass, one value each, shape (channel blocks, rows, columns)."""
    rows, columns = fields["out_height"] + 2, fields["out_width"] + 2
    found = torch.full((fields["channel_blocks"], rows, columns), fields["pad_value"])
    for block, row, column in itertools.product(*map(range, found.shape)):
        if (0 <= fields["y"] + row < fields["height"]
                and 0 <= fields["x"] + column < fields["width"]):
            found[block, row, column] = memory[
                (fields["source"] + block * fields["block_step"] + row * fields["row_step"]
                 + column) % spec.rows]
    return found


def test_none_is_faster():
    """As fast as the fastest of all cuts into rectangles of one size and what is left over."""
    for _, spec, layer in random_layers(4, 60):
        height, width = -(-layer.out_height // spec.tile), -(-layer.out_width // spec.tile)
        fastest = min(
            sum(block_cycles(spec, min(down, height - y) * min(across, width - x))
                for y in range(0, height, down) for x in range(0, width, across))
            for down in range(1, height + 1) for across in range(1, width + 1)
            if down * across <= spec.tiles)
        found = sum(block_cycles(spec, part.tiles) for part in plan(spec, layer))
        assert found <= fastest


@pytest.mark.parametrize("size, tiles", [
    ((56, 56), [28] * 28),  # rows of tiles
    ((16, 16), [32, 32]),  # several
    ((6, 6), [9]), ((1, 1), [1]),
    ((2, 130), [21, 22, 22])])  # parts of one
def test_known_plans(size, tiles):
    layer = ConvLayer(height=size[0], width=size[1], padding=(1, 1, 1, 1))
    assert [part.tiles for part in plan(WinogradConvSpec(), layer)] == tiles


def test_strips():
    """Three passes that are all upright, of 80 tiles; rows of tiles would be four."""
    layer = ConvLayer(height=7, width=40, padding=(1, 1, 1, 1))
    assert plan(WinogradConvSpec(), layer) == [
        ConvPass(0, 0, 4, 6, 7, 12), ConvPass(0, 12, 4, 7, 7, 14), ConvPass(0, 26, 4, 7, 7, 14)]


@pytest.mark.parametrize("values, text", [
    ({"height": 2048}, f"height must be from 1 to {MOST_PIXELS}, not 2048"),
    ({"width": 0}, "width must be from 1 to 2047, not 0"),
    ({"width": 2}, "out_width must be from 1 to 2047, not 0"),
    ({"height": 2047, "padding": (2, 0, 1, 0)}, "out_height must be from 1 to 2047, not 2048"),
    ({"padding": (0, 1, -1, 0)}, "padding must be at least 0, not -1"),
    ({"in_channels": 0}, "in_channels must be at least 1, not 0")])
def test_refused(values, text):
    with pytest.raises(ValueError) as error:
        ConvLayer(**{"height": 8, "width": 8} | values)
    assert str(error.value) == text


def test_too_many_blocks():
    layer = ConvLayer(height=8, width=8, in_channels=16 * 1023, out_channels=16 * 1023 + 1)
    with pytest.raises(ValueError) as error:
        layer.blocks(WinogradConvSpec())
    assert str(error.value) == f"out_channels must make at most {MOST_BLOCKS} blocks, not 1024"
    assert ConvLayer(height=8, width=8, in_channels=16 * 1023).blocks(WinogradConvSpec()) == (
        MOST_BLOCKS, 1)


def test_strips_that_lie():
    """5 × 8 tiles, 7 a pass: seven passes from strips of 2 and 3 rows, eight from upright ones."""
    spec = WinogradConvSpec(tiles=7, lanes=2, columns=2, post_lanes=2)
    found = plan(spec, ConvLayer(height=12, width=18))
    assert len(found) == 7
    assert found[2:4] == [ConvPass(0, 10, 2, 3, 4, 6), ConvPass(4, 0, 3, 2, 6, 4)]
