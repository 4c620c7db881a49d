"""What a unit for Winograd convolution takes and gives, in order: its weight blocks and results."""

import dataclasses

import torch

from sparrow.golden.post import requantize
from sparrow.hw.spec.winograd import KernelForm, WinogradConvSpec

from .convolution import convolve
from .transforms import transform_weight

__all__ = ["ConvScales", "by_blocks", "conv_results", "result_order", "weight_blocks"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class ConvScales:
    """How the sums of a layer are requantized.

    Parameters
    ----------
    bias, mantissa, shift : int64 tensors, shape (outputs,)
        Of each output channel.
    zero_point, minimum, maximum : int
        Of the result.
    """
    bias: torch.Tensor
    mantissa: torch.Tensor
    shift: torch.Tensor
    zero_point: int
    minimum: int
    maximum: int


def by_blocks(values: torch.Tensor, dimension: int, size: int) -> torch.Tensor:
    """A dimension as blocks of a size, (..., blocks, size, ...); what isn't there is 0."""
    missing = list(values.shape)
    missing[dimension] = -missing[dimension] % size
    whole = torch.cat([values, values.new_zeros(missing)], dimension)
    return whole.unflatten(dimension, (-1, size))


def weight_blocks(spec: WinogradConvSpec, weights: torch.Tensor) -> torch.Tensor:
    """The weight blocks that a pass takes, in order.

    Parameters
    ----------
    weights : integer tensor, shape (outputs, channels, 3, 3)

    Returns
    -------
    int64 tensor, shape (output blocks, channel blocks, ``spec.blocks``, columns, lanes)
    """
    kernels = weights.to(torch.int64)
    if spec.kernels is KernelForm.TRANSFORMED:
        kernels = transform_weight(spec.transform, kernels)
    blocks = by_blocks(by_blocks(kernels.flatten(2), 1, spec.lanes), 0, spec.columns)
    return blocks.permute(0, 2, 4, 1, 3)


def result_order(spec: WinogradConvSpec, height: int, width: int) -> list[tuple[int, int]]:
    """Row and column of the results of a pass for an output block, in order.

    With ``tile`` 2 pixels of even rows and columns, then those of even rows and odd columns, and so
    on, each row by row; with ``tile`` 4 tile by tile, each column by column.
    """
    tile = spec.tile
    places = [(row, column) for row in range(height) for column in range(width)]
    if tile == 2:
        return sorted(places, key=lambda at: (at[0] % tile, at[1] % tile, at))
    return sorted(places, key=lambda at: (at[0] // tile, at[1] // tile, at[1], at[0]))


def conv_results(spec: WinogradConvSpec, activations: torch.Tensor, weights: torch.Tensor,
                 scales: ConvScales, *, padding: tuple[int, int, int, int],
                 zero_point: int) -> torch.Tensor:
    """The requantized results of a layer.

    Parameters
    ----------
    activations : integer tensor, shape (channels, height, width)
    weights : integer tensor, shape (outputs, channels, 3, 3)
    scales : ConvScales
    padding, zero_point
        See :func:`.convolution.convolve`.

    Returns
    -------
    int64 tensor, shape (outputs, height, width)

    Raises
    ------
    TypeError, ValueError
        As :func:`.convolution.convolve` and :func:`..post.requantize`; also if a sum with its bias
        needs more than ``output_width`` bits.
    """
    sums = convolve(spec.transform, activations[None], weights, padding=padding,
                    zero_point=zero_point)[0]
    blocks = by_blocks(sums, 0, spec.columns)
    limits = [by_blocks(values, 0, spec.columns)
              for values in (scales.mantissa, scales.shift, scales.bias)]
    results = [requantize(spec.requantize, block.movedim(0, -1).contiguous(), mantissa, shift,
                          scales.zero_point, scales.minimum, scales.maximum, bias)
               for block, mantissa, shift, bias in zip(blocks, *limits, strict=True)]
    return torch.cat([result.movedim(-1, 0) for result in results])[:len(weights)]
