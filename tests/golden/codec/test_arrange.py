"""The order in which weights are stored."""

import numpy as np
import pytest

from sparrow.golden.codec.arrange import Arrangement


def consumed(shape, four_bit, lanes):
    """Indices of an output channel's weights in the order of consumption, block by block."""
    _, channels, height, width = shape
    numbers = np.arange(channels * height * width).reshape(channels, height, width)
    if height * width > 1 and 4 * channels <= lanes:
        numbers = numbers.transpose(1, 2, 0).reshape(-1, 1, 1)
    channels, height, width = numbers.shape
    halves = 2 if four_bit else 1
    blocks = -(-channels // lanes)
    for first in range(0, blocks, halves):
        for row in range(height):
            for column in range(width):
                yield [numbers[block * lanes:(block + 1) * lanes, row, column].tolist()
                       for block in range(first, min(first + halves, blocks))]


@pytest.mark.parametrize("four_bit", [False, True])
@pytest.mark.parametrize("lanes, columns", [(16, 16), (4, 2), (1, 3)])
@pytest.mark.parametrize("shape", [(20, 1, 5, 5), (7, 40, 2, 3), (33, 17, 1, 1), (1, 4, 3, 3),
                                   (16, 3, 1, 1), (2, 6, 3, 3)])
def test_order(shape, lanes, columns, four_bit):
    found = Arrangement(shape, four_bit, lanes, columns)
    steps = list(consumed(shape, four_bit, lanes))
    blocks = [block for step in steps for block in step]
    assert found.order.tolist() == [place for block in blocks for place in block]
    assert found.sizes.tolist() == [len(block) for block in blocks]
    assert found.steps.tolist() == [number for number, step in enumerate(steps) for _ in step]
    assert found.step_count == len(steps)


@pytest.mark.parametrize("outputs, columns", [(1, 1), (1, 16), (16, 16), (17, 16), (9, 4)])
def test_lanes_own_output_channels(outputs, columns):
    found = Arrangement((outputs, 5, 3, 3), False, 4, columns)
    weights = np.random.default_rng(0).integers(-128, 128, (outputs, 5, 3, 3)).astype(np.int8)
    laid = found.lay(weights)
    for channel in range(outputs):
        own = laid[channel % columns, channel // columns]
        assert (own == weights[channel].ravel()[found.order]).all()
    assert (found.gather(laid) == weights).all()
    assert sum(found.columns_of(block) for block in range(found.output_blocks)) == outputs
