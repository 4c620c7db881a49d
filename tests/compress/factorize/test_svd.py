"""Singular value decomposition of linear layers and convolutions of one tap."""

import pytest
import torch

from sparrow.compress.factorize import Target, chain, factor_svd

from .nodes import conv, difference, linear, random


def test_linear_of_low_rank_is_exact():
    node = linear(random(20, 4) @ random(4, 30, seed=1), minimum=0.0, maximum=3.0)
    for target in (Target(rank=4), Target(energy=1.0 - 1e-9)):
        factors = factor_svd(node, target)
        assert factors.rank == (4,) and factors.weights == 4 * 50 and factors.error < 1e-9
        made = chain(node, (30, 1, 1), factors.stages)
        assert [part.name for part in made] == ["fc.in", "fc.out"]
        assert [(part.minimum, part.maximum) for part in made] == [(None, None), (0.0, 3.0)]
        assert difference(node, (30, 1, 1), made) < 1e-5


def test_flattened_image():
    node = linear(random(6, 2) @ random(2, 5 * 3 * 2, seed=1))
    assert difference(node, (5, 3, 2), chain(node, (5, 3, 2), factor_svd(
        node, Target(rank=2)).stages)) < 1e-5


def test_one_tap_with_stride_and_padding():
    weight = (random(12, 3) @ random(3, 10, seed=1))[:, :, None, None]
    node, shape = conv(weight, stride=(2, 1), padding=(1, 2, 0, 1), minimum=-1.0)
    made = chain(node, shape, factor_svd(node, Target(rank=3)).stages)
    assert [part.weight.shape for part in made] == [(3, 10, 1, 1), (12, 3, 1, 1)]
    assert difference(node, shape, made) < 1e-5


def test_best_of_its_rank():
    weight = random(16, 24)
    factors = factor_svd(linear(weight), Target(rank=5))
    product = factors.stages[1].weight @ factors.stages[0].weight
    values = torch.linalg.svdvals(weight)
    expected = float(values[5:].square().sum() / values.square().sum())
    found = float((product - weight).square().sum() / weight.square().sum())
    assert found == pytest.approx(expected, rel=1e-5) and factors.error == pytest.approx(expected)
    sizes = [stage.weight.abs().mean() for stage in factors.stages]
    assert 0.5 < sizes[0] / sizes[1] < 2


def test_ranks():
    values = torch.tensor([4.0, 2.0, 1.0, 0.5])
    node = linear(torch.diag(values).double())
    energies = values.square() / values.square().sum()
    for rank in (1, 2, 3, 4):
        just = float(energies[:rank].sum()) - 1e-6
        assert factor_svd(node, Target(energy=just)).rank == (rank,)
    wide = linear(random(100, 60))
    assert factor_svd(wide, Target(ratio=4.0)).rank == (6000 // 4 // 160,)
    assert factor_svd(wide, Target(ratio=100.0)).rank == (1,)
    assert factor_svd(wide, Target(rank=99)).rank == (60,)
    assert factor_svd(linear(torch.zeros(4, 4)), Target(energy=0.9)).rank == (1,)
