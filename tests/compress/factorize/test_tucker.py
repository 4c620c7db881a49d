"""Tucker-2 of convolutions."""

import torch

from sparrow.compress.factorize import Target, chain, factor_tucker, macs

from .nodes import conv, difference, random


def low(outputs=14, inputs=11, ranks=(4, 3)):
    """A weight of ranks (output, input)."""
    return torch.einsum("ao,oihw,bi->abhw", random(outputs, ranks[0]),
                        random(*ranks, 3, 2, seed=1), random(inputs, ranks[1], seed=2))


def test_low_rank_is_exact():
    node, shape = conv(low(), stride=(2, 1), padding=(1, 0, 2, 1), dilation=(1, 2), minimum=0.0)
    for target in (Target(rank=(3, 4)), Target(energy=1 - 1e-9)):
        factors = factor_tucker(node, target)
        assert factors.rank == (3, 4) and factors.error < 1e-9
        made = chain(node, shape, factors.stages)
        assert [part.name for part in made] == ["conv.in", "conv.core", "conv.out"]
        assert [tuple(part.weight.shape) for part in made] == [
            (3, 11, 1, 1), (4, 3, 3, 2), (14, 4, 1, 1)]
        assert [part.minimum for part in made] == [None, None, 0.0]
        assert factors.weights == sum(part.weight.numel() for part in made) == 33 + 72 + 56
        assert difference(node, shape, made) < 1e-5
    height, width = node.shape[1:]
    assert [macs(part) for part in made] == [33 * shape[1] * shape[2], 72 * height * width,
                                             56 * height * width]


def test_full_ranks_are_multiplied_in():
    node, shape = conv(low(ranks=(4, 11)))
    made = chain(node, shape, factor_tucker(node, Target(rank=(11, 4))).stages)
    assert [part.name for part in made] == ["conv.core", "conv.out"]
    assert difference(node, shape, made) < 1e-5
    node, shape = conv(low(ranks=(14, 3)))
    made = chain(node, shape, factor_tucker(node, Target(rank=(3, 14))).stages)
    assert [part.name for part in made] == ["conv.in", "conv.core"]
    assert difference(node, shape, made) < 1e-5
    node, shape = conv(random(14, 11, 3, 2))
    full = factor_tucker(node, Target(rank=99))
    assert full.weights == node.weight.numel()
    assert difference(node, shape, chain(node, shape, full.stages)) == 0


def test_energy_bounds_the_error():
    node, _ = conv(random(14, 11, 3, 3))
    weights = []
    for energy in (0.5, 0.8, 0.95):
        factors = factor_tucker(node, Target(energy=energy))
        assert factors.error <= 1 - energy
        weights.append(factors.weights)
    assert weights == sorted(weights)


def test_ratio_is_the_best_pair():
    node, _ = conv(low() + 0.05 * random(14, 11, 3, 2, seed=3))
    factors = factor_tucker(node, Target(ratio=4.0))
    assert factors.weights <= node.weight.numel() / 4
    for rank in ((1, 1), (2, 5), (5, 2), (1, 8)):
        other = factor_tucker(node, Target(rank=rank))
        assert other.weights > node.weight.numel() / 4 or other.error >= factors.error
    assert factor_tucker(node, Target(ratio=1000.0)).rank == (1, 1)


def test_ranks_go_together():
    node, shape = conv(random(14, 11, 3, 2))
    assert factor_tucker(node, Target(rank=(1, 14))).rank == (1, 6)
    assert factor_tucker(node, Target(rank=(11, 1))).rank == (6, 1)
    node, shape = conv(random(30, 1, 3, 3))
    factors = factor_tucker(node, Target(energy=1.0))
    assert factors.rank == (1, 9) and factors.weights == 9 * 9 + 30 * 9
    assert difference(node, shape, chain(node, shape, factors.stages)) < 1e-5


def test_zeros():
    node, _ = conv(torch.zeros(4, 3, 3, 3))
    assert factor_tucker(node, Target(energy=0.9)).error == 0
