"""Which weights stay: the best by their scores, exactly as many as asked."""

from collections.abc import Mapping

import torch

__all__ = ["best", "best_overall", "best_sized", "layer_adaptive"]


def best(scores: torch.Tensor, count: int) -> torch.Tensor:
    """A mask of the ``count`` largest scores; bool, of their shape."""
    mask = torch.zeros(scores.numel(), dtype=torch.bool)
    mask[scores.flatten().topk(count, sorted=False).indices] = True
    return mask.view(scores.shape)


def best_overall(scores: Mapping[str, torch.Tensor], count: int) -> dict[str, torch.Tensor]:
    """Masks by layer of the ``count`` largest scores of all layers together."""
    flat = best(torch.cat([each.flatten() for each in scores.values()]), count)
    parts = flat.split([each.numel() for each in scores.values()])
    return {name: part.view(each.shape) for (name, each), part in zip(scores.items(), parts)}


def best_sized(scores: torch.Tensor, sizes: torch.Tensor, count: int) -> torch.Tensor:
    """A mask of the largest scores whose sizes sum to nearest to ``count``; one at least, if that
    isn't 0.

    Parameters
    ----------
    scores, sizes : torch.Tensor, shape (parts,)
    """
    if int(sizes.amax()) == 1:
        return best(scores, count)
    order = scores.argsort(descending=True, stable=True)
    ends = sizes[order].cumsum(0)
    number = int((ends - count).abs().argmin()) + 1 if count else 0
    kept = torch.zeros(len(order), dtype=torch.bool)
    kept[order[:number]] = True
    return kept


def layer_adaptive(magnitudes: torch.Tensor) -> torch.Tensor:
    """Scores of a layer's magnitudes that can be compared between layers.

    The square of a magnitude by the sum of the squares of all that are at least as large (Lee et
    al., Layer-adaptive Sparsity for the Magnitude-based Pruning, 2021, section 3.1). The order
    inside a layer stays, no scale matters, and the largest weight of every layer has the score 1,
    so that no layer goes empty before the others.
    """
    order = magnitudes.flatten().argsort(descending=True, stable=True)
    squares = magnitudes.flatten().double()[order].square()
    scores = torch.empty_like(squares)
    scores[order] = squares / squares.cumsum(0).clamp(min=torch.finfo(torch.float64).tiny)
    return scores.view(magnitudes.shape)
