"""Binary weights and binary activations, as in XNOR-Net (Rastegari et al., 2016).

A weight becomes its sign times the mean magnitude of its output channel's (section 3.1). An input
becomes its sign times one scale, the mean magnitude over calibration images, which goes into the
weights of the layer that takes it. The paper's K, a scale for each position of the image (section
3.2), is left out: an accumulator has one scale for each channel.
"""

from collections.abc import Iterable

import torch

from ..calibrate import BATCH
from ..draft import Draft, TensorFormat
from ..formats import weight_format
from ..graph import ConvNode, FunctionNode, Graph, LinearNode, MaxPoolNode, Node
from ..scales import QuantizeError

__all__ = ["SIGNS", "binary_inputs", "binary_weights"]

SIGNS = TensorFormat(low=-2.0, high=127 / 64)
"""A step of 1/64: −1 and 1 are the integers −64 and 64, so that the biases of binary layers, in
units of the step times the weights', are rounded finely."""


def binary_weights(draft: Draft, names: Iterable[str]) -> Draft:
    """A draft in which weights of layers, all of them where none is named, have 1 bit.

    Raises
    ------
    QuantizeError
        If there is no such layer, or one has a format already.
    """
    formats = dict(draft.formats)
    for name, node in draft.chosen(names).items():
        if name in formats:
            raise QuantizeError(f"Layer {name!r}: weights must have no format before they become "
                                f"binary, but have {formats[name].bits} bits")
        formats[name] = weight_format(node, 1, mask=draft.mask(name))
    return draft.replace(formats=formats)


def binary_inputs(draft: Draft, names: Iterable[str], images: torch.Tensor) -> Draft:
    """A draft in which the inputs of layers become their signs.

    The layer before, through maximum pooling, loses its ReLU, whose values have one sign only; its
    channels are divided by their mean magnitude, which changes no sign, so that gradients pass
    (see ``binary_sign``).

    Parameters
    ----------
    images : torch.Tensor, float32, shape (images, *graph.shape)
        Calibration data.

    Raises
    ------
    QuantizeError
        If there is no such layer, its input is the network's, or comes from elsewhere than a
        convolution or linear layer that gives it to nobody else, or formats are chosen already;
        the text names the layer.
    """
    for name in draft.by_layer(dict.fromkeys(names)):
        draft.chosen([name])
        draft = _binary_input(draft, name, images)
    return draft


def _binary_input(draft: Draft, name: str, images: torch.Tensor) -> Draft:
    graph, node = draft.graph, draft.weighted[name]
    before = _producer(graph, node)
    for other in (name, before.name):
        if other in draft.formats:
            raise QuantizeError(f"Layer {other!r}: bits of weights must be chosen after inputs "
                                "become binary, not before")
    if draft.tensors.keys() & {before.name, *node.inputs}:
        raise QuantizeError(f"Layer {name!r}: the range of its input must be chosen after it "
                            "becomes binary, not before")
    graph = _replaced(graph, {before.name: before.replace(minimum=None, maximum=None)})
    size = _mean(graph, before.name, images, channels=True).clamp(min=1e-12)
    scale = float(_mean(graph, node.inputs[0], images, channels=False))
    around = size.view(-1, *(1,) * (before.weight.dim() - 1))
    graph = _replaced(graph, {before.name: before.replace(
        minimum=None, maximum=None, weight=before.weight / around, bias=before.bias / size)})
    sign = _free_name(graph, f"{name}.sign")
    source = node.inputs[0]
    shape = graph.shape if source == graph.input_name else graph.node(source).shape
    nodes: list[Node] = []
    for each in graph:
        if each.name == name:
            nodes += [FunctionNode(name=sign, inputs=(source,), shape=shape, function="sign"),
                      node.replace(inputs=(sign,), weight=node.weight * scale)]
        else:
            nodes.append(each)
    return draft.replace(graph=graph.replace(nodes=tuple(nodes)),
                         tensors={**draft.tensors, sign: SIGNS})


def _producer(graph: Graph, node: Node) -> ConvNode | LinearNode:
    """The layer whose values a layer takes, through maximum pooling."""
    name, after = node.inputs[0], node
    while True:
        if name == graph.input_name:
            raise QuantizeError(f"Layer {node.name!r}: the input to become binary must not be the "
                                "network's")
        before = graph.node(name)
        if len(graph.consumers(name)) > 1 or name == graph.output:
            raise QuantizeError(f"Layer {node.name!r}: the input to become binary must be taken by "
                                f"{after.name!r} alone, but others take {name!r}")
        if isinstance(before, ConvNode | LinearNode):
            return before
        if not isinstance(before, MaxPoolNode):
            raise QuantizeError(f"Layer {node.name!r}: the input to become binary must come from a "
                                "convolution or linear layer, through maximum pooling at most, "
                                f"not from {name!r}")
        name, after = before.inputs[0], before


def _mean(graph: Graph, name: str, images: torch.Tensor, *, channels: bool) -> torch.Tensor:
    """Mean magnitude of a tensor, by channel or of all."""
    over = (0, 2, 3) if channels else (0, 1, 2, 3)
    sums = [graph.run(batch)[name].abs().double().mean(over) * len(batch)
            for batch in images.split(BATCH)]
    return (torch.stack(sums).sum(0) / len(images)).float()


def _replaced(graph: Graph, nodes: dict[str, Node]) -> Graph:
    return graph.replace(nodes=tuple(nodes.get(node.name, node) for node in graph))


def _free_name(graph: Graph, name: str) -> str:
    known = {graph.input_name, *(node.name for node in graph)}
    return next(each for each in (name, *(f"{name}_{i}" for i in range(1, len(known) + 1)))
                if each not in known)
