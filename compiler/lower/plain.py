"""Pooling, addition and concatenation as passes: weight blocks are diagonal."""

from collections.abc import Mapping

import numpy as np

from sparrow.golden.network import ADD_SHIFT, Add, Concat, MaxPool, Network, TensorType
from sparrow.hw.spec.accelerator import AcceleratorSpec

from ..errors import require_range
from ..layout import TensorLayout, members
from ..passes import Pass, Region, blockwise
from .weights import diagonal

__all__ = ["exact_sum", "lower_add", "lower_concat", "lower_max_pool", "whole"]

LARGEST_FACTOR = 127 * 256 + 127


def whole(layout: TensorLayout) -> tuple[Region, ...]:
    """All pixels as one region."""
    return (Region(0, 0, layout.height, layout.width),)


def lower_max_pool(layer: MaxPool, network: Network, spec: AcceleratorSpec,
                   layouts: Mapping[str, TensorLayout]) -> list[Pass]:
    """The pass of a ``MaxPool``: maxima of products with the identity."""
    target, kind = layouts[layer.name], layer.output
    return [Pass(
        layer=layer.name, sources=(layouts[layer.inputs[0]],), target=target,
        spans=blockwise(target.blocks), regions=whole(target), kernel=layer.kernel,
        stride=layer.stride, padding=layer.padding[:2], pad_value=-128, maximum=True, reuse=True,
        zero_point=0, minimum=kind.minimum, maximum_value=kind.maximum,
        parameters=lambda block, key: _uniform(spec, 0, 1, 0),
        blocks=lambda block: diagonal(np.ones(spec.lanes)))]


def lower_concat(layer: Concat, network: Network, spec: AcceleratorSpec,
                 layouts: Mapping[str, TensorLayout]) -> list[Pass]:
    """The passes of a ``Concat``: one for each input that isn't written in place already.

    Raises
    ------
    CompileError
        If a mantissa is too wide.
    """
    target, block, result = layouts[layer.name], 0, []
    roots = members(network, layouts)
    root, start = roots[layer.name]
    for name, mantissa, shift in zip(layer.inputs, layer.mantissas, layer.shifts):
        source, kind = layouts[name], network.type_of(name)
        # An input that comes twice is in place once, at the block where it was put.
        if roots[name] != (root, start + block):
            require_range(layer.name, f"mantissa of {name}", mantissa, 0,
                          (1 << spec.mantissa_width) - 1)
            result.append(_rescale(layer, spec, source, kind, target, block, mantissa, shift))
        block += source.blocks
    return result


def _rescale(layer: Concat, spec: AcceleratorSpec, source: TensorLayout, kind: TensorType,
             target: TensorLayout, block: int, mantissa: int, shift: int) -> Pass:
    """The pass that gives a tensor other numbers."""
    return Pass(
        layer=layer.name, sources=(source,), target=target, target_block=block,
        spans=blockwise(source.blocks), regions=whole(target), reuse=True,
        zero_point=layer.output.zero_point, minimum=layer.output.minimum,
        maximum_value=layer.output.maximum,
        parameters=lambda number, key: _uniform(spec, -kind.zero_point, mantissa, shift),
        blocks=lambda number: diagonal(np.ones(spec.lanes)))


def lower_add(layer: Add, network: Network, spec: AcceleratorSpec,
              layouts: Mapping[str, TensorLayout]) -> list[Pass]:
    """The pass of an ``Add``: both inputs times their factors, each as two weights of 8 bits.

    Raises
    ------
    CompileError
        On what :func:`exact_sum` refuses, or if sums don't fit the accumulator.
    """
    kinds = network.input_types(layer)
    factors, mantissa, last_shift = exact_sum(layer, network, spec)
    low = [factor - (factor + 128) // 256 * 256 for factor in factors]
    high = [(factor - part) // 256 for factor, part in zip(factors, low)]
    bound = sum(128 * (256 * abs(a) + abs(b) + factor)
                for a, b, factor in zip(high, low, factors))
    limit = (1 << (spec.accumulator_width - 1)) - 1
    require_range(layer.name, f"sums in {spec.accumulator_width} bits, which", bound, 0, limit)
    bias = -sum(kind.zero_point * factor for kind, factor in zip(kinds, factors))
    block = np.concatenate([diagonal(np.full(spec.lanes, part))
                            for pair in zip(high, low) for part in pair])
    target = layouts[layer.name]
    return [Pass(
        layer=layer.name, sources=tuple(layouts[name] for name in layer.inputs), target=target,
        spans=blockwise(target.blocks), regions=whole(target),
        zero_point=layer.output.zero_point, minimum=layer.minimum, maximum_value=layer.maximum,
        parameters=lambda number, key: _uniform(spec, bias, mantissa, last_shift),
        blocks=lambda number: block)]


def exact_sum(layer: Add, network: Network, spec: AcceleratorSpec) -> tuple[list[int], int, int]:
    """Factors of both inputs, and mantissa and shift of their sum, with nothing rounded before it.

    The definition rounds each scaled input. Where nothing is left to round, it is one sum, which
    is scaled once: ``((x1 - z1) * M1 + (x2 - z2) * M2) * 2^(20 - s) * M3 * 2^-s3``.

    Raises
    ------
    CompileError
        If an input's scale would be rounded, a factor doesn't fit two weights, or the sum's scale
        is out of range.
    """
    shift, factors = _factors(layer)
    for name, factor in zip(layer.inputs, factors):
        require_range(layer.name, f"mantissa of {name} at a shift of {shift}", factor, 0,
                      LARGEST_FACTOR)
    mantissa, last_shift = layer.mantissas[2], layer.shifts[2] - (ADD_SHIFT - shift)
    if last_shift < 0:
        mantissa, last_shift = mantissa << -last_shift, 0
    require_range(layer.name, "mantissa of the sum", mantissa, 0, (1 << spec.mantissa_width) - 1)
    require_range(layer.name, "shift of the sum", last_shift, 0, 63)
    return factors, mantissa, last_shift


def _factors(layer: Add) -> tuple[int, list[int]]:
    """A shift and integers whose ratio the inputs' scales are, with nothing left to round."""
    scales = []
    for name, mantissa, shift in zip(layer.inputs, layer.mantissas, layer.shifts):
        while shift > ADD_SHIFT and mantissa % 2 == 0:
            mantissa, shift = mantissa // 2, 0 if mantissa == 0 else shift - 1
        require_range(layer.name, f"shift of {name}", shift, 0, ADD_SHIFT)
        scales.append((mantissa, shift))
    common = max(shift for _, shift in scales)
    while common > 0 and all(shift < common or mantissa % 2 == 0 for mantissa, shift in scales):
        scales = [(mantissa // 2, shift - 1) if shift == common else (mantissa, shift)
                  for mantissa, shift in scales]
        common -= 1
    return common, [mantissa << (common - shift) for mantissa, shift in scales]


def _uniform(spec: AcceleratorSpec, bias: int, mantissa: int,
             shift: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Parameters that are the same for all columns."""
    return (np.full(spec.columns, bias), np.full(spec.columns, mantissa),
            np.full(spec.columns, shift))
