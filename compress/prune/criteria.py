"""How much each weight matters: its magnitude, its part in the loss, or chance."""

import enum
from collections.abc import Iterable

import torch
import torch.nn.functional as F

from ..data import Dataset
from ..draft import Draft
from ..scales import QuantizeError
from ..trainable import Trainable

__all__ = ["SMALLEST", "Criterion", "loss_changes", "scores_of"]

SMALLEST = 1e-30
"""Least score of a weight that isn't pruned, so that none that is comes before it."""


class Criterion(enum.Enum):
    """What weights are ranked by."""

    MAGNITUDE = "magnitude"
    """The absolute value (Han et al., Learning both Weights and Connections, 2015, section 3)."""
    GRADIENT = "gradient"
    """The first-order estimate of what the loss changes by if the weight becomes 0."""
    RANDOM = "random"
    """Chance: what the others have to be better than."""


def scores_of(draft: Draft, names: Iterable[str], criterion: Criterion, *,
              data: Dataset | None = None, batches: int = 16, batch: int = 128,
              seed: int = 0) -> dict[str, torch.Tensor]:
    """Scores of all weights of some layers, above 0; 0 for those that are pruned already.

    Parameters
    ----------
    data, batches, batch
        Training images for the gradient: so many batches of so many.
    seed : int
        Of chance, and of which images.

    Returns
    -------
    dict of str to torch.Tensor, float32, shapes of the weights

    Raises
    ------
    QuantizeError
        If the gradient is asked for without labels.
    """
    nodes = draft.weighted
    if criterion is Criterion.GRADIENT:
        found = loss_changes(draft, data, batches=batches, batch=batch, seed=seed)
    elif criterion is Criterion.RANDOM:
        generator = torch.Generator().manual_seed(seed)
        found = {name: torch.rand(node.weight.shape, generator=generator)
                 for name, node in nodes.items()}
    else:
        found = {name: node.weight.detach().abs() for name, node in nodes.items()}
    return {name: found[name].clamp(min=SMALLEST) * draft.mask(name) for name in names}


def loss_changes(draft: Draft, data: Dataset | None, *, batches: int, batch: int,
                 seed: int) -> dict[str, torch.Tensor]:
    """|w · ∂L/∂w| of every weight, averaged over batches; L is the float network's cross entropy.

    After Molchanov et al., Pruning Convolutional Neural Networks for Resource Efficient Inference,
    2017, equation 7, which is for activations, and Importance Estimation for Neural Network
    Pruning, 2019, equation 8, which squares: here for single weights, the magnitude.
    """
    if data is None or data.train_labels is None:
        raise QuantizeError("data must have labels, for a ranking by gradient; they have none")
    model = Trainable(Draft(graph=draft.graph, masks=draft.masks))
    found = {name: torch.zeros_like(layer.weight) for name, layer in model.layers.items()}
    order = torch.randperm(len(data.train_images), generator=torch.Generator().manual_seed(seed))
    chosen = order[:batches * batch].split(batch)
    weights = [layer.weight for layer in model.layers.values()]
    for part in chosen:
        loss = F.cross_entropy(model(data.train_images[part]), data.train_labels[part])
        for name, weight, gradient in zip(found, weights, torch.autograd.grad(loss, weights)):
            found[name] += (weight.detach() * gradient).abs() / len(chosen)
    return found
