"""Cross-layer equalization: channels of one range in both layers around an activation.

Nagel et al., Data-Free Quantization Through Weight Equalization and Bias Correction, 2019,
section 4.1.
"""

import dataclasses

import torch

from ..draft import Draft, WeightedNode
from ..graph import AddNode, Clamped, ClampNode, ConvNode, Graph, PoolNode
from ..scales import QuantizeError

__all__ = ["Pair", "by_channel", "check_before_formats", "equalize", "pairs", "spread"]


@dataclasses.dataclass(frozen=True)
class Pair:
    """Two layers of which the second alone takes the first's output.

    Members
    -------
    first, second : str
        Names; between them only what ``f(s x) = s f(x)`` holds for, with ``s`` positive: ReLU and
        pooling.
    """

    first: str
    second: str


def pairs(graph: Graph) -> tuple[list[Pair], dict[str, str]]:
    """Pairs of a graph, and why other layers with weights begin none."""
    found, reasons = [], {}
    weighted = [node for node in graph if isinstance(node, WeightedNode)]
    for node in weighted:
        reached = _reached(graph, node)
        if isinstance(reached, str):
            reasons[node.name] = reached
        else:
            found.append(Pair(node.name, reached.name))
    return found, reasons


def _reached(graph: Graph, node: WeightedNode) -> WeightedNode | str:
    """The layer that a layer's output goes to, or why there is none."""
    current: Clamped | PoolNode = node
    while True:
        if isinstance(current, Clamped) and (current.minimum not in (None, 0.0)
                                             or current.maximum not in (None, 0.0)):
            return f"{current.name!r} has limits that aren't 0"
        consumers = graph.consumers(current.name)
        if len(consumers) != 1 or current.name == graph.output:
            return ("it gives the output" if current.name == graph.output
                    else f"{current.name!r} is taken by several layers")
        [after] = consumers
        if isinstance(after, WeightedNode):
            return after
        if isinstance(after, AddNode) or not isinstance(after, ClampNode | PoolNode):
            return f"{after.name!r} isn't ReLU or pooling"
        current = after


def equalize(draft: Draft, rounds: int) -> tuple[Draft, dict[str, str]]:
    """A draft that computes the same, in floating point, with equal ranges in all pairs.

    Channel ``i`` between two layers, whose weights reach ``r1`` in the first and ``r2`` in the
    second, is divided by ``sqrt(r1 / r2)`` in the first, bias included, and multiplied by it in
    the second (equations 9 to 11). Channels that either has no weights for stay.

    Parameters
    ----------
    rounds : int
        How often all pairs are gone through, since a layer can be in two.

    Returns
    -------
    Draft
    dict of str to str
        Layers that begin no pair, and why.

    Raises
    ------
    QuantizeError
        If formats of weights or tensors are chosen already, or weights aren't finite.
    """
    check_before_formats(draft)
    found, reasons = pairs(draft.graph)
    nodes = {name: dataclasses.replace(node, weight=node.weight * draft.mask(name))
             for name, node in draft.weighted.items()}
    for _ in range(rounds):
        for pair in found:
            _equalize(nodes, pair)
    return draft.with_weights({name: {"weight": node.weight, "bias": node.bias}
                               for name, node in nodes.items()}), reasons


def check_before_formats(draft: Draft) -> None:
    """Check that nothing is quantized yet, and that weights are finite."""
    if draft.formats or draft.tensors:
        raise QuantizeError("equalization must come before bits and ranges are chosen, but "
                            f"{next(iter(draft.formats or draft.tensors))!r} has a format")
    draft.require_finite()


def _equalize(nodes: dict[str, WeightedNode], pair: Pair) -> None:
    first, second = nodes[pair.first], nodes[pair.second]
    channels = len(first.weight)
    given = first.weight.double().flatten(1).abs().amax(1)
    taken = _by_input(second, channels, second.weight.double().abs())
    scale = (given / taken).sqrt()
    scale = torch.where((given > 0) & (taken > 0), scale, 1.0)
    nodes[pair.first] = dataclasses.replace(
        first, weight=(first.weight.double() / by_channel(first.weight, scale)).float(),
        bias=(first.bias.double() / scale).float())
    nodes[pair.second] = dataclasses.replace(
        second, weight=(second.weight.double() * spread(second, scale)).float())


def _by_input(node: WeightedNode, channels: int, magnitudes: torch.Tensor) -> torch.Tensor:
    """Largest magnitude of the weights of each input channel."""
    if isinstance(node, ConvNode):
        groups = magnitudes.unflatten(0, (node.groups, -1))  # group, output, input, rows, columns
        return groups.amax((1, 3, 4)).flatten()
    return magnitudes.unflatten(1, (channels, -1)).amax((0, 2))


def by_channel(weight: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """Factors of output channels in a shape that goes with the weights."""
    return scale.view(-1, *(1,) * (weight.dim() - 1))


def spread(node: WeightedNode, scale: torch.Tensor) -> torch.Tensor:
    """Factors of input channels in a shape that goes with the weights."""
    if isinstance(node, ConvNode):
        per_output = scale.view(node.groups, 1, -1).expand(-1, len(node.weight) // node.groups, -1)
        return per_output.flatten(0, 1)[:, :, None, None]
    return scale.repeat_interleave(node.weight.shape[1] // len(scale))
