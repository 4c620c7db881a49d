"""Widths: reached, not exceeded, those of the specification, and none has a bit to spare."""

import itertools
from fractions import Fraction

import pytest
import torch

from sparrow.golden.winograd import (
    cook_toom,
    matrices,
    output_width,
    transform_input,
    transform_output,
    transform_weight,
    widths,
)
from sparrow.golden.winograd.transforms import signed_range, wrapped
from sparrow.golden.winograd.widths import signed_width
from sparrow.hw.spec import WinogradSpec

KINDS = list(itertools.product((2, 4), (1, 2)))


def extreme_tensors(matrix, dimensions, width):
    """For each element of a transform, the operands that make it largest and smallest."""
    low, high = signed_range(width)
    rows = torch.tensor(matrix)
    coefficients = rows if dimensions == 1 else torch.einsum("ia,jb->ijab", rows, rows).flatten(
        0, 1)
    largest = torch.where(coefficients > 0, high, low)
    return torch.cat([largest, torch.where(coefficients > 0, low, high)])


@pytest.mark.parametrize("tile, dimensions", KINDS)
@pytest.mark.parametrize("width", range(2, 9))
def test_reached_and_not_exceeded(tile, dimensions, width):
    spec = WinogradSpec(tile=tile, dimensions=dimensions, activation_width=width,
                        weight_width=width)
    found = matrices(tile)
    for matrix, transform, stated in (
            (found.input, transform_input, spec.multiplier_activation_width),
            (found.weight, transform_weight, spec.multiplier_weight_width)):
        values = transform(spec, extreme_tensors(matrix, dimensions, width))
        assert signed_width(int(values.min()), int(values.max())) == stated


@pytest.mark.parametrize("tile, dimensions", KINDS)
@pytest.mark.parametrize("width", range(2, 9))
def test_analysis_agrees_with_the_specification(tile, dimensions, width):
    spec = WinogradSpec(tile=tile, dimensions=dimensions, activation_width=width,
                        weight_width=width)
    derived = widths(matrices(tile), dimensions, signed_range(width), signed_range(width))
    assert (derived.activation, derived.weight, derived.shift) == (
        spec.multiplier_activation_width, spec.multiplier_weight_width,
        spec.sum_width - spec.output_width)
    assert derived.divisor << derived.shift == matrices(tile).scale ** dimensions


def test_precisions_of_the_array():
    """8- and 4-bit operands; and what a zero point costs that is subtracted before."""
    found = matrices(2), matrices(4)
    int8, int4 = signed_range(8), signed_range(4)
    pairs = [(int8, int8), (int8, int4), (int4, int4)]
    assert [(w.activation, w.weight) for m in found for w in (
        widths(m, 2, *pair) for pair in pairs)] == [(10, 12), (10, 8), (6, 8),
                                                    (15, 14), (15, 10), (11, 10)]
    assert widths(found[0], 2, (0, 255), int8).activation == 11
    assert widths(found[0], 2, (-255, 255), int8).activation == 11


def outputs(spec, tiles, kernels, activation_width, weight_width, sum_width):
    """All tiles with all kernels, each on two equal channels, with numbers of some widths."""
    moving = wrapped(transform_input(spec, tiles), activation_width)
    stationary = wrapped(transform_weight(spec, kernels), weight_width)
    sums = 2 * moving.unsqueeze(1) * stationary
    return transform_output(spec, wrapped(sums, sum_width))


@pytest.mark.parametrize("tile, dimensions", KINDS)
def test_no_bit_to_spare(tile, dimensions):
    """The stated widths give the convolution of any extremes; one bit less anywhere doesn't."""
    needed = output_width(2, 3**dimensions, (-128, 127), (-128, 127))
    spec = WinogradSpec(tile=tile, dimensions=dimensions, output_width=needed)
    shape = (-1, *[spec.side] * dimensions)
    tiles = extreme_tensors(matrices(tile).input, dimensions, 8).reshape(shape)
    tiles = torch.cat([tiles, torch.full_like(tiles[:1], -128)])
    kernels = extreme_tensors(matrices(tile).weight, dimensions, 8).reshape(
        -1, *[3] * dimensions)
    kernels = torch.cat([kernels, torch.full_like(kernels[:1], -128)])
    filters = kernels.unsqueeze(1) if dimensions == 2 else kernels[:, None, None]
    images = tiles.unsqueeze(1) if dimensions == 2 else tiles[:, None, None]
    expected = 2 * torch.nn.functional.conv2d(images, filters)
    if dimensions == 1:
        expected = expected.squeeze(2)
    stated = [spec.multiplier_activation_width, spec.multiplier_weight_width, spec.sum_width]
    assert torch.equal(outputs(spec, tiles, kernels, *stated), expected)
    for place in range(3):
        less = [width - (number == place) for number, width in enumerate(stated)]
        assert not torch.equal(outputs(spec, tiles, kernels, *less), expected)


@pytest.mark.parametrize("largest", [2, pytest.param(3, marks=pytest.mark.heavy)])
@pytest.mark.parametrize("tile, product", [(2, 10 * 12), (4, 15 * 14)])
def test_no_other_points_need_smaller_multipliers(tile, product, largest):
    """Of all fractions with numbers up to the largest, by bits of both operands multiplied."""
    candidates = {Fraction(sign * above, below) for above in range(largest + 1)
                  for below in range(1, largest + 1) for sign in (1, -1)}
    found = [widths(cook_toom(points), 2, (-128, 127), (-128, 127))
             for points in itertools.combinations(sorted(candidates), tile + 1)]
    assert min(width.activation * width.weight for width in found) == product
