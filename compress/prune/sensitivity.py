"""How much each layer can be pruned: a scan, and densities that follow from it."""

import dataclasses
from collections.abc import Callable, Iterable, Mapping

import torch
import torch.nn.functional as F

from ..data import Dataset
from ..draft import Draft
from ..trainable import Trainable

__all__ = ["DENSITIES", "Point", "densities_for", "scan"]

DENSITIES = (1.0, 0.8, 0.6, 0.5, 0.4, 0.3, 0.2, 0.15, 0.1, 0.05, 0.02, 0.01, 0.0)


@dataclasses.dataclass(frozen=True)
class Point:
    """What a network does with one layer pruned.

    Members
    -------
    density : float
    loss : float
        Cross entropy; from the outputs of the network with all weights, where there are no labels.
    accuracy : float or None
    """

    density: float
    loss: float
    accuracy: float | None


def scan(draft: Draft, names: Iterable[str],
         mask: Callable[[str, float], torch.Tensor], data: Dataset, *, images: int = 1000,
         seed: int = 0, progress: Callable[[float], None] = lambda share: None
         ) -> dict[str, list[Point]]:
    """Loss and accuracy for each layer at each of ``DENSITIES``, all others as they are.

    Han et al., Learning both Weights and Connections for Efficient Neural Networks, 2015, section
    4.1 and figure 6. Nothing is trained in between.

    Parameters
    ----------
    mask : function
        From the name of a layer and a density to a mask.
    images : int
        Training images; random ones, the same for the same seed.
    """
    order = torch.randperm(len(data.train_images), generator=torch.Generator().manual_seed(seed))
    chosen = order.flip(0)[:images]
    inputs = data.train_images[chosen]
    labels = None if data.train_labels is None else data.train_labels[chosen]
    wanted = Trainable(draft).evaluate(inputs).softmax(1) if labels is None else labels
    found: dict[str, list[Point]] = {}
    names = tuple(names)
    whole = _point(draft, inputs, wanted, 1.0)
    for number, name in enumerate(names):
        found[name] = [whole]
        for density in DENSITIES[1:]:
            pruned = draft.with_masks({name: mask(name, density)})
            found[name].append(_point(pruned, inputs, wanted, density))
        progress((number + 1) / len(names))
    return found


def densities_for(points: Mapping[str, list[Point]], weights: Mapping[str, int],
                  density: float) -> dict[str, float]:
    """Densities by layer with which every layer costs the same loss by itself, and all weights
    together have a density.

    The loss between two points of the scan is a straight line, and never falls as the density
    does.

    Parameters
    ----------
    points
        Of ``scan``.
    weights : mapping of str to int
        Numbers of weights by layer.
    """
    total = sum(weights.values())
    low = min(each[0].loss for each in points.values())
    high = max(point.loss for each in points.values() for point in each)
    for _ in range(60):
        middle = (low + high) / 2
        found = {name: _density_at(each, middle) for name, each in points.items()}
        if sum(found[name] * weights[name] for name in found) > density * total:
            low = middle
        else:
            high = middle
    found = {name: _density_at(each, high) for name, each in points.items()}
    kept = sum(found[name] * weights[name] for name in found)
    missing = density * total - kept  # where the loss doesn't change with the density
    for name in sorted(found, key=lambda name: found[name]):
        more = min(max(missing, 0.0) / weights[name], 1 - found[name])
        found[name] += more
        missing -= more * weights[name]
    return found


def _density_at(points: list[Point], loss: float) -> float:
    """The smallest density that costs no more than a loss."""
    reached, above = points[0].density, points[0].loss
    for point in points[1:]:
        worst = max(above, point.loss)
        if worst > loss:
            return reached + (point.density - reached) * (loss - above) / (worst - above)
        reached, above = point.density, worst
    return reached


def _point(draft: Draft, images: torch.Tensor, wanted: torch.Tensor, density: float) -> Point:
    outputs = Trainable(draft).evaluate(images)
    loss = float(F.cross_entropy(outputs.double(), wanted.double() if wanted.dim() > 1
                                 else wanted))
    accuracy = None if wanted.dim() > 1 else float((outputs.argmax(1) == wanted).double().mean())
    return Point(density, round(loss, 6), accuracy)
