"""How many channels every group keeps, and which."""

from collections.abc import Mapping, Sequence

import torch

from sparrow.hw.spec.base import SpecError, require_integer

from ..draft import OTHERS, Draft
from ..scales import QuantizeError
from .channels import Channel, Group
from .criteria import Criterion
from .density import kept_count
from .select import best, best_overall, layer_adaptive

__all__ = ["check_keep", "removed_channels", "rounded", "unit_scores", "wanted_counts"]


def check_keep(keep: object) -> None:
    """Check the option ``keep``: a number of channels, or a mapping of names to them.

    Raises
    ------
    TypeError, SpecError
        If it is neither.
    """
    if not isinstance(keep, Mapping):
        require_integer("keep", keep, 1, 1_000_000)
        return
    if not keep:
        raise SpecError("keep must be a number or name layers, not be empty")
    for name, count in keep.items():
        require_integer(f"keep of {name!r}", count, 1, 1_000_000)


def rounded(count: int, total: int, multiple: int) -> int:
    """The multiple that is nearest to a count, halves up; at least one, and at most ``total``."""
    return min(total, max(1, (2 * count + multiple) // (2 * multiple)) * multiple)


def wanted_counts(groups: Sequence[Group], option: str, values: Mapping[str, float | int]
                  ) -> dict[Group, int]:
    """Channels that groups keep, by layer: of a share of them or of a number.

    Parameters
    ----------
    groups
        Those of which channels can be removed.
    option : "density" or "keep"
        What the values are.
    values
        By layer; ``*`` for groups none of whose layers is named.

    Raises
    ------
    QuantizeError
        If a layer is in no group, or two of one group are given different values, or more are to
        be kept than there are.
    """
    owner = {name: group for group in groups for name in group.layers}
    found: dict[Group, tuple[str, float | int]] = {}
    for name, value in values.items():
        if name == OTHERS:
            continue
        if name not in owner:
            raise QuantizeError(f"{option} must name layers of which channels can be removed, "
                                f"{', '.join(owner) or 'of which there are none'}, not {name!r}")
        known, other = found.setdefault(owner[name], (name, value))
        if other != value:
            raise QuantizeError(f"Layer {name!r}: {option} must be that of {known!r}, to which "
                                f"its channels are tied, {other!r}, not {value!r}")
    if OTHERS in values:
        for group in groups:
            found.setdefault(group, (OTHERS, values[OTHERS]))
    return {group: _count(group, option, *pair) for group, pair in found.items()}


def _count(group: Group, option: str, name: str, value: float | int) -> int:
    total = len(group.units)
    if option == "density":
        return kept_count(value, total)
    if value > total and name != OTHERS:
        raise QuantizeError(f"Layer {name!r}: keep must be at most its {total} channels, "
                            f"not {value}")
    return min(int(value), total)


def unit_scores(group: Group, scores: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """The sum of the scores of all weights that make a unit (Li et al., Pruning Filters for
    Efficient ConvNets, 2017, section 3); float64, shape (units,)."""
    sums = {name: scores[name].flatten(1).double().sum(1) for name in group.layers}
    return torch.stack([torch.stack([sums[name][channel] for name, channel in unit.channels]).sum()
                        for unit in group.units])


def removed_channels(draft: Draft, counts: Mapping[Group, int], scores: Mapping[str, torch.Tensor],
                     *, multiple: int = 1, overall: float | None = None,
                     criterion: Criterion = Criterion.MAGNITUDE) -> list[Channel]:
    """The channels that go; the best of each group stay, and those that are fixed.

    Parameters
    ----------
    counts
        By group, of what stays.
    scores
        Of all weights.
    multiple : int
        To which the numbers of channels that stay are rounded.
    overall : float or None
        Share of the channels of all groups that stay, ranked together; ``counts`` only tell which
        groups.
    criterion : Criterion
        Magnitudes are made ``layer_adaptive`` before groups are compared.
    """
    ranks = {group: unit_scores(group, scores) for group in counts}
    wanted = dict(counts)
    if overall is not None:
        compared = {str(number): layer_adaptive(each) if criterion is Criterion.MAGNITUDE else each
                    for number, each in enumerate(ranks.values())}
        total = sum(len(group.units) for group in counts)
        masks = best_overall(compared, kept_count(overall, total))
        wanted = {group: int(mask.sum()) for group, mask in zip(counts, masks.values())}
    removed: list[Channel] = []
    for group, each in ranks.items():
        fixed = torch.tensor([unit.fixed for unit in group.units])
        total = len(group.units)
        kept = best(each.masked_fill(fixed, torch.inf),
                    max(rounded(wanted[group], total, multiple), int(fixed.sum())))
        removed += [channel for unit, stays in zip(group.units, kept.tolist()) if not stays
                    for channel in unit.channels]
    return removed
