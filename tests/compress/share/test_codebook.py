"""Codebooks: as many entries as asked for, integers times a step that fits."""

import pytest
import torch

from sparrow.compress.share import shared_format, sharing_error


def some(seed=0, shape=(40, 50)):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("bits", (2, 3, 4, 5))
@pytest.mark.parametrize("value_bits", (8, 4))
def test_entries(bits, value_bits):
    weight = some()
    everything, half = torch.ones(40, 50, dtype=torch.bool), some(1) > 0
    form = shared_format(weight, everything, bits, value_bits=value_bits)
    pruned = shared_format(weight * half, half, bits, value_bits=value_bits)
    if value_bits == 8:
        assert len(form.codebook) == 2**bits
        assert len(pruned.codebook) == (31 if bits == 5 else 2**bits)
    for made in (form, pruned):
        integers = made.integers(made.codebook.double())
        assert torch.equal(integers.unique(), integers)
        assert int(integers.abs().max()) <= made.largest
        assert (integers * made.step).float().equal(made.codebook)
        assert made.bits == value_bits and made.step.shape == (1,)


def test_step_fits():
    weight, mask = some(), torch.ones(40, 50, dtype=torch.bool)
    errors = [sharing_error(weight, mask, shared_format(weight, mask, bits)) for bits in (2, 3, 4)]
    assert 0.1 < errors[0] < 0.2 and errors[2] < errors[1] / 2 < errors[0] / 4
    # centroids of few values that are integers times a step are exact
    grid = torch.tensor([-7.0, -3.0, 0.0, 1.0, 5.0]).repeat(8).view(4, 10) * 0.3
    form = shared_format(grid, torch.ones(4, 10, dtype=torch.bool), 3, value_bits=4)
    assert sharing_error(grid, torch.ones(4, 10, dtype=torch.bool), form) < 1e-12

def test_nothing_kept():
    weight, none = some(), torch.zeros(40, 50, dtype=torch.bool)
    form = shared_format(weight * 0, none, 4)
    assert form.codebook.tolist() == [0.0] and form.integers(weight).abs().max() == 0
    assert sharing_error(weight * 0, none, form) == 0
