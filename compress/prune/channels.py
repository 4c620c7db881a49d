"""Which channels of a graph can only go together, and which can't go at all."""

import dataclasses

from ..draft import WeightedNode
from ..graph import ConcatNode, ConvNode, Graph, LinearNode, Node

__all__ = ["Channel", "Group", "Unit", "channel_groups"]

Channel = tuple[str, int]
"""Name of a tensor, and number of a channel in it."""


@dataclasses.dataclass(frozen=True)
class Unit:
    """Channels that are one: where the first is removed, all have to be.

    Members
    -------
    channels : tuple of Channel
        Outputs of layers with weights.
    fixed : bool
        Whether they must stay.
    """

    channels: tuple[Channel, ...]
    fixed: bool


@dataclasses.dataclass(frozen=True, eq=False)
class Group:
    """Layers of which each shares units with another.

    Members
    -------
    layers : tuple of str
        In the graph's order; depthwise convolutions among them.
    units : tuple of Unit
        In the order of the channels.
    """

    layers: tuple[str, ...]
    units: tuple[Unit, ...]


def channel_groups(graph: Graph) -> list[Group]:
    """Groups of the layers with weights, each layer in one.

    Additions tie the channels of their inputs, concatenations lead them on, pooling, clamps,
    functions and depthwise convolutions keep them; other convolutions and linear layers begin
    anew. Channels of the network's input and output are fixed, as are those on both sides of a
    convolution with groups of several input channels.
    """
    ties = _Ties(graph)
    units: dict[int, list[Channel]] = {}
    for node in graph:
        if isinstance(node, WeightedNode):
            for channel in range(node.shape[0]):
                units.setdefault(ties.root((node.name, channel)), []).append((node.name, channel))
    members: dict[str, set[str]] = {}
    for channels in units.values():
        names = {name for name, _ in channels}
        joined = set().union(names, *(members.get(name, set()) for name in names))
        for name in joined:
            members[name] = joined
    order = {node.name: number for number, node in enumerate(graph)}
    together = {min(names, key=order.__getitem__): names for names in members.values()}
    return [Group(layers=tuple(sorted(names, key=order.__getitem__)),
                  units=tuple(Unit(tuple(channels), root in ties.fixed)
                              for root, channels in units.items() if channels[0][0] in names))
            for _, names in sorted(together.items(), key=lambda item: order[item[0]])]


class _Ties:
    """Channels of all tensors in sets that are joined (a union-find forest)."""

    def __init__(self, graph: Graph):
        shapes = {graph.input_name: graph.shape, **{node.name: node.shape for node in graph}}
        self._numbers, total = {}, 0
        for name, shape in shapes.items():
            self._numbers[name] = total
            total += shape[0]
        self._parents = list(range(total))
        kept = [(name, channel) for name in (graph.input_name, graph.output)
                for channel in range(shapes[name][0])]
        for node in graph:
            if isinstance(node, ConvNode) and 1 < node.groups != shapes[node.inputs[0]][0]:
                kept += [(name, channel) for name in (node.name, *node.inputs)
                         for channel in range(shapes[name][0])]
            self._tie(node, shapes)
        self.fixed = {self.root(channel) for channel in kept}

    def root(self, channel: Channel) -> int:
        """The number that stands for all channels that are tied to one."""
        number = self._numbers[channel[0]] + channel[1]
        while self._parents[number] != number:
            self._parents[number] = number = self._parents[self._parents[number]]
        return number

    def _tie(self, node: Node, shapes: dict[str, tuple[int, int, int]]) -> None:
        if isinstance(node, LinearNode):
            return
        if isinstance(node, ConvNode):
            channels = shapes[node.inputs[0]][0]
            if node.groups != channels or node.groups == 1:
                return
            each = node.shape[0] // channels
            pairs = [((node.name, channel), (node.inputs[0], channel // each))
                     for channel in range(node.shape[0])]
        elif isinstance(node, ConcatNode):
            sources = [(name, channel) for name in node.inputs
                       for channel in range(shapes[name][0])]
            pairs = [((node.name, number), source) for number, source in enumerate(sources)]
        else:
            pairs = [((node.name, channel), (name, channel)) for name in node.inputs
                     for channel in range(node.shape[0])]
        for first, second in pairs:
            self._parents[self.root(first)] = self.root(second)
