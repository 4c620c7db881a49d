"""The pass that removes whole channels, so that layers get smaller."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from sparrow.hw.spec.base import SpecError, require_integer

from ..draft import OTHERS, Draft
from ..prune.channels import Group, channel_groups
from ..prune.criteria import Criterion, scores_of
from ..prune.cut import cut_channels
from ..prune.density import check_density
from ..prune.widths import check_keep, removed_channels, wanted_counts
from ..scales import QuantizeError
from .base import Context, TunedPass
from .bylayer import require_names
from .prune import Allocation

__all__ = ["PruneChannels"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class PruneChannels(TunedPass):
    """Remove output channels of layers, with what takes them in later layers.

    Channels that additions or depthwise convolutions tie together go together, ranked by the sum
    of their scores. Those of the network's output stay, and those around convolutions with groups
    of several input channels.

    Parameters
    ----------
    density : float or mapping of str to float
        Share of channels that is kept, of all layers or by layer, ``*`` standing for those that
        aren't named; others keep all.
    keep : int or mapping of str to int
        Instead: how many.
    layers : list of str
        Which layers a density or number over all is for; all unless given.
    allocation : Allocation
        ``uniform``: a density over all is that of each layer. ``global``: one ranking.
    multiple : int
        Numbers of channels are rounded to a multiple; 16 fills the columns of the default array,
        and the lanes behind them.
    criterion, batches
        See ``Prune``.
    epochs and the others
        See ``Tuning``.
    """

    kind = "channels"
    choices = {"allocation": (Allocation.UNIFORM, Allocation.GLOBAL)}
    density: float | Mapping[str, float] | None = None
    keep: int | Mapping[str, int] | None = None
    layers: tuple[str, ...] = ()
    allocation: Allocation = Allocation.UNIFORM
    multiple: int = 1
    criterion: Criterion = Criterion.MAGNITUDE
    batches: int = 16

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "layers", require_names("layers", self.layers))
        if (self.density is None) == (self.keep is None):
            raise SpecError("density or keep must be given, not "
                            f"{'neither' if self.keep is None else 'both'}")
        if self.density is not None:
            check_density(self.density, self.layers)
        else:
            check_keep(self.keep)
            if isinstance(self.keep, Mapping) and tuple(self.layers):
                raise SpecError("layers must be left out where keep is given by layer, "
                                f"not {list(self.layers)!r}")
        if self.allocation is Allocation.GLOBAL and not isinstance(self.density, int | float):
            raise SpecError("allocation must be left out without a density over all layers, "
                            "not 'global'")
        require_integer("multiple", self.multiple, 1, 4096)
        require_integer("batches", self.batches, 1, 1_000_000)

    def change(self, draft: Draft, context: Context) -> tuple[Draft, dict[str, Any]]:
        groups = [group for group in channel_groups(draft.graph)
                  if not all(unit.fixed for unit in group.units)]
        if not groups:
            raise QuantizeError("channels must be removable in a layer, but all are those of the "
                                "output, or of groups of several input channels")
        counts = self._counts(groups)
        scores = scores_of(draft, draft.weighted, self.criterion, data=context.data,
                           batches=self.batches, batch=self.batch, seed=context.seed)
        removed = removed_channels(
            draft, counts, scores, multiple=self.multiple, criterion=self.criterion,
            overall=self.density if self.allocation is Allocation.GLOBAL
            and isinstance(self.density, int | float) else None)
        found = cut_channels(draft, removed)
        widths = {name: [before.shape[0], found.weighted[name].shape[0]]
                  for name, before in draft.weighted.items()}
        return self.finetune(found, context), {"channels": widths, "macs": [
            draft.macs, found.macs]}

    def _counts(self, groups: list[Group]) -> dict[Group, int]:
        option = "keep" if self.density is None else "density"
        value = self.keep if self.density is None else self.density
        if value is None or isinstance(value, Mapping):
            return wanted_counts(groups, option, value or {})
        names = tuple(self.layers) or (OTHERS,)
        return wanted_counts(groups, option, dict.fromkeys(names, value))
