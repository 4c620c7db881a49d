"""Dynamic network surgery: pruned weights may return while the network is trained."""

from collections.abc import Mapping

import torch

from ..draft import Draft
from ..scales import QuantizeError
from ..trainable import Trainable, TrainableLayer
from .density import cubic, densities_of, kept_count
from .select import best, best_overall, layer_adaptive

__all__ = ["Surgery"]


class Surgery:
    """A hook of fine-tuning that prunes and splices (Guo, Yao and Chen, Dynamic Network Surgery
    for Efficient DNNs, 2016, section 3).

    All weights are trained, the pruned ones as if they were there (equation 3). Every so many
    steps the masks are made anew: a kept weight is pruned below the threshold ``(1 − band) · t``,
    a pruned one returns above ``(1 + band) · t``, and in between all stay as they are
    (equation 4). Other than in the paper, ``t`` isn't given but follows from the density, which
    falls along a cubic: it is the one with which exactly so many weights are kept. Updates have a
    fixed distance instead of a falling probability, and end.

    Parameters
    ----------
    draft : Draft
        Which will be trained; the density begins with that of its masks, and
        what they have pruned may return, patterns and blocks too.
    density : float or mapping of str to float
        Share of the weights of all ``layers`` that are kept in the end, ranked together by
        ``layer_adaptive`` scores; or by layer.
    layers : tuple of str
        Names; all where empty.
    band : float
        Half of the hysteresis band, relative to the threshold.
    interval : int
        Steps from one update to the next.
    ramp : float
        Share of the steps after which the density is reached.
    stop : float
        Share of the steps after which the masks stay.
    decay : float
        Share by which a pruned weight shrinks in each step, so that noise alone doesn't bring it
        back (Zhou et al., Learning N:M Fine-grained Structured Sparse Neural Networks from
        Scratch, 2021, section 3.3).

    Members
    -------
    pruned, returned : int
        Weights that updates have pruned, and that have come back, counted each time.

    Raises
    ------
    QuantizeError
        If a layer is unknown, or has a codebook, whose pruned weights can't be trained.
    """

    def __init__(self, draft: Draft, density: float | Mapping[str, float], *,
                 layers: tuple[str, ...] = (), band: float = 0.1, interval: int = 20,
                 ramp: float = 0.5, stop: float = 0.75, decay: float = 1e-3):
        if isinstance(density, Mapping):
            last = densities_of(draft, density)
            self._names, self._last, self._overall = tuple(last), last, 1.0
        else:
            self._names = tuple(draft.chosen(layers))
            self._last, self._overall = {}, float(density)
        for name in self._names:
            form = draft.formats.get(name)
            if form is not None and form.codebook is not None:
                raise QuantizeError(f"Layer {name!r}: weights must have no codebook yet, if pruned "
                                    "ones are to return; share weights after surgery")
        self._band, self._interval, self._decay = band, interval, decay
        self._ramp, self._stop = ramp, stop
        masks = {name: draft.mask(name) for name in self._names}
        self._first = {name: float(mask.double().mean()) for name, mask in masks.items()}
        self._total = sum(mask.numel() for mask in masks.values())
        self._kept = sum(int(mask.sum()) for mask in masks.values())
        self.pruned = self.returned = 0

    def __call__(self, model: Trainable, step: int, steps: int) -> None:
        last = int(self._stop * steps)
        if step > last:
            return
        layers = {name: model.layers[name] for name in self._names}
        for layer in layers.values():
            layer.revive = step < last
        with torch.no_grad():
            if self._decay:
                for layer in layers.values():
                    layer.weight.mul_(1 - self._decay * ~layer.mask)
            if step == last or step % self._interval == 0:
                self._update(layers, step / max(1.0, self._ramp * steps) if step < last else 1.0)

    def _update(self, layers: Mapping[str, TrainableLayer], share: float) -> None:
        scores = {name: _score(layer, self._band) for name, layer in layers.items()}
        if self._last:
            masks = {name: best(each, kept_count(cubic(self._first[name], self._last[name], share),
                                                 each.numel()))
                     for name, each in scores.items()}
        else:
            density = cubic(self._kept / self._total, self._overall, share)
            masks = best_overall({name: layer_adaptive(each) for name, each in scores.items()},
                                 kept_count(density, self._total))
        for name, mask in masks.items():
            self.pruned += int((layers[name].mask & ~mask).sum())
            self.returned += int((mask & ~layers[name].mask).sum())
            layers[name].mask.copy_(mask)


def _score(layer: TrainableLayer, band: float) -> torch.Tensor:
    """Magnitudes by the threshold that they must reach, for ``t = 1``."""
    return layer.weight.abs() / torch.where(layer.mask, 1 - band, 1 + band)
