"""Bits by layer under a budget, by what each layer's bits cost in accuracy.

The sensitivity of a layer is measured alone, all others at full precision (Wu et al., Integer
Quantization for Deep Learning Inference, 2020, section 5.1); bits are then taken where they hurt
least for what they save, a greedy walk down the bounds of a knapsack problem (Dantzig,
Discrete-Variable Extremum Problems, 1957).
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence

import torch

from ..calibrate import Method
from ..draft import Draft
from ..formats import weight_format
from ..scales import QuantizeError
from .choose import represented

__all__ = ["Choice", "assign", "sensitivities"]

Bits = dict[str, int]


@dataclasses.dataclass(frozen=True)
class Choice:
    """What a scan has found and decided.

    Members
    -------
    bits : dict of str to int
        By layer.
    cost : float
        Of these, in the budget's unit.
    """

    bits: Bits
    cost: float


def sensitivities(draft: Draft, images: torch.Tensor, layers: Sequence[str],
                  widths: Sequence[int], *, method: Method = Method.MSE, per_channel: bool = True,
                  progress: Callable[[float], None] = lambda share: None
                  ) -> dict[str, dict[int, float]]:
    """How far the output moves when one layer has so many bits and all others stay real.

    Returns
    -------
    dict by layer of dict by bits of float
        Energy of the output's differences over that of the output, on the images.
    """
    exact = represented(draft).run(images)[draft.graph.output].double()
    energy = float(exact.square().sum()) or 1.0
    found: dict[str, dict[int, float]] = {name: {} for name in layers}
    for i, name in enumerate(layers):
        for j, bits in enumerate(widths):
            form = weight_format(draft.weighted[name], bits, method, per_channel=per_channel,
                                 mask=draft.mask(name))
            graph = represented(draft.replace(formats={**draft.formats, name: form}))
            output = graph.run(images)[graph.output].double()
            found[name][bits] = float((output - exact).square().sum()) / energy
            progress((i * len(widths) + j + 1) / (len(layers) * len(widths)))
    return found


def assign(errors: Mapping[str, Mapping[int, float]], cost: Callable[[Bits], float],
           budget: float, unit: str) -> Choice:
    """Bits by layer whose cost is within a budget.

    From the largest bits on, the step to fewer bits of one layer with the least additional error
    for each saved unit of cost is taken until the budget is kept. A last look gives bits back
    that the budget has room for.

    Parameters
    ----------
    errors : mapping by layer of mapping by bits
        See ``sensitivities``; they are taken as additive.
    cost : function
        Of bits by layer.
    budget : float
        What the cost may be.
    unit : str
        Of cost, for the error.

    Raises
    ------
    QuantizeError
        If no bits keep the budget.
    """
    bits = {name: max(found) for name, found in errors.items()}
    current = cost(bits)
    while current > budget:
        best: tuple[float, str, int, float] | None = None
        for name, found in errors.items():
            for width in found:
                if width < bits[name]:
                    reached = cost({**bits, name: width})
                    loss = max(0.0, found[width] - found[bits[name]])
                    if reached < current and (best is None
                                              or loss / (current - reached) < best[0]):
                        best = loss / (current - reached), name, width, reached
        if best is None:
            raise QuantizeError(f"the budget must be at least {current:g} {unit}, which the fewest "
                                f"bits need, not {budget:g}")
        _, name, width, current = best
        bits[name] = width
    return _with_room_used(errors, cost, budget, Choice(bits, current))


def _with_room_used(errors: Mapping[str, Mapping[int, float]], cost: Callable[[Bits], float],
                    budget: float, choice: Choice) -> Choice:
    bits, current = dict(choice.bits), choice.cost
    while True:
        gains = [(found[bits[name]] - found[width], name, width)
                 for name, found in errors.items() for width in found
                 if width > bits[name] and found[width] < found[bits[name]]]
        for _, name, width in sorted(gains, reverse=True):
            reached = cost({**bits, name: width})
            if reached <= budget:
                bits[name], current = width, reached
                break
        else:
            return Choice(bits, current)
