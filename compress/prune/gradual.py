"""Pruning little by little while the network is trained."""

from collections.abc import Mapping

import torch

from ..draft import Draft
from ..scales import QuantizeError
from ..trainable import Trainable
from .criteria import SMALLEST, Criterion
from .masks import Layout, Target, masks_of

__all__ = ["Gradual"]

MEMORY = 0.9  # of the average over steps of what a weight does to the loss


class Gradual:
    """A hook of fine-tuning whose density falls along a cubic (Zhu and Gupta, To Prune, or Not to
    Prune, 2017, section 3). What is pruned stays so.

    Parameters
    ----------
    draft : Draft
        Which will be trained.
    layout : Layout
    target : Target
    scores : mapping of str to torch.Tensor
        Of all weights of the target's layers, to begin with.
    criterion : Criterion
        The gradient's scores are an average over past steps, the last weighing most.
    interval : int
        Steps from one update of the masks to the next.
    ramp : float
        Share of the steps after which the target is reached.

    Raises
    ------
    QuantizeError
        If a layer that is ranked by gradient has a codebook.
    """

    def __init__(self, draft: Draft, layout: Layout, target: Target,
                 scores: Mapping[str, torch.Tensor], *, criterion: Criterion = Criterion.MAGNITUDE,
                 interval: int = 20, ramp: float = 0.5):
        self._draft, self._layout, self._target = draft, layout, target
        self._criterion, self._interval, self._ramp = criterion, interval, ramp
        self._scores = {name: scores[name].clone() for name in target.layers}
        for name in target.layers:
            form = draft.formats.get(name)
            if criterion is Criterion.GRADIENT and form is not None and form.codebook is not None:
                raise QuantizeError(f"Layer {name!r}: weights must have no codebook yet, to be "
                                    "pruned gradually by gradient; share weights after pruning")

    def __call__(self, model: Trainable, step: int, steps: int) -> None:
        last = int(self._ramp * steps)
        if step > last:
            return
        with torch.no_grad():
            self._watch(model)
            if step == last:
                self._update(model, 1.0)
            elif step % self._interval == 0:
                self._update(model, step / last)

    def _watch(self, model: Trainable) -> None:
        """Bring scores up to date."""
        for name, scores in self._scores.items():
            layer = model.layers[name]
            if self._criterion is Criterion.MAGNITUDE:
                scores.copy_(layer.real().abs())
            elif self._criterion is Criterion.GRADIENT and layer.weight.grad is not None:
                change = (layer.weight * layer.weight.grad).abs()
                scores.mul_(MEMORY).add_(change, alpha=1 - MEMORY)

    def _update(self, model: Trainable, share: float) -> None:
        layers = {name: model.layers[name] for name in self._target.layers}
        scores = {name: self._scores[name].clamp(min=SMALLEST) * layer.mask
                  for name, layer in layers.items()}
        masks = masks_of(self._draft, scores, self._layout, self._target,
                         criterion=self._criterion, share=share)
        for name, mask in masks.items():
            layers[name].mask.copy_(mask)
