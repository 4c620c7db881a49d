"""Convolutions in three: fewer input channels, the kernel, the output channels again."""

import torch

from ..graph import ConvNode
from .stages import Factors, Stage, Target

__all__ = ["factor_tucker"]


def factor_tucker(node: ConvNode, target: Target) -> Factors:
    """Tucker-2 decomposition (Kim et al., Compression of Deep Convolutional Neural Networks for
    Fast and Low Power Mobile Applications, 2016, section 3.1), by higher-order orthogonal
    iteration.

    Parameters
    ----------
    node : ConvNode
        Of one group.
    target : Target
        With ``energy``, of the ranks whose lost energies, mode by mode, sum to at most
        ``1 − energy`` those with the fewest weights: a bound on what both lose together (De
        Lathauwer et al., A Multilinear Singular Value Decomposition, 2000, property 10). With
        ``ratio``, of those with few enough weights the ones with the smallest such sum.

    Returns
    -------
    Factors
        Stages ``in`` (1 × 1), ``core`` (the layer's kernel, stride, padding and dilation) and
        ``out`` (1 × 1). One that would have all channels is multiplied into the core.
    """
    from tensorly.decomposition import partial_tucker
    from threadpoolctl import threadpool_limits

    weight = node.weight.detach().to(torch.float64)
    ranks = _ranks(weight, target)
    modes = [mode for mode in (0, 1) if ranks[mode] < weight.shape[mode]]
    core, factors = weight, {}
    if modes and bool(weight.any()):
        with threadpool_limits(limits=1):  # matrices this small only wait for other threads
            (found, matrices), _ = partial_tucker(
                weight.numpy(), rank=[ranks[mode] for mode in modes], modes=modes)
        core = torch.from_numpy(found.copy())
        factors = {mode: torch.from_numpy(matrix.copy()) for mode, matrix in zip(modes, matrices)}
    stages = [Stage(suffix="core", weight=core, stride=node.stride, padding=node.padding,
                    dilation=node.dilation)]
    product = core
    if 1 in factors:
        stages.insert(0, Stage(suffix="in", weight=factors[1].T[:, :, None, None]))
        product = torch.einsum("oihw,ci->ochw", product, factors[1])
    if 0 in factors:
        stages.append(Stage(suffix="out", weight=factors[0][:, :, None, None]))
        product = torch.einsum("oihw,co->cihw", product, factors[0])
    total = float(weight.square().sum())
    return Factors(stages=tuple(stages), rank=(core.shape[1], core.shape[0]),
                   error=float((weight - product).square().sum()) / total if total else 0.0)


def _ranks(weight: torch.Tensor, target: Target) -> tuple[int, int]:
    """Ranks of output and input channels, neither more than there can be with the other."""
    outputs, inputs, height, width = weight.shape
    taps = height * width
    if target.rank is not None:
        few = (target.rank,) * 2 if isinstance(target.rank, int) else target.rank
        of_inputs = min(few[0], inputs)
        of_outputs = min(few[1], outputs, of_inputs * taps)
        return of_outputs, min(of_inputs, of_outputs * taps)
    lost = [_lost(weight.flatten(1), outputs),
            _lost(weight.transpose(0, 1).flatten(1), inputs)]
    sums = lost[0][:, None] + lost[1]
    of_output, of_input = torch.arange(1, outputs + 1)[:, None], torch.arange(1, inputs + 1)
    weights = (of_output * of_input * taps
               + torch.where(of_output < outputs, outputs * of_output, 0)
               + torch.where(of_input < inputs, inputs * of_input, 0))
    if target.energy is not None:
        allowed, cost = sums <= 1 - target.energy + 1e-12, weights.to(torch.float64)
    else:
        assert target.ratio is not None
        allowed, cost = weights <= weight.numel() / target.ratio, sums
    allowed &= (of_output <= of_input * taps) & (of_input <= of_output * taps)
    if not bool(allowed.any()):
        return 1, 1
    best = int(torch.where(allowed, cost, torch.inf).argmin())
    return best // inputs + 1, best % inputs + 1


def _lost(matrix: torch.Tensor, channels: int) -> torch.Tensor:
    """Share of the energy that is lost with 1, 2, … of the channels."""
    energies = torch.zeros(channels, dtype=torch.float64)
    found = torch.linalg.svdvals(matrix).square()
    energies[:len(found)] = found
    total = energies.sum()
    lost = (total - energies.cumsum(0)).clamp(min=0)
    return lost / total if total else lost
