"""The blocks in which weights are stored."""

import numpy as np
import pytest

from sparrow.golden.codec.arrange import Arrangement


def blocks(weights, halves, lanes, columns):
    """The blocks of a layer, element by element."""
    outputs, channels, height, width = weights.shape
    if height * width > 1 and 4 * channels <= lanes:
        weights = weights.transpose(0, 2, 3, 1).reshape(outputs, -1, 1, 1)
    outputs, channels, height, width = weights.shape
    for output in range(0, outputs, columns):
        for first in range(0, channels, halves * lanes):
            for row in range(height):
                for column in range(width):
                    block = np.zeros((halves, lanes, columns), np.int8)
                    for half, lane, own in np.ndindex(block.shape):
                        channel = first + half * lanes + lane
                        if output + own < outputs and channel < channels:
                            block[half, lane, own] = weights[output + own, channel, row, column]
                    yield block


@pytest.mark.parametrize("four_bit", [False, True])
@pytest.mark.parametrize("lanes, columns", [(16, 16), (4, 2), (8, 1)])
@pytest.mark.parametrize("shape", [(20, 1, 5, 5), (7, 40, 2, 3), (33, 17, 1, 1), (1, 4, 3, 3),
                                   (16, 3, 1, 1), (2, 6, 3, 3), (3, 2, 3, 3)])
def test_order(shape, lanes, columns, four_bit):
    found = Arrangement(shape, four_bit, lanes, columns)
    weights = np.random.default_rng(0).integers(-128, 128, shape).astype(np.int8)
    laid = found.lay(weights)
    wanted = list(blocks(weights, 2 if four_bit else 1, lanes, columns))
    assert laid.shape[:2] == (found.output_blocks, found.steps)
    assert (laid.reshape(-1, *laid.shape[2:]) == np.array(wanted)).all()
    assert (found.gather(laid) == weights).all()
