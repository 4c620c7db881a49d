"""Results, orders and cycles of the unit."""

import pytest
import torch

from sparrow.golden.winograd import (
    ConvLayer,
    ConvPass,
    ConvScales,
    conv_cycles,
    conv_results,
    keeps_up,
    plan,
    result_order,
    transform_weight,
    weight_blocks,
)
from sparrow.hw.spec import WinogradConvSpec


@pytest.mark.parametrize("tile", [2, 4])
def test_results_are_those_of_direct_convolution(tile):
    """Direct convolution in PyTorch, its bias, and one rounding, in exact integers."""
    spec = WinogradConvSpec(tile=tile, lanes=2, columns=3, post_lanes=1)
    generator = torch.Generator().manual_seed(tile)

    def draw(low, high, *shape):
        return torch.randint(low, high, shape, generator=generator)

    for number in range(10):
        channels, outputs = number % 5 + 1, number % 4 + 2
        activations = draw(-128, 128, channels, *draw(3, 9, 2).tolist())
        weights = draw(-128, 128, outputs, channels, 3, 3)
        padding, zero_point = draw(0, 3, 4).tolist(), int(draw(-128, 128, 1))
        scales = ConvScales(bias=draw(-90000, 90000, outputs), zero_point=int(draw(-9, 9, 1)),
                            mantissa=draw(1 << 15, 1 << 16, outputs),
                            shift=draw(22, 27, outputs), minimum=-100, maximum=120)
        top, left, bottom, right = padding
        padded = torch.nn.functional.pad(activations, (left, right, top, bottom), value=zero_point)
        sums = torch.nn.functional.conv2d(padded, weights, scales.bias)
        mantissa, shift = scales.mantissa[:, None, None], scales.shift[:, None, None]
        rounded = (sums * mantissa + (1 << shift - 1) >> shift) + scales.zero_point
        assert torch.equal(
            conv_results(spec, activations, weights, scales, padding=tuple(padding),
                         zero_point=zero_point), rounded.clamp(-100, 120))


def test_order_of_results():
    assert result_order(WinogradConvSpec(tile=2), 3, 4) == [
        (0, 0), (0, 2), (2, 0), (2, 2), (0, 1), (0, 3), (2, 1), (2, 3),
        (1, 0), (1, 2), (1, 1), (1, 3)]
    assert result_order(WinogradConvSpec(tile=4), 2, 6) == [
        (0, 0), (1, 0), (0, 1), (1, 1), (0, 2), (1, 2), (0, 3), (1, 3),
        (0, 4), (1, 4), (0, 5), (1, 5)]


def test_weight_blocks():
    """Taps row by row, or positions; channels that aren't there are 0."""
    spec = WinogradConvSpec(lanes=2, columns=3, post_lanes=1)
    weights = torch.arange(1, 4 * 3 * 9 + 1).reshape(4, 3, 3, 3)
    blocks = weight_blocks(spec, weights)
    assert blocks.shape == (2, 2, 9, 3, 2)
    assert blocks[0, 1, 5].tolist() == [[weights[0, 2, 1, 2], 0], [weights[1, 2, 1, 2], 0],
                                        [weights[2, 2, 1, 2], 0]]
    assert blocks[1, 0, 0].tolist() == [weights[3, :2, 0, 0].tolist(), [0, 0], [0, 0]]
    spec = spec.replace(kernels="transformed")
    blocks = weight_blocks(spec, weights)
    assert blocks.shape == (2, 2, 16, 3, 2)
    assert blocks[1, 0, 7, 0, 1] == transform_weight(spec.transform, weights)[3, 1, 1, 3]


def test_cycles_of_a_large_layer():
    """784 tiles, 16 positions, 4 × 4 blocks; and once: a block's reading, gaps between 28 passes,
    results that are still in the queue, latency."""
    spec = WinogradConvSpec()
    layer = ConvLayer(height=56, width=56, padding=(1, 1, 1, 1), in_channels=64, out_channels=64)
    assert conv_cycles(spec, layer, plan(spec, layer)) == 784 * 16 * 4 * 4 + (
        28 * 16 + 27 + 56 + 34)


def test_keeping_up():
    """128 results of 32 tiles; 8 cycles each are as many as 2 channel blocks take."""
    layer = ConvLayer(height=56, width=56, in_channels=32)
    spec = WinogradConvSpec(post_lanes=2)
    passes = plan(spec, layer)
    assert keeps_up(spec, layer, passes)
    assert not keeps_up(spec, ConvLayer(height=56, width=56, in_channels=16), passes)
    assert not keeps_up(spec.replace(post_lanes=1), layer, passes)
    assert not keeps_up(spec.replace(result_fifo_depth=127), layer, passes)
    spec = spec.replace(tile=4, post_lanes=8, result_fifo_depth=512)
    passes = [ConvPass(0, 0, 1, tiles, 4, 4 * tiles) for tiles in (20, 16, 15)]
    assert keeps_up(spec, layer, passes[:2])
    assert not keeps_up(spec, layer, passes[1:])
    assert keeps_up(spec, layer, passes[2:])
