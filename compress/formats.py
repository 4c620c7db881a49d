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
                   tensor_bits: Mapping[str, int] | None = None,
                   known: Mapping[str, TensorFormat] | None = None) -> dict[str, TensorFormat]:
    """Range and bits of every tensor of a graph, the input included.

    Pooling keeps its input's range and bits. A concatenation and its inputs, of the same bits,
    share a range where that makes no input's step more than twice as large.

    Parameters
    ----------
    images : torch.Tensor, float32, shape (images, *graph.shape)
        Calibration data.
    method, percentile
        See ``tensor_ranges``.
    bits : 8 or 4
    tensor_bits : mapping of str to 8 or 4
        Other widths, by name of a tensor that isn't pooling's.
    known : mapping of str to TensorFormat
        Those that are chosen already, and kept.

    Raises
    ------
    QuantizeError
        If there is no tensor of a name, or one isn't finite; the text names it.
    """
    known = {} if known is None else known
    widths = _widths(graph, bits, tensor_bits or {})
    if all(name in known for name in widths):
        return {name: known[name] for name in widths}
    ranges = tensor_ranges(graph, images, method, percentile=percentile, bits=widths)
    for name, (low, high) in ranges.items():
        if not math.isfinite(high - low):
            raise QuantizeError(f"Layer {name!r}: values must be finite on the calibration images, "
                                "but one is an infinity or NaN")
    found = {name: known[name] if name in known else
             TensorFormat(low=low, high=high, bits=widths[name])
             for name, (low, high) in _shared_ranges(graph, ranges, widths).items()}
    for node in graph:
        if isinstance(node, PoolNode):
            found[node.name] = found[node.inputs[0]]
    return found


def weight_format(node: WeightedNode, bits: int, method: Method = Method.MSE, *,
                  per_channel: bool = True, mask: torch.Tensor | None = None) -> WeightFormat:
    """The format of a layer's weights whose step fits them best.

    Parameters
    ----------
    method : Method
        ``MINMAX`` or ``MSE``; see ``weight_scales``.
    per_channel : bool
        A step for each output channel, or one for the layer.
    mask : torch.Tensor, bool, shape of the weights
        Those that are kept, if not all.
    """
    def rows(values: torch.Tensor) -> torch.Tensor:
        return values.flatten(1) if per_channel else values.reshape(1, -1)

    step = weight_scales(rows(node.weight.to(torch.float64)), bits, method,
                         None if mask is None else rows(mask))
    return WeightFormat(bits=bits, step=step)


def _widths(graph: Graph, bits: int, tensor_bits: Mapping[str, int]) -> dict[str, int]:
    """Bits of every tensor, the input first."""
    free = [graph.input_name, *(node.name for node in graph if not isinstance(node, PoolNode))]
    for name in tensor_bits:
        if name not in free:
            raise QuantizeError(f"bits of activations must name tensors that aren't pooling's, "
                                f"{', '.join(free)}, not {name!r}")
    widths = {graph.input_name: tensor_bits.get(graph.input_name, bits)}
    for node in graph:
        widths[node.name] = (widths[node.inputs[0]] if isinstance(node, PoolNode)
                             else tensor_bits.get(node.name, bits))
    return widths


def _shared_ranges(graph: Graph, ranges: dict[str, tuple[float, float]], widths: dict[str, int]
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
                    and all(widths[name] == widths[node.name] for name in node.inputs)
                    and not any(graph.input_name in groups[name] for name in node.inputs)):
                join([*node.inputs, node.name])
    return shared
