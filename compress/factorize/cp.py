"""Convolutions in four: one tap, a column, a row, one tap."""

import warnings

import numpy as np
import torch

from ..graph import ConvNode
from .stages import Factors, Stage, Target

__all__ = ["factor_cp"]

ITERATIONS = 100
TOLERANCE = 1e-7
RIDGE = 1e-9  # keeps components apart that would grow against each other without limit


def factor_cp(node: ConvNode, target: Target, *, seed: int = 0) -> Factors:
    """CP decomposition (Lebedev et al., Speeding-up Convolutional Neural Networks Using
    Fine-tuned CP-Decomposition, 2015, section 3.1), by alternating least squares.

    Parameters
    ----------
    node : ConvNode
        Of one group, with more than one tap.
    target : Target
        With ``energy``, the smallest rank that keeps it, searched for among those that make the
        layer smaller by bisection; with ``ratio``, the largest with few enough weights.
    seed : int
        Of components beyond the number of channels.

    Returns
    -------
    Factors
        Stages ``in`` (1 × 1), ``rows`` (depthwise, height × 1), ``columns`` (depthwise,
        1 × width) and ``out`` (1 × 1); without rows or columns where the kernel has one. The
        size of a component is spread evenly.
    """
    sizes = sum(node.weight.shape[:2]) + sum(size for size in node.weight.shape[2:] if size > 1)
    most = max(1, (node.weight.numel() - 1) // sizes)
    if target.energy is not None:
        return _enough(node, 1 - target.energy, most, seed)
    if target.ratio is not None:
        rank = int(node.weight.numel() / target.ratio) // sizes
    else:
        rank = target.rank if isinstance(target.rank, int) else min(target.rank or (1,))
    return _factored(node, max(1, min(rank, most)), seed)


def _enough(node: ConvNode, error: float, most: int, seed: int) -> Factors:
    """The factors of the smallest rank whose error isn't larger."""
    best = _factored(node, 1, seed)
    low, high = 1, 1
    while best.error > error and high < most:
        low, high = high, min(2 * high, most)
        best = _factored(node, high, seed)
    while high - low > 1 and best.error <= error:
        middle = (low + high) // 2
        found = _factored(node, middle, seed)
        if found.error <= error:
            best, high = found, middle
        else:
            low = middle
    return best


def _factored(node: ConvNode, rank: int, seed: int) -> Factors:
    weight = node.weight.detach().to(torch.float64)
    kept = [0, 1, *(mode for mode in (2, 3) if weight.shape[mode] > 1)]
    matrices, error = _components(weight.numpy().reshape([weight.shape[mode] for mode in kept]),
                                  rank, seed)
    factor = {mode: torch.from_numpy(matrix) for mode, matrix in zip(kept, matrices)}
    top, left, bottom, right = node.padding
    both = len(kept) == 4
    stages = [Stage(suffix="in", weight=factor[1].T[:, :, None, None])]
    if 2 in factor:
        stages.append(Stage(
            suffix="rows", weight=factor[2].T[:, None, :, None], groups=rank,
            stride=(node.stride[0], 1) if both else node.stride,
            padding=(top, 0, bottom, 0) if both else node.padding,
            dilation=(node.dilation[0], 1)))
    if 3 in factor:
        stages.append(Stage(
            suffix="columns", weight=factor[3].T[:, None, None, :], groups=rank,
            stride=(1, node.stride[1]) if both else node.stride,
            padding=(0, left, 0, right) if both else node.padding,
            dilation=(1, node.dilation[1])))
    stages.append(Stage(suffix="out", weight=factor[0][:, :, None, None]))
    return Factors(stages=tuple(stages), rank=(rank,), error=error)


def _components(tensor: np.ndarray, rank: int, seed: int) -> tuple[list[np.ndarray], float]:
    """A matrix (size, rank) for each mode, and the relative squared error."""
    from tensorly import cp_to_tensor
    from tensorly.decomposition import parafac
    from threadpoolctl import threadpool_limits

    norm = float(np.linalg.norm(tensor))
    if not norm:
        return [np.zeros((size, rank)) for size in tensor.shape], 0.0
    unit = tensor / norm
    with threadpool_limits(limits=1), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Trying to compute SVD with n_eigenvecs")
        found = parafac(unit, rank, n_iter_max=ITERATIONS, tol=TOLERANCE, init="svd",
                        l2_reg=RIDGE, random_state=seed)
    error = float(np.linalg.norm(cp_to_tensor(found) - unit))**2
    sizes = [np.linalg.norm(matrix, axis=0) for matrix in found.factors]
    size = (norm * found.weights * np.prod(sizes, axis=0))**(1 / len(sizes))
    return [np.divide(matrix * size, own, out=np.zeros_like(matrix), where=own > 0)
            for matrix, own in zip(found.factors, sizes)], error
