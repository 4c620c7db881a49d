"""Ranges of tensors, from what they hold on calibration data."""

import enum
import math
from collections.abc import Mapping

import numpy as np
import torch

from .graph import Graph

__all__ = ["Method", "affine", "tensor_ranges"]

SAMPLE = 2**16  # values of a tensor that are kept of each batch
BATCH = 64
SHRINKS = torch.linspace(1.0, 0.2, 81, dtype=torch.float64)


class Method(enum.Enum):
    """How a range is chosen.

    Attributes
    ----------
    MINMAX
        From the smallest to the largest value (Wu et al., Integer Quantization for Deep Learning
        Inference, 2020, section 4.2, "max").
    PERCENTILE
        The range that leaves out a share of the values at either end (ibid., "percentile").
    MSE
        The range, shrunk from that of MINMAX, with the smallest mean squared error of quantized
        values (Nagel et al., A White Paper on Neural Network Quantization, 2021, section 3.1).
    """

    MINMAX = "minmax"
    PERCENTILE = "percentile"
    MSE = "mse"


def tensor_ranges(graph: Graph, images: torch.Tensor, method: Method, *,
                  percentile: float = 99.99, bits: int | Mapping[str, int] = 8
                  ) -> dict[str, tuple[float, float]]:
    """The range of every tensor of a graph, the input included.

    Parameters
    ----------
    graph : Graph
    images : torch.Tensor, float32, shape (images, *graph.shape)
        Calibration data, at least one image.
    method : Method
    percentile : float, above 50, at most 100
        With ``PERCENTILE``, the share of values, in percent, that aren't above the range, and
        that aren't below it.
    bits : int, or mapping of str to int by tensor
        With ``MSE``, the width of quantized values.

    Returns
    -------
    dict of (float, float)
        Smallest and largest value by tensor, infinite where a value isn't finite; always with 0
        in between. ``PERCENTILE`` and ``MSE`` look at no more than 65 536 values, evenly spaced,
        of every 64 images.
    """
    samples: dict[str, list[torch.Tensor]] = {}
    extremes: dict[str, list[float]] = {}
    for batch in images.split(BATCH):
        for name, tensor in graph.run(batch).items():
            values = tensor.flatten()
            if not bool(values.isfinite().all()):
                extremes[name] = [-math.inf, math.inf]
            low, high = extremes.get(name, [0.0, 0.0])
            extremes[name] = [min(low, float(values.min())), max(high, float(values.max()))]
            samples.setdefault(name, []).append(values[::-(-len(values) // SAMPLE)])
    ranges = {}
    for name, (low, high) in extremes.items():
        values = torch.cat(samples[name]).to(torch.float64)
        if math.isinf(low) or math.isinf(high):
            pass
        elif method is Method.PERCENTILE:
            ends = np.percentile(values.numpy(), [100 - percentile, percentile])
            low, high = min(0.0, float(ends[0])), max(0.0, float(ends[1]))
        elif method is Method.MSE:
            low, high = _least_error(values, low, high,
                                     bits if isinstance(bits, int) else bits[name])
        ranges[name] = low, high
    return ranges


def affine(low: float, high: float, bits: int) -> tuple[float, int]:
    """Scale and zero point of a range that has 0 in it.

    The ends of the range are the ends of ``bits`` signed bits, as nearly as the zero point's being
    an integer allows. An empty range has scale 1.
    """
    if not high > low:
        return 1.0, 0
    scale = (high - low) / (2**bits - 1)
    lowest = -(2**(bits - 1))
    return scale, max(lowest, min(-lowest - 1, round(lowest - low / scale)))


def _least_error(values: torch.Tensor, low: float, high: float, bits: int) -> tuple[float, float]:
    best, least = (low, high), float("inf")
    values = values[::-(-len(values) // SAMPLE)]
    lowest, highest = -(2**(bits - 1)), 2**(bits - 1) - 1
    for shrink in SHRINKS.tolist():
        scale, zero_point = affine(shrink * low, shrink * high, bits)
        elements = (values / scale).round_().add_(zero_point).clamp_(lowest, highest)
        error = float(elements.sub_(zero_point).mul_(scale).sub_(values).square_().mean())
        if error < least:
            best, least = (shrink * low, shrink * high), error
    return best
