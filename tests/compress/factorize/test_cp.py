"""CP of convolutions."""

import pytest
import torch

from sparrow.compress.factorize import Target, chain, factor_cp

from .nodes import conv, difference, random


def low(rank, *sizes):
    """A weight of that CP rank."""
    matrices = [random(size, rank, seed=index) for index, size in enumerate(sizes)]
    return torch.einsum("or,ir,hr,wr->oihw", *matrices)


def test_low_rank_is_exact():
    node, shape = conv(low(3, 14, 11, 5, 3), image=(12, 9), stride=(2, 3), padding=(1, 0, 2, 1),
                       dilation=(1, 2), maximum=2.0)
    for target in (Target(rank=3), Target(energy=0.9999)):
        factors = factor_cp(node, target)
        assert factors.rank == (3,) and factors.error < 1e-6
        assert factors.weights == 3 * (14 + 11 + 5 + 3)
        made = chain(node, shape, factors.stages)
        assert [part.name for part in made] == ["conv.in", "conv.rows", "conv.columns", "conv.out"]
        assert [tuple(part.weight.shape) for part in made] == [
            (3, 11, 1, 1), (3, 1, 5, 1), (3, 1, 1, 3), (14, 3, 1, 1)]
        assert [part.groups for part in made] == [1, 3, 3, 1]
        assert [part.maximum for part in made] == [None, None, None, 2.0]
        assert difference(node, shape, made) < 1e-3


@pytest.mark.parametrize("kernel,suffix", (((1, 4), "columns"), ((4, 1), "rows")))
def test_kernels_of_one_dimension(kernel, suffix):
    node, shape = conv(low(2, 10, 9, *kernel), stride=(2, 2), padding=(1, 2, 0, 1))
    made = chain(node, shape, factor_cp(node, Target(rank=2)).stages)
    assert [part.name for part in made] == ["conv.in", f"conv.{suffix}", "conv.out"]
    assert difference(node, shape, made) < 1e-3


def test_ranks():
    node, _ = conv(random(14, 11, 3, 3))
    by_rank = [factor_cp(node, Target(rank=rank)).error for rank in (1, 4, 16)]
    assert by_rank == sorted(by_rank, reverse=True)
    enough = factor_cp(node, Target(energy=0.4))
    (rank,) = enough.rank
    assert enough.error <= 0.6 < factor_cp(node, Target(rank=rank - 1)).error
    assert factor_cp(node, Target(ratio=3.0)).rank == (14 * 11 * 9 // 3 // 31,)
    assert factor_cp(node, Target(ratio=1e4)).rank == (1,)
    assert factor_cp(node, Target(rank=4)).stages[0].weight.equal(
        factor_cp(node, Target(rank=4)).stages[0].weight)


def test_all_stages_are_of_one_size():
    node, _ = conv(100 * random(14, 11, 3, 3))
    norms = torch.stack([stage.weight.flatten(1).norm(dim=1) if stage.suffix != "out" else
                         stage.weight.flatten(1).norm(dim=0)
                         for stage in factor_cp(node, Target(rank=5)).stages])
    assert torch.allclose(norms, norms[:1].expand(4, 5), rtol=1e-6)


def test_zeros():
    node, _ = conv(torch.zeros(4, 3, 3, 3))
    assert factor_cp(node, Target(energy=0.9)).error == 0
