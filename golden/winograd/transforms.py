"""The three transforms of Winograd convolution, in 64-bit integers."""

import torch

from sparrow.hw.spec.winograd import WinogradSpec

from .matrices import Matrix, matrices
from .widths import widths

__all__ = ["transform_input", "transform_output", "transform_weight"]


def signed_range(width: int) -> tuple[int, int]:
    """Smallest and largest number in two's complement."""
    return -1 << (width - 1), (1 << (width - 1)) - 1


def wrapped(values: torch.Tensor, width: int) -> torch.Tensor:
    """Integers modulo ``2 ** width`` as two's complement."""
    return (values << (64 - width)) >> (64 - width)


def transform_input(spec: WinogradSpec, tiles: torch.Tensor) -> torch.Tensor:
    """Transformed activations, exact.

    Parameters
    ----------
    tiles : integer tensor, shape (..., side) or (..., side, side)
        ``activation_width`` bits each; as many of these dimensions as the specification has.

    Returns
    -------
    int64 tensor, of the same shape
        ``multiplier_activation_width`` bits each.

    Raises
    ------
    TypeError, ValueError
        On tensors of other types, values or shapes.
    """
    require("Tiles", tiles, spec.activation_width, spec.side, spec.dimensions)
    return applied(matrices(spec.tile).input, tiles, spec.dimensions)


def transform_weight(spec: WinogradSpec, kernels: torch.Tensor) -> torch.Tensor:
    """Transformed weights, exact.

    Parameters
    ----------
    kernels : integer tensor, shape (..., 3) or (..., 3, 3)
        ``weight_width`` bits each.

    Returns
    -------
    int64 tensor, shape (..., side) or (..., side, side)
        ``multiplier_weight_width`` bits each.

    Raises
    ------
    TypeError, ValueError
        As :func:`transform_input`.
    """
    require("Kernels", kernels, spec.weight_width, spec.taps, spec.dimensions)
    return applied(matrices(spec.tile).weight, kernels, spec.dimensions)


def transform_output(spec: WinogradSpec, sums: torch.Tensor) -> torch.Tensor:
    """The convolution's sums, of sums of products of transformed tiles and kernels.

    The sums of products count modulo ``2 ** sum_width``. Their transform is the result times
    ``scale`` in each dimension, modulo the same; it is shifted right and multiplied by the
    inverse of the odd rest of ``scale``, modulo ``2 ** output_width``.

    Parameters
    ----------
    sums : integer tensor, shape (..., side) or (..., side, side)

    Returns
    -------
    int64 tensor, shape (..., tile) or (..., tile, tile)
        Right where the result fits ``output_width`` bits, and wrapped where it doesn't.

    Raises
    ------
    TypeError, ValueError
        As :func:`transform_input`.
    """
    require("Sums", sums, 64, spec.side, spec.dimensions)
    found = matrices(spec.tile)
    division = widths(found, spec.dimensions, (0, 0), (0, 0))
    scaled = applied(found.output, sums, spec.dimensions)
    inverse = pow(division.divisor, -1, 1 << spec.output_width)
    return wrapped((scaled >> division.shift) * inverse, spec.output_width)


def require(subject: str, values: torch.Tensor, width: int, side: int, dimensions: int) -> None:
    """Check a tensor of integers of ``width`` bits, ``side`` in each of its last dimensions."""
    if values.dtype.is_floating_point or values.dtype.is_complex or values.dtype == torch.bool:
        raise TypeError(f"{subject} must be integers, not {values.dtype}")
    if tuple(values.shape[-dimensions:]) != (side,) * dimensions:
        raise ValueError(f"{subject} must have the shape {(side,) * dimensions} at last, "
                         f"not {tuple(values.shape)}")
    low, high = signed_range(width)
    if values.numel() and (values.min() < low or values.max() > high):
        worst = values.min() if values.min() < low else values.max()
        raise ValueError(f"{subject} must be from {low} to {high}, not {worst.item()}")


def applied(matrix: Matrix, values: torch.Tensor, dimensions: int) -> torch.Tensor:
    """A matrix times the last dimension, or the last two from both sides, modulo ``2 ** 64``."""
    factor = torch.tensor(matrix, dtype=torch.int64)
    values = values.to(torch.int64) @ factor.T
    return values if dimensions == 1 else factor @ values
