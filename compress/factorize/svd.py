"""Linear layers and convolutions of one tap in two, by singular value decomposition."""

import torch

from ..draft import WeightedNode
from ..graph import ConvNode
from .stages import Factors, Stage, Target

__all__ = ["factor_svd"]


def factor_svd(node: WeightedNode, target: Target) -> Factors:
    """A matrix as the product of two narrower ones, the best of its rank (Denton et al.,
    Exploiting Linear Structure Within Convolutional Networks, 2014, section 3.1).

    Parameters
    ----------
    node : LinearNode, or ConvNode with a kernel of 1 × 1 and one group
        Stride and padding go to the first stage.

    Returns
    -------
    Factors
        Stages ``in`` and ``out``; each has the square root of the singular values, so that both
        have weights of one size.
    """
    matrix = node.weight.detach().to(torch.float64).flatten(1)
    left, values, right = torch.linalg.svd(matrix, full_matrices=False)
    energies = values.square()
    total = float(energies.sum())
    rank = _rank(energies, matrix.shape[0] + matrix.shape[1], matrix.numel(), target)
    root = values[:rank].sqrt()
    first, second = root[:, None] * right[:rank], left[:, :rank] * root
    if isinstance(node, ConvNode):
        stages = (Stage(suffix="in", weight=first[:, :, None, None], stride=node.stride,
                        padding=node.padding),
                  Stage(suffix="out", weight=second[:, :, None, None]))
    else:
        stages = Stage(suffix="in", weight=first), Stage(suffix="out", weight=second)
    lost = float(energies[rank:].sum())
    return Factors(stages=stages, rank=(rank,), error=lost / total if total else 0.0)


def _rank(energies: torch.Tensor, weights_by_rank: int, weights: int, target: Target) -> int:
    if target.energy is not None:
        kept = energies.cumsum(0)
        rank = 1 + int((kept < target.energy * kept[-1]).sum())
    elif target.ratio is not None:
        rank = int(weights / target.ratio) // weights_by_rank
    else:
        rank = target.rank if isinstance(target.rank, int) else min(target.rank or (1,))
    return max(1, min(rank, len(energies)))
