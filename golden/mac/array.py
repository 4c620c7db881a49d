"""What a MAC array computes, in 64-bit integers."""

import torch

from sparrow.hw.spec.mac import MacArraySpec

__all__ = ["accumulate", "block_sums", "outer_products", "stored_elements", "window_sums"]


def _check_range(subject, values, low, high):
    if values.dtype.is_floating_point or values.dtype.is_complex or values.dtype == torch.bool:
        raise TypeError(f"{subject} must be integers, not {values.dtype}")
    if values.numel() and (values.min() < low or values.max() > high):
        worst = values.min() if values.min() < low else values.max()
        raise ValueError(f"{subject} must be from {low} to {high}, not {worst.item()}")


def _signed_range(width):
    return -1 << (width - 1), (1 << (width - 1)) - 1


def stored_elements(spec: MacArraySpec, stored: torch.Tensor, int4: bool) -> torch.Tensor:
    """The stationary elements in the bits that the multipliers hold.

    Parameters
    ----------
    stored : integer tensor, shape (..., lanes)
        Unsigned contents of the cells, ``storage_width`` bits.
    int4 : bool
        Each cell holds two 4-bit elements: the low nibble belongs to the first half of a
        vector, the high nibble to the second.

    Returns
    -------
    int64 tensor, shape (..., lanes), or (..., 2 · lanes) with ``int4``
    """
    _check_range("Stored bits", stored, 0, (1 << spec.storage_width) - 1)
    stored = stored.to(torch.int64)
    width = 4 if int4 else spec.storage_width
    parts = [stored & 15, stored >> 4] if int4 else [stored]
    signed = [part - ((part >> (width - 1)) << width) for part in parts]
    return torch.cat(signed, dim=-1)


def _products_range(spec, vectors):
    _check_range("Vectors", vectors, *_signed_range(spec.moving_width))
    return vectors.to(torch.int64)


def block_sums(spec: MacArraySpec, vectors: torch.Tensor, stored: torch.Tensor, *,
               int4: bool = False) -> torch.Tensor:
    """Sums of vectors on a stationary block: ``sums[n][c] = Σ vectors[n][l] · block[c][l]``.

    Parameters
    ----------
    vectors : integer tensor, shape (n, lanes · halves)
        Without ``int4`` only the first ``lanes`` elements count.
    stored : integer tensor, shape (columns, lanes), or (n, columns, lanes)
        Unsigned cell contents, one block for all vectors or one for each.
    int4 : bool
        Precision of the block.

    Returns
    -------
    int64 tensor, shape (n, columns)
        At most 2 · 64 products of 32 bits, so that 64 bits never overflow.

    Raises
    ------
    TypeError, ValueError
        On elements that aren't integers of the specified widths.
    """
    elements = stored_elements(spec, stored, int4)
    vectors = _products_range(spec, vectors)[:, :elements.shape[-1]]
    return (elements * vectors.unsqueeze(-2)).sum(-1)


def window_sums(spec: MacArraySpec, vectors: torch.Tensor, stored: torch.Tensor) -> torch.Tensor:
    """Sums of the last of successive vectors that slide through the columns' windows.

    ``sums[c] = Σ x[c][l] · block[c][l]``; in the first ``window`` lanes ``x[c][l]`` is element c of
    the vector ``l`` before the last, in the others element l of the last.

    Parameters
    ----------
    vectors : integer tensor, shape (n, lanes · halves)
        At least ``window`` of them.
    stored : integer tensor, shape (columns, lanes)
        Unsigned cell contents, full-width weights.

    Returns
    -------
    int64 tensor, shape (columns,)
    """
    vectors = _products_range(spec, vectors)[:, :spec.lanes]
    if len(vectors) < spec.window:
        raise ValueError(f"Vectors must be at least {spec.window}, not {len(vectors)}")
    operands = vectors[-1].expand(spec.columns, -1).clone()
    operands[:, :spec.window] = vectors[-spec.window:].flip(0).T
    return (operands * stored_elements(spec, stored, False)).sum(-1)


def outer_products(spec: MacArraySpec, vectors: torch.Tensor, stored: torch.Tensor, *,
                   int4: bool = False) -> torch.Tensor:
    """Step sums of an output-stationary systolic array: one for each lane and column.

    Parameters
    ----------
    vectors : integer tensor, shape (n, lanes · halves)
    stored : integer tensor, shape (n, columns)
        Unsigned bits of a weight, or of two 4-bit ones.

    Returns
    -------
    int64 tensor, shape (n, lanes, columns)
    """
    vectors = _products_range(spec, vectors)
    elements = stored_elements(spec, stored.unsqueeze(-1), int4)
    pairs = vectors.reshape(len(vectors), spec.halves, spec.lanes)[:, :elements.shape[-1]]
    return torch.einsum("nhl,nch->nlc", pairs, elements)


def accumulate(steps: torch.Tensor, width: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Sums of successive steps in an accumulator of ``width`` bits.

    Parameters
    ----------
    steps : int64 tensor, shape (n, ...)
    width : int
        2 to 64.

    Returns
    -------
    total : int64 tensor, shape (...)
        Modulo ``2 ** width``, as a signed number.
    overflow : bool tensor, shape (...)
        Whether any partial sum was out of the accumulator's range.
    """
    total = torch.zeros_like(steps[0])
    overflow = torch.zeros_like(total, dtype=torch.bool)
    low, high = _signed_range(width)
    for step in steps:
        result = total + step  # wraps at 64 bits
        if width == 64:
            overflow |= ((total ^ result) & (step ^ result)) < 0
            total = result
        else:
            overflow |= (result < low) | (result > high)
            total = ((result - low) & ((1 << width) - 1)) + low
    return total, overflow
