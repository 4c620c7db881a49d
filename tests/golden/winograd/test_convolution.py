"""Whole convolutions by tiles against direct ones."""

import itertools

import pytest
import torch

from sparrow.golden.winograd import convolve, output_width, transform_input
from sparrow.hw.spec import WinogradSpec

KERNELS = [(2, (3, 3)), (1, (1, 3)), (1, (3, 1))]


def direct(activations, weights, padding, zero_point):
    top, left, bottom, right = padding
    padded = torch.nn.functional.pad(activations, (left, right, top, bottom), value=zero_point)
    return torch.nn.functional.conv2d(padded, weights)


@pytest.mark.parametrize("tile", [2, 4])
@pytest.mark.parametrize("dimensions, kernel", KERNELS, ids=str)
def test_random_layers(tile, dimensions, kernel):
    """Sizes from 1 × 1, ragged ones, any padding and zero point, 8 and 4 bits."""
    generator = torch.Generator().manual_seed(tile)

    def draw(low, high, *shape):
        return torch.randint(low, high + 1, shape, generator=generator)

    for number in range(40):
        widths = [8, 4][number % 2], [8, 4][number // 2 % 2]
        channels, outputs = int(draw(1, 20, 1)), int(draw(1, 5, 1))
        spec = WinogradSpec(tile=tile, dimensions=dimensions, activation_width=widths[0],
                            weight_width=widths[1], output_width=output_width(
                                channels, kernel[0] * kernel[1], (-128, 127), (-128, 127)))
        size = draw(1, 11, 2).tolist()
        padding = tuple(draw(0, 2, 4).tolist())
        size = [max(length, taps - padding[index] - padding[index + 2])
                for index, (length, taps) in enumerate(zip(size, kernel, strict=True))]
        limit = [1 << (width - 1) for width in widths]
        activations = draw(-limit[0], limit[0] - 1, 2, channels, *size)
        weights = draw(-limit[1], limit[1] - 1, outputs, channels, *kernel)
        zero_point = int(draw(-limit[0], limit[0] - 1, 1))
        assert torch.equal(
            convolve(spec, activations, weights, padding=padding, zero_point=zero_point),
            direct(activations, weights, padding, zero_point))


@pytest.mark.parametrize("tile", [2, 4])
def test_extreme_layers(tile):
    """The output's width is reached by all extremes of activations and weights."""
    channels = 9
    width = output_width(channels, 9, (-128, 127), (-128, 127))
    assert width == 22
    spec = WinogradSpec(tile=tile, output_width=width)
    for activation, weight in itertools.product((-128, 127), repeat=2):
        activations = torch.full((1, channels, 6, 5), activation)
        weights = torch.full((2, channels, 3, 3), weight)
        assert torch.equal(convolve(spec, activations, weights), torch.full(
            (1, 2, 4, 3), channels * 9 * activation * weight))


@pytest.mark.parametrize("tile", [2, 4])
def test_every_kernel_of_extremes(tile):
    """All kernels of extreme weights at once, as output channels, on random extreme tiles."""
    kernels = torch.tensor(list(itertools.product((-128, 127), repeat=9))).reshape(-1, 1, 3, 3)
    generator = torch.Generator().manual_seed(tile)
    activations = torch.randint(0, 2, (1, 1, 22, 22), generator=generator) * 255 - 128
    spec = WinogradSpec(tile=tile, output_width=19)
    assert torch.equal(convolve(spec, activations, kernels), direct(activations, kernels,
                                                                    (0, 0, 0, 0), 0))


def test_too_narrow_an_output_wraps():
    spec = WinogradSpec(output_width=12)
    sums = convolve(spec, torch.full((1, 1, 3, 3), 127), torch.full((1, 1, 3, 3), 127))
    assert sums.item() == (9 * 127 * 127 + 2048) % 4096 - 2048


@pytest.mark.parametrize("values, text", [
    ({"weights": torch.zeros(1, 1, 5, 5, dtype=torch.int8)},
     "weights must have the kernel (3, 3), not the shape (1, 1, 5, 5)"),
    ({"weights": torch.full((1, 1, 3, 3), 128)}, "weights must be from -128 to 127, not 128"),
    ({"activations": torch.full((1, 1, 4, 4), 200)}, "Tiles must be from -128 to 127, not 200"),
    ({"activations": torch.zeros(1, 1, 2, 4, dtype=torch.int8)},
     "activations must be as large as the kernel, not 2 × 4 with padding"),
    ({"zero_point": 128}, "zero_point must be from -128 to 127, not 128"),
])
def test_refused(values, text):
    layer = {"activations": torch.zeros(1, 1, 4, 4, dtype=torch.int8),
             "weights": torch.zeros(1, 1, 3, 3, dtype=torch.int8)}
    with pytest.raises(ValueError) as error:
        convolve(WinogradSpec(), **layer | values)
    assert str(error.value) == text


def test_other_types_refused():
    with pytest.raises(TypeError, match="Tiles must be integers, not torch.float32"):
        transform_input(WinogradSpec(), torch.zeros(4, 4))
    with pytest.raises(ValueError, match=r"Tiles must have the shape \(4, 4\) at last"):
        transform_input(WinogradSpec(), torch.zeros(4, 3, dtype=torch.int8))
