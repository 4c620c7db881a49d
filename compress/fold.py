"""Float graphs made smaller without changing what they compute."""

import dataclasses

from .graph import (
    Clamped,
    ClampNode,
    ConvNode,
    Graph,
    LinearNode,
    MaxPoolNode,
    Node,
    PadNode,
)

__all__ = ["fold"]


def fold(graph: Graph) -> Graph:
    """Drop what isn't used, fold batch normalization into weights, and clamps into producers.

    Padding goes into the convolution after it where nothing else takes the padded tensor.
    Batch normalization arrives as a depthwise convolution with a kernel of one. It goes into the
    convolution or linear layer before it where nothing else takes that layer's output, and stays
    a layer elsewhere. A clamp goes into the convolution, linear layer or sum before it on the
    same condition; before that it changes places with maximum pooling, which gives the same.
    """
    graph = _used(graph)
    for rule in (_merge_padding, _merge_normalization, _clamp_before_pool, _merge_clamp):
        changed = True
        while changed:
            graph, changed = _apply_once(graph, rule)
    return graph


def _used(graph: Graph) -> Graph:
    needed, kept = {graph.output}, []
    for node in reversed(graph.nodes):
        if node.name in needed:
            needed.update(node.inputs)
            kept.append(node)
    return graph.replace(nodes=tuple(reversed(kept)))


def _apply_once(graph: Graph, rule) -> tuple[Graph, bool]:
    """Replace the first pair of producer and only consumer that a rule takes."""
    for node in graph.nodes:
        consumers = graph.consumers(node.name)
        if len(consumers) != 1 or len(consumers[0].inputs) != 1:
            continue
        pair = rule(graph, node, consumers[0])
        if pair is not None:
            return _replaced(graph, node, consumers[0], pair), True
    return graph, False


def _replaced(graph: Graph, first: Node, second: Node, made: list[Node]) -> Graph:
    """The graph with ``made`` in place of ``first`` and ``second``, the last as the output."""
    nodes: list[Node] = []
    for node in graph.nodes:
        if node is first:
            nodes += made
        elif node is not second:
            nodes.append(node.replace(inputs=tuple(
                made[-1].name if name == second.name else name for name in node.inputs)))
    output = made[-1].name if graph.output == second.name else graph.output
    return graph.replace(nodes=tuple(nodes), output=output)


def _merge_padding(graph: Graph, node: Node, after: Node) -> list[Node] | None:
    if not isinstance(node, PadNode) or not isinstance(after, ConvNode):
        return None
    total = tuple(own + more for own, more in zip(after.padding, node.padding))
    return [after.replace(inputs=node.inputs, padding=total)]


def _merge_normalization(graph: Graph, node: Node, after: Node) -> list[Node] | None:
    if (not isinstance(after, ConvNode) or after.groups != len(after.weight)
            or tuple(after.weight.shape[1:]) != (1, 1, 1) or after.stride != (1, 1)
            or any(after.padding) or not isinstance(node, ConvNode | LinearNode)
            or (node.minimum, node.maximum) != (None, None) or len(after.weight) != node.shape[0]):
        return None
    factor = after.weight.flatten().double()
    around = (-1,) + (1,) * (node.weight.dim() - 1)
    return [dataclasses.replace(
        node, weight=(node.weight.double() * factor.view(around)).float(),
        bias=(node.bias.double() * factor + after.bias.double()).float(),
        minimum=after.minimum, maximum=after.maximum)]


def _clamp_before_pool(graph: Graph, node: Node, after: Node) -> list[Node] | None:
    if not isinstance(node, MaxPoolNode) or not isinstance(after, ClampNode):
        return None
    name = node.inputs[0]
    if name == graph.input_name or len(graph.consumers(name)) > 1:
        return None
    return [after.replace(inputs=node.inputs, shape=graph.node(name).shape),
            node.replace(inputs=(after.name,))]


def _merge_clamp(graph: Graph, node: Node, after: Node) -> list[Node] | None:
    if not isinstance(node, Clamped) or not isinstance(after, ClampNode):
        return None
    if (node.minimum, node.maximum) != (None, None):
        return None
    return [dataclasses.replace(node, minimum=after.minimum, maximum=after.maximum)]
