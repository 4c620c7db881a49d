"""What an integer network computes, bit by bit."""

import math

import torch
import torch.nn.functional as F

from .arithmetic import rescale_inputs, to_elements
from .bounds import accumulator_bound, check_accumulators
from .checks import NetworkError, shown
from .layer import Layer
from .network import Network
from .plain import ADD_SHIFT, ADD_WIDTH, Add, AveragePool, Concat, MaxPool, Table
from .types import Numbers, TensorType
from .weighted import Conv, Linear

__all__ = ["execute"]

FLOAT32_LIMIT = 2**24  # float64 holds the sums of any accumulator
BATCH_ELEMENTS = 2**20  # of the largest tensor, so that a batch stays in a cache


def execute(network: Network, inputs: torch.Tensor,
            trace: bool = False) -> torch.Tensor | dict[str, torch.Tensor]:
    """Run a network on images.

    Parameters
    ----------
    network : Network
    inputs : torch.Tensor, int8, shape (images, channels, height, width)
        Elements of the input's type.
    trace : bool
        Give every layer's output.

    Returns
    -------
    torch.Tensor, int8, shape (images, channels, height, width), or a dict of them by layer
        The output; with ``trace``, that of each layer, in order.

    Raises
    ------
    TypeError
        If ``inputs`` isn't a tensor of int8.
    NetworkError
        If its shape or a value is not that of the network's input, or a layer's sums can leave
        the accumulator for some input: see ``check_accumulators``.

    Notes
    -----
    Exact: sums are computed in floating point only where every partial sum of the layer, in any
    order, is an integer that the format holds.
    """
    check_accumulators(network)
    _check_inputs(network, inputs)
    largest = max(kind.size for kind in (network.input, *(layer.output for layer in network)))
    batch = max(1, BATCH_ELEMENTS // largest)
    with torch.inference_mode():
        chunks = [_run(network, chunk, trace) for chunk in inputs.split(batch)]
    results = {name: torch.cat([chunk[name] for chunk in chunks]) for name in chunks[0]}
    return results if trace else results[network.output]


def _run(network: Network, inputs: torch.Tensor, trace: bool) -> dict[str, torch.Tensor]:
    """The outputs of all layers, or only that of the network, for one batch."""
    last_use = {name: layer.name for layer in network for name in layer.inputs}
    tensors = {network.input_name: inputs}
    results = {}
    for layer in network:
        sources = tuple(tensors[name] for name in layer.inputs)
        output = _compute(layer, sources, network.input_types(layer), network.numbers)
        tensors[layer.name] = output
        if trace or layer.name == network.output:
            results[layer.name] = output
        for name in set(layer.inputs):
            if last_use[name] == layer.name:
                del tensors[name]
    return results


def _compute(layer: Layer, sources: tuple[torch.Tensor, ...], kinds: tuple[TensorType, ...],
             numbers: Numbers) -> torch.Tensor:
    match layer:
        case Conv() | Linear():
            return _weighted(layer, sources[0], kinds[0], numbers)
        case Add():
            return _add(layer, sources, kinds, numbers)
        case Concat():
            return _concat(layer, sources, kinds, numbers)
        case MaxPool():
            padded = _padded(sources[0], layer.padding, kinds[0].minimum)
            return F.max_pool2d(padded.to(torch.float32), layer.kernel,
                                layer.stride).to(torch.int8)
        case AveragePool():
            return _average(layer, sources[0])
        case Table():
            index = sources[0].to(torch.int32) - kinds[0].minimum
            return layer.entries.index_select(0, index.flatten()).view(index.shape)
    raise TypeError(f"Layer {layer.name!r}: must be of a known kind, not {type(layer).__name__}")


def _weighted(layer: Conv | Linear, source: torch.Tensor, kind: TensorType,
              numbers: Numbers) -> torch.Tensor:
    bound = accumulator_bound(layer, input_bits=kind.bits).magnitude
    weight = layer.weight
    if isinstance(layer, Linear):
        source, weight = source.reshape(len(source), -1, 1, 1), weight[:, :, None, None]
        stride, dilation, groups = (1, 1), (1, 1), 1
    else:
        source = _padded(source, layer.padding, kind.zero_point)
        stride, dilation, groups = layer.stride, layer.dilation, layer.groups
    exact = torch.float32 if bound < FLOAT32_LIMIT and _float32_is_exact() else torch.float64
    with torch.backends.nnpack.flags(enabled=False):  # it may transform, with fractions
        sums = F.conv2d(source.to(exact), weight.to(exact), layer.bias.to(exact), stride, 0,
                        dilation, groups)
    return to_elements(numbers, sums, bound, layer.mantissa, layer.shift,
                       layer.output.zero_point, layer.minimum, layer.maximum)


def _float32_is_exact() -> bool:
    """Whether float32 convolutions add plain products of float32.

    So they do on x86 in oneDNN's direct algorithm, unless the user of torch allowed products of
    fewer bits; on other machines torch may choose transforms with fractions.
    """
    return (torch.backends.cpu.get_cpu_capability() in ("DEFAULT", "AVX2", "AVX512")
            and torch.backends.mkldnn.is_available()
            and torch.backends.mkldnn.conv.fp32_precision in ("none", "ieee"))


def _add(layer: Add, sources: tuple[torch.Tensor, ...], kinds: tuple[TensorType, ...],
         numbers: Numbers) -> torch.Tensor:
    scaled = [rescale_inputs(numbers, source.to(torch.float64).sub_(kind.zero_point), ADD_SHIFT,
                             mantissa, shift)
              for source, kind, mantissa, shift in zip(sources, kinds, layer.mantissas,
                                                       layer.shifts)]
    return to_elements(numbers, scaled[0].add_(scaled[1]), 2**(ADD_WIDTH - 1),
                       torch.tensor(layer.mantissas[2:]), torch.tensor(layer.shifts[2:]),
                       layer.output.zero_point, layer.minimum, layer.maximum,
                       accumulator_width=ADD_WIDTH)


def _concat(layer: Concat, sources: tuple[torch.Tensor, ...], kinds: tuple[TensorType, ...],
            numbers: Numbers) -> torch.Tensor:
    parts = []
    for source, kind, mantissa, shift in zip(sources, kinds, layer.mantissas, layer.shifts):
        if not kind.same_numbers(layer.output):
            values = source.to(torch.float64).sub_(kind.zero_point)
            values = rescale_inputs(numbers, values, 0, mantissa, shift)
            source = values.add_(layer.output.zero_point).clamp_(
                layer.output.minimum, layer.output.maximum).to(torch.int8)
        parts.append(source)
    return torch.cat(parts, dim=1)


def _average(layer: AveragePool, source: torch.Tensor) -> torch.Tensor:
    """Twice the magnitude plus the count, divided by twice the count: no tie, so no rounding.

    A quotient is below 2^8 and at least 2^-25 away from the next integer, unless it is one, so
    that float64's doesn't round up to it.
    """
    kernel, stride = layer.kernel, layer.stride
    exact = torch.float32 if math.prod(kernel) * 128 < FLOAT32_LIMIT else torch.float64
    around = [F.avg_pool2d(_padded(values, layer.padding, 0).to(exact), kernel, stride,
                           divisor_override=1).to(torch.float64)
              for values in (source, torch.ones_like(source[:1, :1]))]
    sums, counts = around
    return sums.abs().mul_(2).add_(counts).div_(2 * counts).floor_().copysign_(sums).to(torch.int8)


def _padded(source: torch.Tensor, padding: tuple[int, int, int, int],
            value: int) -> torch.Tensor:
    top, left, bottom, right = padding
    return F.pad(source, (left, right, top, bottom), value=value) if any(padding) else source


def _check_inputs(network: Network, inputs: object) -> None:
    if not isinstance(inputs, torch.Tensor) or inputs.dtype != torch.int8:
        found = inputs.dtype if isinstance(inputs, torch.Tensor) else shown(inputs)
        raise TypeError(f"inputs must be a tensor of torch.int8, not {found}")
    kind = network.input
    if inputs.dim() != 4 or tuple(inputs.shape[1:]) != kind.shape or not len(inputs):
        raise NetworkError(f"inputs must be of shape (images, {', '.join(map(str, kind.shape))}), "
                           f"one image or more, not {tuple(inputs.shape)}")
    if kind.bits < 8 and (inputs.min() < kind.minimum or inputs.max() > kind.maximum):
        raise NetworkError(f"inputs must hold integers from {kind.minimum} to {kind.maximum}, "
                           f"not {int(inputs.min())} to {int(inputs.max())}")
