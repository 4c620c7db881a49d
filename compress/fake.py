"""Quantization simulated in floating point, with gradients straight through."""

import torch

from .calibrate import affine
from .draft import TensorFormat, WeightFormat

__all__ = ["fake_activation", "fake_weight", "looked_up", "straight_through"]


def straight_through(values: torch.Tensor, changed: torch.Tensor) -> torch.Tensor:
    """``changed``, with the gradient of ``values`` (Bengio et al., Estimating or Propagating
    Gradients Through Stochastic Neurons, 2013, section 4)."""
    return values + (changed - values).detach()


def fake_weight(weight: torch.Tensor, form: WeightFormat) -> torch.Tensor:
    """What weights become in a format, in real numbers.

    The gradient is that of the weights (Jacob et al., Quantization and Training of Neural Networks
    for Efficient Integer-Arithmetic-Only Inference, 2018, section 3).
    """
    found = form.integers(weight.detach()) * form.around(weight)
    return straight_through(weight, found)


def fake_activation(values: torch.Tensor, form: TensorFormat) -> torch.Tensor:
    """What activations become in a format, in real numbers; the gradient is 0 outside the range."""
    scale, zero_point = affine(form.low, form.high, form.bits)
    lowest = -(2**(form.bits - 1))
    low, high = (lowest - zero_point) * scale, (-lowest - 1 - zero_point) * scale
    inside = values.clamp(low, high)
    return straight_through(inside, (inside.detach() / scale).round() * scale)


def looked_up(centroids: torch.Tensor, entries: torch.Tensor) -> torch.Tensor:
    """The centroid of each weight; the gradient of a centroid is the sum of those of its weights
    (Han et al., Deep Compression, 2016, section 3.3).

    Parameters
    ----------
    centroids : torch.Tensor, float32, shape (entries,)
    entries : torch.Tensor, int64, of any shape
    """
    return centroids.index_select(0, entries.flatten()).view(entries.shape)
