"""Formats for a draft's weights and activations, beside those that it has already."""

from collections.abc import Mapping

import torch

from ..calibrate import Method
from ..draft import Draft
from ..formats import tensor_formats, weight_format
from ..graph import Graph
from ..scales import QuantizeError

__all__ = ["represented", "with_tensor_formats", "with_weight_formats"]


def with_weight_formats(draft: Draft, bits: int, layer_bits: Mapping[str, int], *,
                        method: Method = Method.MSE, per_channel: bool = True) -> Draft:
    """A draft in which all layers have a format.

    Parameters
    ----------
    bits : 8, 4, 2 or 1
        Of layers that have no format yet.
    layer_bits : mapping of str to 8, 4, 2 or 1
        Other widths, by layer.
    method, per_channel
        See ``weight_format``.

    Raises
    ------
    QuantizeError
        If ``layer_bits`` names a layer that has no weights or has a format already, or weights
        aren't finite; the text names the layer.
    """
    draft.chosen(layer_bits, "bits")
    layer_bits = draft.by_layer(layer_bits)
    formats = dict(draft.formats)
    for name in layer_bits:
        if name in formats:
            raise QuantizeError(f"Layer {name!r}: bits must be chosen by one pass, but an earlier "
                                f"one has chosen {formats[name].bits}")
    draft.require_finite()
    for name, node in draft.weighted.items():
        if name not in formats:
            formats[name] = weight_format(node, layer_bits.get(name, bits), method,
                                          per_channel=per_channel, mask=draft.mask(name))
    return draft.replace(formats=formats)


def with_tensor_formats(draft: Draft, images: torch.Tensor, method: Method, *,
                        percentile: float = 99.99, bits: int = 8,
                        tensor_bits: Mapping[str, int] | None = None) -> Draft:
    """A draft in which all tensors have a format: ranges of the network with its weights as their
    formats represent them. The arguments are those of ``tensor_formats``.

    Raises
    ------
    QuantizeError
        If ``tensor_bits`` names no tensor, pooling's, or one that has a format already, or values
        aren't finite; the text names the tensor.
    """
    for name in tensor_bits or {}:
        if name in draft.tensors:
            raise QuantizeError(f"Tensor {name!r}: bits must be chosen by one pass, but an earlier "
                                f"one has chosen {draft.tensors[name].bits}")
    found = tensor_formats(represented(draft), images, method, percentile=percentile, bits=bits,
                           tensor_bits=tensor_bits, known=draft.tensors)
    return draft.replace(tensors=found)


def represented(draft: Draft) -> Graph:
    """The graph with weights as masks and formats make them."""
    weights = {}
    for name, node in draft.weighted.items():
        weight = node.weight * draft.mask(name)
        form = draft.formats.get(name)
        if form is not None:
            weight = form.integers(weight) * form.around(weight) * draft.mask(name)
        weights[name] = {"weight": weight}
    return draft.with_weights(weights).graph
