"""What the accumulators behind the MAC array hold and put out, in 64-bit integers."""

import dataclasses
from collections.abc import Iterable

import torch

from sparrow.hw.spec.mac import AccumulatorsSpec

from .array import accumulate

__all__ = ["Block", "Results", "accumulators"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Block:
    """Vectors of sums for successive pixels.

    Parameters
    ----------
    sums : torch.Tensor, int64, shape ``(pixels, columns)``
        Each in ``sum_width`` signed bits.
    start, finish : bool, or torch.Tensor, bool, shape ``(pixels,)``
        Whether the sums are loaded rather than added, whether the accumulators are put out: for
        all vectors of the block, or for each.
    maximum, shifted, subtracted : the same
        Whether the larger of accumulator and sum is kept, whether the sums are shifted left,
        whether they are subtracted.
    first : bool
        Whether the first vector is marked as such; if not, the block goes on where the one
        before ended. It doesn't matter with ``restart_after_last``.
    last : bool
        Whether the last vector is marked as such. It only matters with ``restart_after_last``:
        if it isn't marked, the next block goes on where this one ended.
    """
    sums: torch.Tensor
    start: bool | torch.Tensor = False
    finish: bool | torch.Tensor = False
    maximum: bool | torch.Tensor = False
    shifted: bool | torch.Tensor = False
    subtracted: bool | torch.Tensor = False
    first: bool = True
    last: bool = True


@dataclasses.dataclass(frozen=True, kw_only=True)
class Results:
    """What comes out of the accumulators.

    Parameters
    ----------
    sums : torch.Tensor, int64, shape ``(results, columns)``
        Modulo ``2 ** accumulator_width``, as signed numbers.
    overflow : torch.Tensor, bool, shape ``(results, columns)``
        Also where the specification leaves the flags out.
    first : torch.Tensor, bool, shape ``(results,)``
        Whether the vector was marked as ``first``; with ``restart_after_last``, whether it was for
        pixel 0.
    error : bool
        Whether there was a vector past the last pixel.
    """
    sums: torch.Tensor
    overflow: torch.Tensor
    first: torch.Tensor
    error: bool


def accumulators(spec: AccumulatorsSpec, blocks: Iterable[Block]) -> Results:
    """The results of a sequence of blocks, the first of which comes right after a reset.

    The twin of ``sparrow.hw.mac.Accumulators``. A partial sum that is out of range wraps, and
    sets the overflow of its pixel and column up to the next start. A vector past the last pixel
    changes nothing; with ``finish`` it gives its own sums, with all ``overflow`` set.

    Parameters
    ----------
    spec : AccumulatorsSpec
    blocks : iterable of Block

    Returns
    -------
    Results
        One row for each vector with ``finish``, in order.

    Raises
    ------
    TypeError
        If ``spec`` is no ``AccumulatorsSpec``, or a tensor is of another type than documented.
    ValueError
        If a shape is wrong, a sum doesn't fit, a sum is added to a pixel that was never started,
        whose contents nobody knows, a mode is used that the specification doesn't have, or
        ``maximum`` meets ``shifted`` or a number beyond ``comparison_width`` bits.
    """
    if not isinstance(spec, AccumulatorsSpec):
        raise TypeError(f"spec must be an AccumulatorsSpec, not {spec!r}")
    held = torch.zeros(spec.depth, spec.columns, dtype=torch.int64)
    flags = torch.zeros(spec.depth, spec.columns, dtype=torch.bool)
    known = torch.zeros(spec.depth, dtype=torch.bool)
    results = [(held[:0], flags[:0], known[:0])]
    following, error, restarts = 0, False, True
    for number, block in enumerate(blocks):
        _require_sums(spec, number, block.sums)
        start, finish, maximum, shifted, subtracted = (
            _modes(spec, number, name, getattr(block, name), len(block.sums))
            for name in ("start", "finish", "maximum", "shifted", "subtracted"))
        if not spec.restart_after_last:
            restarts = block.first
        begin = 0 if restarts else following
        first = torch.zeros_like(start)
        first[:1] = begin == 0 if spec.restart_after_last else block.first
        following = min(begin + len(block.sums), spec.depth)
        inside = slice(begin, following)
        counted = torch.where(subtracted[:, None], -block.sums, block.sums)
        sums, past = (counted << spec.shift * shifted[:, None]).tensor_split([following - begin])
        loaded, compared = (mode[:len(sums), None] for mode in (start, maximum & ~start))
        _require_known(number, begin, known[inside] | loaded[:, 0])
        if (compared[:, 0] & shifted[:len(sums)]).any():
            raise ValueError(f"maximum of block {number} must be false where shifted is true")
        for subject, values in (("sums", sums), ("accumulators", held[inside])):
            _require_comparable(spec, number, subject, values[compared[:, 0]])

        total, overflow = accumulate(
            torch.stack([held[inside].masked_fill(loaded, 0), sums]), spec.accumulator_width)
        total = torch.where(compared, torch.maximum(held[inside], sums), total)
        overflow = (overflow & ~compared) | (flags[inside] & ~loaded)
        held[inside], flags[inside], known[inside] = total, overflow, True
        past, lost = accumulate(past[None], spec.accumulator_width)
        results.append((torch.cat([total, past])[finish],
                        torch.cat([overflow, torch.ones_like(lost)])[finish], first[finish]))
        error |= len(past) > 0
        if len(block.sums):
            restarts = block.last
    sums, overflow, first = (torch.cat(parts) for parts in zip(*results, strict=True))
    return Results(sums=sums, overflow=overflow, first=first, error=error)


def _require_sums(spec, number, sums):
    subject = f"sums of block {number}"
    if not isinstance(sums, torch.Tensor) or sums.dtype != torch.int64:
        kind = sums.dtype if isinstance(sums, torch.Tensor) else sums
        raise TypeError(f"{subject} must be a tensor of int64, not {kind!r}")
    if sums.dim() != 2 or sums.shape[1] != spec.columns:
        raise ValueError(f"{subject} must be of shape (pixels, {spec.columns}), "
                         f"not {tuple(sums.shape)!r}")
    limit = 1 << (spec.sum_width - 1)
    wrong = sums[(sums < -limit) | (sums >= limit)]
    if len(wrong):
        raise ValueError(f"{subject} must be from {-limit} to {limit - 1}, not {wrong[0].item()}")


def _require_comparable(spec, number, subject, values):
    limit = 1 << (spec.comparison_width - 1)
    wrong = values[(values < -limit) | (values >= limit)]
    if len(wrong):
        raise ValueError(f"{subject} of which block {number} takes the maximum must be from "
                         f"{-limit} to {limit - 1}, not {wrong[0].item()}")


def _modes(spec, number, name, modes, count):
    subject = f"{name} of block {number}"
    if isinstance(modes, bool):
        modes = torch.full((count,), modes)
    if not isinstance(modes, torch.Tensor) or modes.dtype != torch.bool:
        kind = modes.dtype if isinstance(modes, torch.Tensor) else modes
        raise TypeError(f"{subject} must be true, false or a tensor of bool, not {kind!r}")
    if tuple(modes.shape) != (count,):
        raise ValueError(f"{subject} must be of shape ({count},), not {tuple(modes.shape)!r}")
    if not getattr(spec, name, True) and modes.any():
        raise ValueError(f"{subject} must be false everywhere, since the accumulators have no "
                         f"such mode")
    return modes


def _require_known(number, begin, known):
    if not known.all():
        pixel = begin + int((~known).nonzero()[0])
        raise ValueError(f"start of block {number} must be set for pixel {pixel}, whose "
                         f"accumulators hold nothing yet")
