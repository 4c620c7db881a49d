"""Graphs in which layers have become several."""

import dataclasses
from collections.abc import Mapping, Sequence

from ..draft import Draft
from ..graph import Node
from ..scales import QuantizeError

__all__ = ["rewritten"]


def rewritten(draft: Draft, parts: Mapping[str, Sequence[Node]]) -> Draft:
    """A draft with some layers replaced by chains of others.

    What took the output of a layer takes that of the last of its chain, which keeps the format of
    the output, too.

    Raises
    ------
    QuantizeError
        If a layer of a chain has the name of another.
    """
    graph = draft.graph
    renamed = {name: made[-1].name for name, made in parts.items()}
    nodes: list[Node] = []
    for node in graph:
        for made in parts.get(node.name, (node,)):
            nodes.append(dataclasses.replace(
                made, inputs=tuple(renamed.get(name, name) for name in made.inputs)))
    names = [graph.input_name, *(node.name for node in nodes)]
    for name in names:
        if names.count(name) > 1:
            raise QuantizeError(f"Layer {name!r}: a factor must have a name of its own, but "
                                "another layer has this one")
    return draft.replace(
        graph=graph.replace(nodes=tuple(nodes), output=renamed.get(graph.output, graph.output)),
        masks={name: mask for name, mask in draft.masks.items() if name not in parts},
        tensors={renamed.get(name, name): form for name, form in draft.tensors.items()})
