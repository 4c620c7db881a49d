"""Equalization of activations: channels of one range in each tensor, also around additions.

As cross-layer equalization does (Nagel et al., Data-Free Quantization Through Weight Equalization
and Bias Correction, 2019, section 4.1), channels are scaled in the layers that give them and back
in those that take them; here by their ranges on calibration images, so that a tensor with one step
represents all of its channels alike, and over all tensors that additions join.
"""

import dataclasses

import torch

from ..calibrate import BATCH
from ..draft import Draft, WeightedNode
from ..graph import AddNode, Clamped, ClampNode, Graph, PoolNode
from ..scales import QuantizeError
from .equalize import by_channel, check_before_formats, spread

__all__ = ["TensorGroup", "equalize_activations", "tensor_groups"]

NARROWEST = 1e-3  # share of a tensor's range that a channel is taken to have at least


@dataclasses.dataclass(frozen=True)
class TensorGroup:
    """Tensors whose channels have to be scaled together.

    Members
    -------
    tensors : tuple of str
    givers, takers : tuple of str
        Layers with weights that give one of them or take one.
    """

    tensors: tuple[str, ...]
    givers: tuple[str, ...]
    takers: tuple[str, ...]


def tensor_groups(graph: Graph) -> list[TensorGroup]:
    """The groups that can be scaled: only ReLU, pooling and additions are between layers with
    weights, and neither the network's input nor its output is in them."""
    group = {name: name for name in (graph.input_name, *(node.name for node in graph))}
    fixed = {graph.input_name, graph.output}
    for node in graph:
        if isinstance(node, Clamped) and {node.minimum, node.maximum} - {None, 0.0}:
            fixed.add(node.name)
        if isinstance(node, AddNode | ClampNode | PoolNode):
            joined = {group[name] for name in (node.name, *node.inputs)}
            group = {name: group[node.name] if own in joined else own
                     for name, own in group.items()}
        elif not isinstance(node, WeightedNode):
            fixed |= {node.name, *node.inputs}
    found = []
    for own in dict.fromkeys(group.values()):
        tensors = tuple(name for name in group if group[name] == own)
        if fixed.isdisjoint(tensors):
            weighted = [node for node in graph if isinstance(node, WeightedNode)]
            found.append(TensorGroup(
                tensors, tuple(node.name for node in weighted if node.name in tensors),
                tuple(node.name for node in weighted if node.inputs[0] in tensors)))
    return found


def equalize_activations(draft: Draft, images: torch.Tensor, strength: float
                         ) -> tuple[Draft, list[TensorGroup]]:
    """A draft that computes the same, in floating point, with channels of nearer ranges.

    Parameters
    ----------
    images : torch.Tensor, float32, shape (images, *graph.shape)
        Calibration data.
    strength : float, 0 to 1
        A channel that reaches a share ``r`` of its tensor's range is multiplied by
        ``r^-strength``: with 1 all reach as far, with 0 nothing changes.

    Raises
    ------
    QuantizeError
        If formats are chosen already, or weights or values aren't finite; the text names the
        layer.
    """
    check_before_formats(draft)
    groups, reached = tensor_groups(draft.graph), _reached(draft.graph, images)
    weights = {name: {"weight": (node.weight * draft.mask(name)).double(),
                      "bias": node.bias.double()} for name, node in draft.weighted.items()}
    for group in groups:
        shares = torch.stack([reached[name] / reached[name].max().clamp(min=1e-30)
                              for name in group.tensors]).amax(0)
        scale = torch.where(shares > 0, shares.clamp(min=NARROWEST)**strength, 1.0)
        for name in group.givers:
            weights[name]["weight"] /= by_channel(weights[name]["weight"], scale)
            weights[name]["bias"] /= scale
        for name in group.takers:
            weights[name]["weight"] *= spread(draft.weighted[name], scale)
    return draft.with_weights({name: {field: value.float() for field, value in each.items()}
                               for name, each in weights.items()}), groups


def _reached(graph: Graph, images: torch.Tensor) -> dict[str, torch.Tensor]:
    """Largest magnitude of each channel of each tensor."""
    found: dict[str, torch.Tensor] = {}
    for batch in images.split(BATCH):
        for name, values in graph.run(batch).items():
            largest = values.abs().amax((0, 2, 3)).double()
            if not bool(largest.isfinite().all()):
                raise QuantizeError(f"Layer {name!r}: values must be finite on the calibration "
                                    "images, but one is an infinity or NaN")
            found[name] = torch.maximum(found.get(name, largest), largest)
    return found
