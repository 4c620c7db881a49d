"""Post-training quantization: from a float graph and calibration data to an integer network.

Activations are affine per tensor, weights symmetric per output channel (Jacob et al.,
Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference,
2018, sections 2.1 to 2.4).
"""

import math
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

from .calibrate import Method, affine, tensor_ranges
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
    PoolNode,
)
from .scales import QuantizeError, multiplier, multipliers, weight_scales

__all__ = ["Method", "QuantizeError", "quantize", "weight_widths"]

UNIFY_LIMIT = 2.0  # a concatenation may cost its inputs one bit
ADD_FRACTION = 15  # at most ADD_SHIFT, so that scaling an input of a sum rounds nothing
SMALLEST_FACTOR = 2.0**-24  # of a sum's step to the output's; finer sums change no output


def quantize(graph: Graph, images: torch.Tensor, *, bits: int = 8,
             layer_bits: Mapping[str, int] | None = None, method: Method = Method.MINMAX,
             percentile: float = 99.99, weight_method: Method = Method.MSE,
             numbers: Numbers | None = None) -> Network:
    """Quantize a captured network after training.

    Parameters
    ----------
    graph : Graph
        What ``capture`` gave.
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
    widths = weight_widths(graph, bits, layer_bits or {})
    _check(graph, images, method, percentile, weight_method)
    ranges = tensor_ranges(graph, images, method, percentile=percentile)
    for name, (low, high) in ranges.items():
        if not math.isfinite(high - low):
            raise QuantizeError(f"Layer {name!r}: values must be finite on the calibration images, "
                                "but one is an infinity or NaN")
    shapes = {graph.input_name: graph.shape, **{node.name: node.shape for node in graph}}
    types = {}
    for name, (low, high) in _shared_ranges(graph, ranges).items():
        scale, zero_point = affine(low, high, 8)
        types[name] = TensorType(shape=shapes[name], scale=scale, zero_point=zero_point)
    layers = tuple(_layer(node, types, numbers, widths.get(node.name, bits), weight_method)
                   for node in graph)
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


def _shared_ranges(graph: Graph, ranges: dict[str, tuple[float, float]]
                   ) -> dict[str, tuple[float, float]]:
    """Ranges with those made equal whose tensors share a scale: across pooling, and across a
    concatenation where it costs little."""
    groups = {name: [name] for name in ranges}
    shared = dict(ranges)

    def join(names: list[str]) -> None:
        members = list(dict.fromkeys(member for name in names for member in groups[name]))
        union = (min(shared[name][0] for name in members),
                 max(shared[name][1] for name in members))
        for member in members:
            groups[member], shared[member] = members, union

    for node in graph:
        if isinstance(node, PoolNode):
            shared[node.name] = shared[node.inputs[0]]
            join([node.inputs[0], node.name])
    for node in graph:
        if isinstance(node, ConcatNode):
            low = min(shared[name][0] for name in node.inputs)
            high = max(shared[name][1] for name in node.inputs)
            narrowest = min(shared[name][1] - shared[name][0] for name in node.inputs)
            own = [name for name in groups[node.name] if name != node.name]
            for name in (node.name, *own):
                shared[name] = low, high
            if (high - low <= UNIFY_LIMIT * narrowest
                    and not any(graph.input_name in groups[name] for name in node.inputs)):
                join([*node.inputs, node.name])
    return shared


def _layer(node: Node, types: dict[str, TensorType], numbers: Numbers, bits: int,
           weight_method: Method) -> Layer:
    output, sources = types[node.name], [types[name] for name in node.inputs]
    common: dict[str, Any] = {"name": node.name, "inputs": node.inputs, "output": output}
    match node:
        case ConvNode():
            return Conv(**common, **_weighted(node, sources[0], output, numbers, bits,
                                              weight_method),
                        stride=node.stride, padding=node.padding, dilation=node.dilation,
                        groups=node.groups)
        case LinearNode():
            return Linear(**common, **_weighted(node, sources[0], output, numbers, bits,
                                                weight_method))
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


def _weighted(node: ConvNode | LinearNode, source: TensorType, output: TensorType,
              numbers: Numbers, bits: int, method: Method) -> dict[str, Any]:
    """Weights, bias, scales and limits of a convolution or linear layer.

    A channel whose weights are so small that its bias would leave an eighth of the accumulator,
    or that its sums would be far finer than the output, gets a larger step.
    """
    weight, bias = node.weight.to(torch.float64), node.bias.to(torch.float64)
    step = weight_scales(weight.flatten(1), bits, method)
    step = torch.maximum(step, torch.full_like(step, SMALLEST_FACTOR * output.scale
                                               / source.scale))
    step = torch.maximum(step, bias.abs() / source.scale / 2.0**(numbers.accumulator_width - 4))
    largest = 2**(bits - 1) - 1
    around = (-1,) + (1,) * (weight.dim() - 1)
    elements = (weight / step.view(around)).round().clamp(-largest, largest).to(torch.int8)
    sums = elements.flatten(1).sum(1, dtype=torch.int64)
    scale = multipliers(numbers, step * source.scale / output.scale,
                        _subject(node, "scale of the sums"))
    return {"weight": elements, "weight_bits": bits, "mantissa": scale.mantissa,
            "shift": scale.shift, **_limits(node, output),
            "bias": (bias / (step * source.scale)).round().to(torch.int64)
                    - source.zero_point * sums}


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
