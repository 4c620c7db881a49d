"""Fast scaling against the definition."""

import pytest
import torch

from sparrow.golden.network import Numbers, Rounding
from sparrow.golden.network.arithmetic import rescale_inputs, rescale_int, to_elements
from sparrow.golden.post import (
    requantize,
    rounding_divide_by_pot,
    saturating_rounding_doubling_high_mul,
)
from sparrow.hw.spec.requantize import RequantizeSpec

NUMBERS = [Numbers(), Numbers(rounding="half_even"), Numbers(mantissa_width=31),
           Numbers(mantissa_width=31, rounding="half_even"),
           Numbers(rounding="tflite", mantissa_width=31, shift_width=5)]


def scale_of(sums, mantissa, tflite):
    """A shift with which most results are within 8 bits."""
    exponent = max(1, int(sums.abs().max())).bit_length() + mantissa.bit_length() - 8
    return exponent - 31 if tflite else exponent


@pytest.mark.parametrize("numbers", NUMBERS)
@pytest.mark.parametrize("width", [8, 16, 21, 22, 24, 32])
@pytest.mark.parametrize("mantissa_bits", [1, 14, 31])
def test_sums(numbers, width, mantissa_bits):
    """Sums at the limits, ties among them, in more channels than one requantizer has."""
    generator = torch.Generator().manual_seed(width)
    channels, bound = 130, 2**(width - 1)
    sums = torch.randint(-bound, bound, (3, channels, 5), generator=generator)
    sums[0, :, 0], sums[0, :, 1] = -bound, bound - 1
    highest = min(2**mantissa_bits - 1, numbers.maximum_mantissa)
    mantissa = torch.randint(highest // 2 + 1, highest + 1, (channels,), generator=generator)
    mantissa[::3] = (highest + 1) // 2  # a power of two, so that there are ties
    base = scale_of(sums, highest, numbers.rounding is Rounding.TFLITE)
    shift = (base + torch.arange(channels) % 5 - 2).clamp(0, numbers.maximum_shift)
    shift[1] = numbers.maximum_shift
    parts = []
    for start in range(0, channels, 10):
        spec = RequantizeSpec(columns=10, lanes=1, shift_width=numbers.shift_width,
                              mantissa_width=numbers.mantissa_width, rounding=numbers.rounding)
        parts.append(requantize(spec, sums[:, start:start + 10].movedim(1, -1),
                                mantissa[start:start + 10], shift[start:start + 10], 9, -101, 99))
    expected = torch.cat(parts, dim=-1).movedim(-1, 1)
    found = to_elements(numbers, sums.to(torch.float64), bound, mantissa, shift, 9, -101, 99)
    assert found.dtype == torch.int8
    assert torch.equal(found.to(torch.int64), expected)
    single = [[rescale_int(numbers, value, int(mantissa[c]), int(shift[c])) + 9
               for value in sums[0, c].tolist()] for c in range(channels)]
    assert torch.equal(torch.tensor(single).clamp(-101, 99), expected[0])


@pytest.mark.parametrize("numbers", NUMBERS)
@pytest.mark.parametrize("left_shift", [0, 20])
@pytest.mark.parametrize("shift", [0, 1, 7, 15, 31, 40, 52, 63])
def test_inputs(numbers, left_shift, shift):
    shift = min(shift, numbers.maximum_shift)
    values = torch.arange(-255, 256)
    for mantissa in (0, 1, 2**(numbers.mantissa_width - 1), numbers.maximum_mantissa):
        found = rescale_inputs(numbers, values.to(torch.float64), left_shift, mantissa, shift)
        shifted = values << left_shift
        if numbers.rounding is Rounding.TFLITE:
            expected = rounding_divide_by_pot(
                saturating_rounding_doubling_high_mul(shifted, torch.tensor(mantissa)), shift)
        else:
            expected = torch.tensor([rescale_int(numbers, value, mantissa, shift)
                                     for value in shifted.tolist()])
        assert torch.equal(found.to(torch.int64), expected)


@pytest.mark.parametrize("value, mantissa, shift, expected", [
    (6090213, 1640724499, 48, 35), (14666067, 1141939493, 48, 59), (24550941, 1765600203, 50, 38)])
def test_products_just_below_a_tie(value, mantissa, shift, expected):
    """Products of 54 and more bits, 2^-shift below a half, which float64 takes for a half."""
    assert value * mantissa == (expected << shift) + (1 << (shift - 1)) - 1
    found = to_elements(Numbers(mantissa_width=31), torch.tensor([[value]], dtype=torch.float64),
                        value, torch.tensor([mantissa]), torch.tensor([shift]), 0, -128, 127)
    assert found.tolist() == [[expected]]
