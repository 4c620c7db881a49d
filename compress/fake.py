"""Quantization simulated in floating point, with gradients to train by."""

import torch

from .calibrate import affine
from .draft import TensorFormat, WeightFormat

__all__ = ["fake_activation", "fake_weight", "integer_limits", "learned_step", "looked_up",
           "straight_through"]


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
    scale, low, high = integer_limits(form)
    inside = values.clamp(low * scale, high * scale)
    return straight_through(inside, (inside.detach() / scale).round() * scale)


def integer_limits(form: TensorFormat) -> tuple[float, int, int]:
    """The step of a format, and its limits in steps from 0."""
    scale, zero_point = affine(form.low, form.high, form.bits)
    lowest = -(2**(form.bits - 1))
    return scale, lowest - zero_point, -lowest - 1 - zero_point


def learned_step(values: torch.Tensor, step: torch.Tensor, low: int, high: int,
                 count: int) -> torch.Tensor:
    """Values quantized with a step that is trained as well (Esser et al., Learned Step Size
    Quantization, 2020, sections 2.1 and 2.2).

    With ``v`` a value and ``s`` its step, the gradient of ``clamp(round(v / s), low, high) * s``
    by ``s`` is ``round(v / s) - v / s`` between the limits, else the limit; times
    ``1 / sqrt(count * largest limit)``. That by ``v`` is 1 between the limits, else 0.

    Parameters
    ----------
    values : torch.Tensor
    step : torch.Tensor, of a shape that goes with ``values``, 0 or more
        Where it is 0, so are the results and gradients.
    low, high : int
        ``-Q_N`` and ``Q_P`` of the paper; with a zero point, the limits less the zero point.
    count : int
        Weights of a step, or features of a layer.
    """
    return _LearnedStep.apply(values, step, low, high, (count * max(-low, high))**-0.5)


class _LearnedStep(torch.autograd.Function):
    @staticmethod
    def forward(ctx, values, step, low, high, factor):
        scaled = (values / step).nan_to_num(0.0, 0.0, 0.0)
        ctx.save_for_backward(scaled, step)
        ctx.limits, ctx.factor = (low, high), factor
        return scaled.round().clamp(low, high) * step

    @staticmethod
    def backward(ctx, gradient):
        scaled, step = ctx.saved_tensors
        low, high = ctx.limits
        inside = (scaled > low) & (scaled < high)
        by_step = torch.where(inside, scaled.round() - scaled, scaled.clamp(low, high))
        of_step = (gradient * by_step).sum_to_size(step.shape) * ctx.factor
        return gradient * (inside & (step > 0)), of_step, None, None, None


def looked_up(centroids: torch.Tensor, entries: torch.Tensor) -> torch.Tensor:
    """The centroid of each weight; the gradient of a centroid is the sum of those of its weights
    (Han et al., Deep Compression, 2016, section 3.3).

    Parameters
    ----------
    centroids : torch.Tensor, float32, shape (entries,)
    entries : torch.Tensor, int64, of any shape
    """
    return centroids.index_select(0, entries.flatten()).view(entries.shape)
