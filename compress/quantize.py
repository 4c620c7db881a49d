"""Post-training quantization: from a float graph and calibration data to an integer network.

Activations are affine per tensor, weights symmetric per output channel (Jacob et al.,
Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference,
2018, sections 2.1 to 2.4).
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import torch

from sparrow.golden.network import (
    ADD_SHIFT,
    Add,
    AveragePool,
    Concat,
    Conv,
    Layer,
    Linear,
    MaxPool,
    Network,
    Numbers,
    Rounding,
    Table,
    TensorType,
    check_accumulators,
)

from .calibrate import Method, affine
from .draft import Draft, TensorFormat, WeightedNode, WeightFormat
from .formats import tensor_formats, weight_format
from .graph import (
    AddNode,
    AveragePoolNode,
    Clamped,
    ConcatNode,
    ConvNode,
    Graph,
    LinearNode,
    MaxPoolNode,
    Node,
)
from .scales import QuantizeError, multiplier, multipliers

__all__ = ["Method", "QuantizeError", "quantize", "weight_widths"]

ADD_FRACTION = 15  # at most ADD_SHIFT, so that scaling an input of a sum rounds nothing
SMALLEST_FACTOR = 2.0**-24  # of a sum's step to the output's; finer sums change no output


def quantize(source: Graph | Draft, images: torch.Tensor, *, bits: int = 8,
             layer_bits: Mapping[str, int] | None = None, method: Method = Method.MINMAX,
             percentile: float = 99.99, weight_method: Method = Method.MSE,
             numbers: Numbers | None = None) -> Network:
    """The integer network of a captured network, or of a draft.

    Parameters
    ----------
    source : Graph or Draft
        What ``capture`` gave, or passes made of it. Formats that a draft has are kept, and the
        following choose the others.
    images : torch.Tensor, float32, shape (images, *graph.shape)
        Calibration data, finite, at least one image.
    bits : 8 or 4
        Width of weights.
    layer_bits : mapping of str to 8 or 4
        Other widths, by name of a layer with weights.
    method : Method
        How the range of an activation is chosen.
    percentile : float, above 50, at most 100
        For ``Method.PERCENTILE``; see ``tensor_ranges``.
    weight_method : Method
        ``MINMAX`` or ``MSE``; see ``weight_scales``.
    numbers : Numbers
        Widths and rounding of the network; ``Numbers()`` unless given.

    Returns
    -------
    Network
        Layers have the names of the graph's nodes. Pooling keeps its input's scale. A
        concatenation and its inputs share a scale where that makes no input's step more than
        twice as large; else inputs are requantized.

    Raises
    ------
    QuantizeError
        If an argument is out of range, or a scale can't be represented; the text names the layer.
    NetworkError
        If the sums of a layer can leave the accumulator; the text names the layer.
    """
    numbers = Numbers() if numbers is None else numbers
    draft = source if isinstance(source, Draft) else Draft(graph=source)
    graph = draft.graph
    layer_bits = draft.by_layer(layer_bits or {})
    widths = weight_widths(graph, bits, layer_bits)
    for name in layer_bits:
        if name in draft.formats:
            raise QuantizeError(f"Layer {name!r}: bits must be chosen once, but a pass has chosen "
                                f"{draft.formats[name].bits} before")
    _check(graph, images, method, percentile, weight_method)
    formats = {name: weight_format(node, widths[name], weight_method)
               for name, node in draft.weighted.items()} | dict(draft.formats)
    shapes = {graph.input_name: graph.shape, **{node.name: node.shape for node in graph}}
    chosen = tensor_formats(graph, images, method, percentile=percentile, known=draft.tensors)
    types = {name: _tensor_type(form, shapes[name]) for name, form in chosen.items()}
    layers = tuple(_layer(draft, node, types, numbers, formats.get(node.name)) for node in graph)
    network = Network(name=graph.name, input=types[graph.input_name], layers=layers,
                      output=graph.output, input_name=graph.input_name, numbers=numbers)
    check_accumulators(network)
    return network


def weight_widths(graph: Graph, bits: int, layer_bits: Mapping[str, int]) -> dict[str, int]:
    """The bits of weights of each layer that has any; raises ``QuantizeError`` on wrong ones."""
    names = [node.name for node in graph if isinstance(node, ConvNode | LinearNode)]
    for subject, value in (("bits", bits), *((f"layer_bits of {name!r}", value)
                                             for name, value in layer_bits.items())):
        if isinstance(value, bool) or value not in (8, 4):
            raise QuantizeError(f"{subject} must be 8 or 4, not {value!r}")
    for name in layer_bits:
        if name not in names:
            raise QuantizeError(f"layer_bits must name layers with weights, {', '.join(names)}, "
                                f"not {name!r}")
    return {name: layer_bits.get(name, bits) for name in names}


def _check(graph: Graph, images: torch.Tensor, method: Method, percentile: float,
           weight_method: Method) -> None:
    if not isinstance(method, Method):
        raise TypeError(f"method must be a Method, not {method!r}")
    if weight_method not in (Method.MINMAX, Method.MSE):
        raise QuantizeError(f"weight_method must be Method.MINMAX or Method.MSE, "
                            f"not {weight_method!r}")
    if not 50 < percentile <= 100:
        raise QuantizeError(f"percentile must be above 50 and at most 100, not {percentile!r}")
    if not len(images) or images[0].numel() != torch.Size(graph.shape).numel():
        raise QuantizeError(f"images must be one or more of shape {graph.shape}, "
                            f"not of shape {tuple(images.shape)}")
    if not bool(images.isfinite().all()):
        raise QuantizeError("images must be finite, but one has an infinity or NaN")
    for node in graph:
        if isinstance(node, ConvNode | LinearNode) and not bool(
                node.weight.isfinite().all() and node.bias.isfinite().all()):
            raise QuantizeError(f"{_subject(node, 'weights')} must be finite, but one is not")


def _tensor_type(form: TensorFormat, shape: tuple[int, int, int]) -> TensorType:
    scale, zero_point = affine(form.low, form.high, form.bits)
    return TensorType(shape=shape, scale=scale, zero_point=zero_point, bits=form.bits)


def _layer(draft: Draft, node: Node, types: dict[str, TensorType], numbers: Numbers,
           form: WeightFormat | None) -> Layer:
    output, sources = types[node.name], [types[name] for name in node.inputs]
    common: dict[str, Any] = {"name": node.name, "inputs": node.inputs, "output": output}
    match node:
        case ConvNode():
            assert form is not None
            return Conv(**common, **_weighted(node, form, draft.mask(node.name), sources[0],
                                              output, numbers),
                        stride=node.stride, padding=node.padding, dilation=node.dilation,
                        groups=node.groups)
        case LinearNode():
            assert form is not None
            return Linear(**common, **_weighted(node, form, draft.mask(node.name), sources[0],
                                                output, numbers))
        case AddNode():
            return Add(**common, **_add(node, sources, output, numbers))
        case ConcatNode():
            pairs = [(1, 0) if kind.same_numbers(output) else
                     multiplier(numbers, kind.scale / output.scale, _subject(node, "input scale"))
                     for kind in sources]
            return Concat(**common, mantissas=tuple(mantissa for mantissa, _ in pairs),
                          shifts=tuple(shift for _, shift in pairs))
        case MaxPoolNode() | AveragePoolNode():
            pool = MaxPool if isinstance(node, MaxPoolNode) else AveragePool
            return pool(**common, kernel=node.kernel, stride=node.stride, padding=node.padding)
    elements = torch.arange(sources[0].minimum, sources[0].maximum + 1)
    return Table(**common,
                 entries=output.to_elements(node.evaluate(sources[0].to_values(elements))))


def _subject(node: Node, field: str) -> str:
    return f"Layer {node.name!r}: {field}"


def _limits(node: Clamped, output: TensorType) -> dict[str, int]:
    low = output.minimum if node.minimum is None else round(node.minimum / output.scale)
    high = output.maximum if node.maximum is None else round(node.maximum / output.scale)
    if node.minimum is not None:
        low = max(output.minimum, min(output.maximum, low + output.zero_point))
    if node.maximum is not None:
        high = max(output.minimum, min(output.maximum, high + output.zero_point))
    return {"minimum": low, "maximum": max(low, high)}


def _weighted(node: WeightedNode, form: WeightFormat, mask: torch.Tensor, source: TensorType,
              output: TensorType, numbers: Numbers) -> dict[str, Any]:
    """Weights, bias, scales and limits of a convolution or linear layer.

    A channel whose weights are so small that its bias would leave an eighth of the accumulator,
    or that its sums would be far finer than the output, gets a larger step.
    """
    weight, bias = node.weight.to(torch.float64), node.bias.to(torch.float64)
    step = torch.maximum(form.step, torch.full_like(form.step, SMALLEST_FACTOR * output.scale
                                                    / source.scale))
    enough = bias.abs() / source.scale / 2.0**(numbers.accumulator_width - 4)
    step = torch.maximum(step, enough if len(step) > 1 else enough.amax().view(1))
    elements = _elements(form, step, weight, mask)
    sums = elements.flatten(1).sum(1, dtype=torch.int64)
    step = step.expand(len(weight))
    scale = multipliers(numbers, step * source.scale / output.scale,
                        _subject(node, "scale of the sums"))
    return {"weight": elements, "weight_bits": max(4, form.bits),
            "codebook": _codebook(form, elements), "mantissa": scale.mantissa,
            "shift": scale.shift, **_limits(node, output),
            "bias": (bias / (step * source.scale)).round().to(torch.int64)
                    - source.zero_point * sums}


def _elements(form: WeightFormat, step: torch.Tensor, weight: torch.Tensor,
              mask: torch.Tensor) -> torch.Tensor:
    """Integer weights with steps that may be larger than the format's."""
    if form.bits == 1:  # whatever the step, these are −1 and 1
        ratio = dataclasses.replace(form, step=form.step / step).around(weight)
        return ((form.integers(weight) * ratio).round() * mask).to(torch.int8)
    return (dataclasses.replace(form, step=step).integers(weight) * mask).to(torch.int8)


def _codebook(form: WeightFormat, elements: torch.Tensor) -> torch.Tensor | None:
    """The integers among which weights are, where the format has few."""
    if form.codebook is None and form.bits > 2:
        return None
    values = elements.unique()
    return values if len(values) > 1 else None


def _add(node: AddNode, sources: list[TensorType], output: TensorType,
         numbers: Numbers) -> dict[str, Any]:
    """Scales of a sum: inputs in units of twice the larger step, with one shift for both."""
    unit = 2 * max(kind.scale for kind in sources)
    if numbers.rounding is Rounding.TFLITE:
        fraction, shift = 31, 0
    else:
        fraction = shift = min(ADD_FRACTION, numbers.mantissa_width, numbers.maximum_shift)
    mantissas = [round(kind.scale / unit * 2**fraction) for kind in sources]
    last = multiplier(numbers, unit / (2**ADD_SHIFT * output.scale),
                      _subject(node, "scale of the sum"))
    return {"mantissas": (*mantissas, last[0]), "shifts": (shift, shift, last[1]),
            **_limits(node, output)}
