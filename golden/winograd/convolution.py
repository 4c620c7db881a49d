"""Whole convolutions by Winograd's algorithm, tile by tile."""

import torch

from sparrow.hw.spec.winograd import WinogradSpec

from .transforms import (
    require,
    signed_range,
    transform_input,
    transform_output,
    transform_weight,
    wrapped,
)

__all__ = ["convolve"]


def convolve(spec: WinogradSpec, activations: torch.Tensor, weights: torch.Tensor, *,
             padding: tuple[int, int, int, int] = (0, 0, 0, 0),
             zero_point: int = 0) -> torch.Tensor:
    """Sums of a convolution (cross-correlation, as in PyTorch) of stride 1.

    Parameters
    ----------
    activations : integer tensor, shape (images, channels, height, width)
        ``activation_width`` bits each.
    weights : integer tensor, shape (outputs, channels, 3, 3); with one dimension (..., 1, 3) or
        (..., 3, 1)
        ``weight_width`` bits each.
    padding : (int, int, int, int)
        Top, left, bottom, right, filled with ``zero_point``.

    Returns
    -------
    int64 tensor, shape (images, outputs, height, width)
        Bit for bit those of direct convolution where these fit ``output_width`` bits.

    Raises
    ------
    TypeError, ValueError
        On tensors of other types, values or shapes.
    """
    low, high = signed_range(spec.activation_width)
    if not low <= zero_point <= high:
        raise ValueError(f"zero_point must be from {low} to {high}, not {zero_point}")
    upright = spec.dimensions == 1 and tuple(weights.shape[-2:]) == (3, 1)
    if upright:
        weights = weights.mT
    kernel = (1, 3) if spec.dimensions == 1 else (3, 3)
    if weights.dim() != 4 or tuple(weights.shape[-2:]) != kernel:
        raise ValueError(f"weights must have the kernel {kernel}, not the shape "
                         f"{tuple(weights.shape)}")
    kernels = weights.squeeze(-2) if spec.dimensions == 1 else weights
    require("weights", kernels, spec.weight_width, spec.taps, spec.dimensions)
    top, left, bottom, right = padding
    padded = torch.nn.functional.pad(activations.to(torch.int64), (left, right, top, bottom),
                                     value=zero_point)
    if upright:
        padded = padded.mT
    result = _by_tiles(spec, padded, kernels)
    return result.mT if upright else result


def _by_tiles(spec: WinogradSpec, padded: torch.Tensor, kernels: torch.Tensor) -> torch.Tensor:
    """Sums over all channels, of images without padding; edges that aren't there are zeros."""
    height, width = padded.shape[2] - (spec.dimensions - 1) * 2, padded.shape[3] - 2
    if height < 1 or width < 1:
        raise ValueError(f"activations must be as large as the kernel, not "
                         f"{padded.shape[2]} × {padded.shape[3]} with padding")
    missing = [-size % spec.tile for size in (width, height)]
    if spec.dimensions == 1:
        missing[1] = 0
    whole = torch.nn.functional.pad(padded, (0, missing[0], 0, missing[1]))
    tiles = whole.unfold(3, spec.side, spec.tile)
    if spec.dimensions == 2:
        tiles = tiles.unfold(2, spec.side, spec.tile).mT  # images, channels, rows, columns, …
    moving = transform_input(spec, tiles.contiguous()).flatten(4)
    stationary = transform_weight(spec, kernels).flatten(2)
    products = torch.einsum("icrtp,ocp->iortp", moving, stationary)
    sums = wrapped(products, spec.sum_width)
    sums = sums.unflatten(-1, (spec.side,) * spec.dimensions)
    pixels = transform_output(spec, sums)
    if spec.dimensions == 2:
        pixels = pixels.transpose(3, 4).flatten(2, 3)
    else:
        pixels = pixels.unsqueeze(3).flatten(2, 3)
    return pixels.flatten(3)[:, :, :height, :width]
