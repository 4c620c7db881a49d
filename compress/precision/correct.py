"""Bias correction: the mean error of quantization taken out of each output channel.

Nagel et al., Data-Free Quantization Through Weight Equalization and Bias Correction, 2019,
section 4.2; the means are empirical (its appendix D), of calibration images.
"""

import dataclasses

import torch

from ..draft import Draft, WeightedNode
from ..fake import fake_activation
from ..graph import Node
from ..scales import QuantizeError
from .choose import represented

__all__ = ["correct_bias"]


def correct_bias(draft: Draft, images: torch.Tensor) -> tuple[Draft, dict[str, float]]:
    """A draft whose layers have on average, per channel, the sums of the float network.

    Layer by layer: what the quantized network computes with the biases corrected so far is
    compared with the float network, before clamps.

    Parameters
    ----------
    images : torch.Tensor, float32, shape (images, *graph.shape)

    Returns
    -------
    Draft
    dict of str to float
        Largest correction of a bias by layer.

    Raises
    ------
    QuantizeError
        If a layer's weights or a tensor have no format yet.
    """
    _check(draft)
    graph, real = represented(draft), draft.graph
    with torch.inference_mode():
        exact = {real.input_name: images.reshape(len(images), *real.shape)}
        found = {name: _fake(draft, name, values) for name, values in exact.items()}
        biases: dict[str, torch.Tensor] = {}
        largest: dict[str, float] = {}
        last_use = {name: node.name for node in graph for name in node.inputs}
        for node, original in zip(graph, real):
            inputs, expected = ([tensors[name] for name in node.inputs]
                                for tensors in (found, exact))
            if isinstance(node, WeightedNode) and isinstance(original, WeightedNode):
                wanted = original.unclamped(*expected)
                error = (node.unclamped(*inputs) - wanted).double().mean((0, 2, 3))
                biases[node.name] = (node.bias.double() - error).float()
                largest[node.name] = float(error.abs().max())
                node = dataclasses.replace(node, bias=biases[node.name])
            exact[node.name] = original.evaluate(*expected)
            found[node.name] = _fake(draft, node.name, node.evaluate(*inputs))
            _forget(node, last_use, exact, found)
    return draft.with_weights({name: {"bias": bias.clone()} for name, bias in biases.items()}), \
        largest


def _fake(draft: Draft, name: str, values: torch.Tensor) -> torch.Tensor:
    return fake_activation(values, draft.tensors[name])


def _forget(node: Node, last_use: dict[str, str], *tensors: dict[str, torch.Tensor]) -> None:
    for name in set(node.inputs):
        if last_use[name] == node.name:
            for each in tensors:
                del each[name]


def _check(draft: Draft) -> None:
    for name in draft.weighted:
        if name not in draft.formats:
            raise QuantizeError(f"Layer {name!r}: bits must be chosen before its bias is "
                                "corrected, by a pass such as quantize")
    for name in (draft.graph.input_name, *(node.name for node in draft.graph)):
        if name not in draft.tensors:
            raise QuantizeError(f"Tensor {name!r}: a range must be chosen before biases are "
                                "corrected, by a pass such as quantize")
