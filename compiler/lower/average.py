"""Average pooling as a pass: sums, times a mantissa that rounds as the division does."""

import functools
import itertools
from collections.abc import Mapping

import numpy as np
import torch

from sparrow.golden.network import AveragePool, Network
from sparrow.golden.post import requantize
from sparrow.hw.spec.accelerator import AcceleratorSpec
from sparrow.hw.spec.requantize import RequantizeSpec

from ..errors import refuse
from ..layout import TensorLayout
from ..passes import Pass, Region, blockwise
from .weights import diagonal

__all__ = ["lower_average_pool", "reciprocal"]

MAXIMUM_SHIFT = 63


def lower_average_pool(layer: AveragePool, network: Network, spec: AcceleratorSpec,
                       layouts: Mapping[str, TensorLayout]) -> list[Pass]:
    """The pass of an ``AveragePool``, with a region for each number of elements at the borders.

    Raises
    ------
    CompileError
        If no mantissa and shift give the quotient of every sum, rounded half away from zero.
    """
    source, target = layouts[layer.inputs[0]], layouts[layer.name]
    rows = _classes(target.height, source.height, layer.kernel[0], layer.stride[0],
                    layer.padding[0])
    columns = _classes(target.width, source.width, layer.kernel[1], layer.stride[1],
                       layer.padding[1])
    regions = tuple(Region(top, left, bottom, right, height * width)
                    for (top, bottom, height), (left, right, width)
                    in itertools.product(rows, columns))
    scales = {}
    for count in sorted({region.key for region in regions}):
        scale = reciprocal(spec, count)
        if scale is None:
            raise refuse(layer.name, "kernel",
                         f"such that a mantissa of {spec.mantissa_width} bits divides by the "
                         "number of its elements exactly", f"of {count} elements")
        scales[count] = scale

    def parameters(block: int, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        mantissa, shift = scales[count]
        return (np.zeros(spec.columns, np.int64), np.full(spec.columns, mantissa),
                np.full(spec.columns, shift))

    return [Pass(
        layer=layer.name, sources=(source,), target=target, spans=blockwise(target.blocks),
        regions=regions, kernel=layer.kernel, stride=layer.stride, padding=layer.padding[:2],
        reuse=True, zero_point=0, minimum=layer.output.minimum,
        maximum_value=layer.output.maximum, parameters=parameters,
        blocks=lambda block: diagonal(np.ones(spec.lanes)))]


def _classes(outputs: int, size: int, kernel: int, stride: int,
             padding: int) -> list[tuple[int, int, int]]:
    """Ranges of successive outputs whose windows have the same number of elements, with it."""
    counts = [min(start + kernel, size) - max(start, 0)
              for start in (output * stride - padding for output in range(outputs))]
    result, position = [], 0
    for count, group in itertools.groupby(counts):
        length = len(list(group))
        result.append((position, position + length, count))
        position += length
    return result


@functools.cache
def reciprocal(spec: AcceleratorSpec, count: int) -> tuple[int, int] | None:
    """Mantissa and shift that divide any sum of ``count`` 8-bit integers by ``count``.

    The result is rounded half away from zero; the mantissa is a little more than ``2^shift /
    count``, so that what lies halfway goes away from zero. Each sum is tried with the
    accelerator's rounding; the largest mantissa that fits is taken first.
    """
    sums = torch.arange(-128 * count, 127 * count + 1)
    if int(sums[0]) < -(1 << (spec.accumulator_width - 1)):
        return None
    wanted = torch.sign(sums) * ((2 * sums.abs() + count) // (2 * count))
    for shift in range(MAXIMUM_SHIFT, -1, -1):
        mantissa = 1 if count == 1 and shift == 0 else (1 << shift) // count + 1
        if mantissa >= 1 << spec.mantissa_width:
            continue
        numbers = RequantizeSpec(
            columns=1, lanes=1, accumulator_width=spec.accumulator_width,
            mantissa_width=spec.mantissa_width, shift_width=6, rounding=spec.rounding)
        got = requantize(numbers, sums[:, None], torch.tensor([mantissa]), torch.tensor([shift]),
                         0, -128, 127)
        if torch.equal(got[:, 0], wanted):
            return mantissa, shift
        if mantissa == 1:
            break
    return None
