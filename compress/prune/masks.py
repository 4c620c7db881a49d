"""Masks of a pattern, for densities anywhere between the first and the last."""

import dataclasses
import math
from collections.abc import Mapping

import torch

from ..draft import Draft
from .criteria import Criterion
from .density import cubic, kept_count
from .pattern import Blocks, Pattern, best_of_each, blocks_of, stored_shape
from .select import best_overall, best_sized, layer_adaptive

__all__ = ["Layout", "Target", "masks_of"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Layout:
    """A pattern and its sizes.

    Parameters
    ----------
    pattern : Pattern
    n, m : int
        Of ``Pattern.NM``.
    block : (int, int)
        Of ``Pattern.BLOCK``: input channels and output channels.
    """

    pattern: Pattern = Pattern.UNSTRUCTURED
    n: int = 2
    m: int = 4
    block: tuple[int, int] = (16, 16)

    @property
    def unit(self) -> tuple[int, int]:
        """The block that is kept or pruned as a whole."""
        return self.block if self.pattern is Pattern.BLOCK else (1, 1)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Target:
    """Densities of some layers.

    Parameters
    ----------
    layers : mapping of str to float
        By layer; those that are ranked together have any.
    overall : float or None
        Density of all these layers, ranked together.
    """

    layers: Mapping[str, float]
    overall: float | None = None


def masks_of(draft: Draft, scores: Mapping[str, torch.Tensor], layout: Layout, target: Target, *,
             criterion: Criterion = Criterion.MAGNITUDE, share: float = 1.0
             ) -> dict[str, torch.Tensor]:
    """Masks of the target's layers; what the draft has pruned stays so.

    Parameters
    ----------
    scores : mapping of str to torch.Tensor
        Of all weights, 0 for those that are pruned already.
    criterion : Criterion
        Magnitudes are made ``layer_adaptive`` before layers are compared.
    share : float, 0 to 1
        Of the way from the draft's densities to the target's, along a cubic. Groups of M go from
        M to N, rounded up.
    """
    shapes = {name: stored_shape(draft.graph, draft.weighted[name]) for name in target.layers}
    known = {name: draft.mask(name) for name in target.layers}
    if layout.pattern is Pattern.NM:
        kept = math.ceil(cubic(layout.m, layout.n, share))
        return {name: best_of_each(scores[name], shape, kept, layout.m) & known[name]
                for name, shape in shapes.items()}
    blocks = {name: blocks_of(scores[name], shape, layout.unit)
              for name, shape in shapes.items()}
    if target.overall is None:
        first = {name: _share(mask) for name, mask in known.items()}
        chosen = {name: best_sized(each.scores, each.sizes, kept_count(
                      cubic(first[name], target.layers[name], share), known[name].numel()))
                  for name, each in blocks.items()}
    else:
        chosen = _overall(blocks, cubic(_overall_share(known), target.overall, share), criterion)
    return {name: each.mask(chosen[name]) & known[name] for name, each in blocks.items()}


def _overall(blocks: Mapping[str, Blocks], density: float,
             criterion: Criterion) -> dict[str, torch.Tensor]:
    scores = {name: layer_adaptive(each.scores) if criterion is Criterion.MAGNITUDE
              else each.scores for name, each in blocks.items()}
    sizes = torch.cat([each.sizes for each in blocks.values()])
    count = kept_count(density, int(sizes.sum()))
    if int(sizes.amax()) == 1:
        return best_overall(scores, count)
    kept = best_sized(torch.cat(list(scores.values())), sizes, count)
    return dict(zip(scores, kept.split([len(each) for each in scores.values()])))


def _share(mask: torch.Tensor) -> float:
    return float(mask.double().mean())


def _overall_share(masks: Mapping[str, torch.Tensor]) -> float:
    return sum(int(mask.sum()) for mask in masks.values()) / sum(
        mask.numel() for mask in masks.values())
