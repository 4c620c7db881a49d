"""From the weights of a layer to a codebook whose values are integers times a step."""

import numpy as np
import torch

from ..draft import LARGEST_CODEBOOK, WeightFormat
from .cluster import Start, cluster, histogram

__all__ = ["shared_format", "sharing_error"]

STEPS = 256  # that are tried


def shared_format(weight: torch.Tensor, mask: torch.Tensor, bits: int, *, value_bits: int = 8,
                  start: Start = Start.LINEAR, seed: int = 0) -> WeightFormat:
    """The codebook of a layer: centroids of the weights that a mask keeps.

    Parameters
    ----------
    weight : torch.Tensor, float32
    mask : torch.Tensor, bool, shape of the weights
    bits : int, 2 to 5
        Of an index: ``2^bits`` entries at most. Pruned weights need no index where they aren't
        stored; but with 5 bits their 0 takes one of the 32 entries that there are at most.
    value_bits : 8 or 4
        Of the integers that entries are.
    start, seed
        See ``cluster``.

    Returns
    -------
    WeightFormat
        One step for the layer: the one with which the weights are nearest to the entries as they
        will be, in the mean of squares. Entries that become the same integer are one.
    """
    kept = weight.detach()[mask].to(torch.float64).numpy()
    if not len(kept):
        kept = np.zeros(1)
    entries = min(2**bits, LARGEST_CODEBOOK - int(not bool(mask.all())))
    centroids = cluster(kept, entries, start=start, seed=seed)
    integers, step = _rounded(kept, centroids, 2**(value_bits - 1) - 1)
    return WeightFormat(bits=value_bits, step=torch.tensor([step], dtype=torch.float64),
                        codebook=torch.from_numpy(integers * step).to(torch.float32))


def sharing_error(weight: torch.Tensor, mask: torch.Tensor, form: WeightFormat) -> float:
    """Mean squared difference of the kept weights from their entries, relative to their mean
    square; 0 where all kept weights are 0."""
    kept = weight.detach()[mask].to(torch.float64)
    assert form.codebook is not None
    power = float(kept.square().sum())
    difference = kept - form.codebook.to(torch.float64)[form.entries(kept)]
    return float(difference.square().sum()) / power if power else 0.0


def _rounded(values: np.ndarray, centroids: np.ndarray, largest: int
             ) -> tuple[np.ndarray, float]:
    """Integers, and the step by which they are near the values.

    Tries steps with which the largest centroid is some number from half to all of the largest
    integer or a little beyond it; each is then made the best for the integers that it leads to.
    """
    points, counts = histogram(values)
    top = float(np.abs(centroids).max())
    best, least = (np.zeros(1), 0.0), np.inf
    if not top:
        return best
    for reach in np.linspace(largest / 2, largest + 0.49, STEPS):
        integers = np.unique(np.round(centroids * (reach / top)).clip(-largest, largest))
        middles = (integers[1:] + integers[:-1]) / 2
        nearest = integers[np.searchsorted(middles, points * (reach / top))]
        step = float((counts * nearest * points).sum() / (counts * nearest**2).sum())
        error = float((counts * (points - nearest * step)**2).sum())
        if error < least:
            best, least = (integers, step), error
    return best
