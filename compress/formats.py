"""Formats of activations and of weights, chosen after training."""

import math
from collections.abc import Mapping

import torch

from .calibrate import Method, tensor_ranges
from .draft import TensorFormat, WeightedNode, WeightFormat
from .graph import ConcatNode, Graph, PoolNode
from .scales import QuantizeError, weight_scales

__all__ = ["tensor_formats", "weight_format"]

UNIFY_LIMIT = 2.0  # a concatenation may cost its inputs one bit


def tensor_formats(graph: Graph, images: torch.Tensor, method: Method, *,
                   percentile: float = 99.99, bits: int = 8,
                   known: Mapping[str, TensorFormat] | None = None) -> dict[str, TensorFormat]:
    """Range and bits of every tensor of a graph, the input included.

    Pooling keeps its input's range. A concatenation and its inputs share a range where that makes
    no input's step more than twice as large.

    Parameters
    ----------
    images : torch.Tensor, float32, shape (images, *graph.shape)
        Calibration data.
    method, percentile
        See ``tensor_ranges``.
    bits : 8 or 4
    known : mapping of str to TensorFormat
        Those that are chosen already, and kept.

    Raises
    ------
    QuantizeError
        If a tensor isn't finite; the text names the layer.
    """
    known = {} if known is None else known
    names = [graph.input_name, *(node.name for node in graph)]
    if all(name in known for name in names):
        return {name: known[name] for name in names}
    ranges = tensor_ranges(graph, images, method, percentile=percentile, bits=bits)
    for name, (low, high) in ranges.items():
        if not math.isfinite(high - low):
            raise QuantizeError(f"Layer {name!r}: values must be finite on the calibration images, "
                                "but one is an infinity or NaN")
    found = {name: TensorFormat(low=low, high=high, bits=bits)
             for name, (low, high) in _shared_ranges(graph, ranges).items()}
    return found | {name: known[name] for name in names if name in known}


def weight_format(node: WeightedNode, bits: int, method: Method = Method.MSE, *,
                  per_channel: bool = True) -> WeightFormat:
    """The format of a layer's weights whose step fits them best.

    Parameters
    ----------
    method : Method
        ``MINMAX`` or ``MSE``; see ``weight_scales``.
    per_channel : bool
        A step for each output channel, or one for the layer.
    """
    weight = node.weight.to(torch.float64)
    rows = weight.flatten(1) if per_channel else weight.reshape(1, -1)
    return WeightFormat(bits=bits, step=weight_scales(rows, bits, method))


def _shared_ranges(graph: Graph, ranges: dict[str, tuple[float, float]]
                   ) -> dict[str, tuple[float, float]]:
    """Ranges with those made equal whose tensors share a scale: across pooling, and across a
    concatenation where it costs little."""
    groups = {name: [name] for name in ranges}
    shared = dict(ranges)

    def join(names: list[str]) -> None:
        members = list(dict.fromkeys(member for name in names for member in groups[name]))
        union = (min(shared[name][0] for name in members),
                 max(shared[name][1] for name in members))
        for member in members:
            groups[member], shared[member] = members, union

    for node in graph:
        if isinstance(node, PoolNode):
            shared[node.name] = shared[node.inputs[0]]
            join([node.inputs[0], node.name])
    for node in graph:
        if isinstance(node, ConcatNode):
            low = min(shared[name][0] for name in node.inputs)
            high = max(shared[name][1] for name in node.inputs)
            narrowest = min(shared[name][1] - shared[name][0] for name in node.inputs)
            own = [name for name in groups[node.name] if name != node.name]
            for name in (node.name, *own):
                shared[name] = low, high
            if (high - low <= UNIFY_LIMIT * narrowest
                    and not any(graph.input_name in groups[name] for name in node.inputs)):
                join([*node.inputs, node.name])
    return shared
