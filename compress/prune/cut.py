"""Channels removed from a draft: a smaller graph that computes the same as if they were 0."""

import dataclasses
from collections.abc import Collection, Mapping

import torch

from ..draft import Draft, WeightFormat
from ..graph import ConcatNode, ConvNode, Graph, LinearNode, Node
from ..scales import QuantizeError
from .channels import Channel

__all__ = ["cut_channels"]


def cut_channels(draft: Draft, removed: Collection[Channel]) -> Draft:
    """A draft without some channels.

    Parameters
    ----------
    removed : collection of Channel
        Outputs of layers with weights, whole units of ``channel_groups``, none of them fixed.

    Returns
    -------
    Draft
        Weights, biases, masks and formats of weights lack what made these channels and what took
        them. It computes what the draft computes with these channels 0 in every tensor. Ranges of
        tensors stay as they are.

    Raises
    ------
    QuantizeError
        If nothing is left of a layer; the text names it.
    """
    graph = draft.graph
    kept = _kept(graph, removed)
    nodes, masks, formats = [], dict(draft.masks), dict(draft.formats)
    for node in graph:
        outputs = kept[node.name]
        if not len(outputs):
            raise QuantizeError(f"Layer {node.name!r}: at least 1 channel must be kept, not 0")
        shape = (len(outputs), *node.shape[1:])
        if not isinstance(node, ConvNode | LinearNode):
            nodes.append(node.replace(shape=shape))
            continue
        rows = (outputs, _columns(graph, node, kept))
        nodes.append(_cut_node(node, shape, *rows))
        if node.name in masks:
            masks[node.name] = _cut(masks[node.name], *rows)
        if node.name in formats:
            formats[node.name] = _cut_format(formats[node.name], outputs)
    return draft.replace(graph=graph.replace(nodes=tuple(nodes)), masks=masks, formats=formats)


def _kept(graph: Graph, removed: Collection[Channel]) -> dict[str, torch.Tensor]:
    """Numbers of the channels that each tensor keeps."""
    gone = set(removed)
    kept = {graph.input_name: torch.arange(graph.shape[0])}
    for node in graph:
        if isinstance(node, ConvNode | LinearNode):
            numbers = [channel for channel in range(node.shape[0])
                       if (node.name, channel) not in gone]
            kept[node.name] = torch.tensor(numbers, dtype=torch.int64)
        elif isinstance(node, ConcatNode):
            parts, first = [], 0
            for name in node.inputs:
                parts.append(kept[name] + first)
                first += _channels(graph, name)
            kept[node.name] = torch.cat(parts)
        else:
            kept[node.name] = kept[node.inputs[0]]
    return kept


def _channels(graph: Graph, name: str) -> int:
    return graph.shape[0] if name == graph.input_name else graph.node(name).shape[0]


def _columns(graph: Graph, node: Node, kept: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """Numbers of the inputs that a layer keeps, in the second dimension of its weights."""
    source = node.inputs[0]
    if isinstance(node, ConvNode):
        return kept[source] if node.groups == 1 else torch.arange(node.weight.shape[1])
    assert isinstance(node, LinearNode)
    pixels = node.weight.shape[1] // _channels(graph, source)
    return (kept[source][:, None] * pixels + torch.arange(pixels)).flatten()


def _cut(weights: torch.Tensor, rows: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
    return weights[rows][:, columns].contiguous()


def _cut_node(node: ConvNode | LinearNode, shape: tuple[int, int, int], rows: torch.Tensor,
              columns: torch.Tensor) -> Node:
    changes: dict[str, object] = {"weight": _cut(node.weight, rows, columns),
                                  "bias": node.bias[rows], "shape": shape}
    if isinstance(node, ConvNode):
        changes["groups"] = max(1, len(rows) * node.groups // node.shape[0])
    return node.replace(**changes)


def _cut_format(form: WeightFormat, rows: torch.Tensor) -> WeightFormat:
    return form if len(form.step) == 1 else dataclasses.replace(form, step=form.step[rows])
