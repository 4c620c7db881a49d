"""The pass that prunes while it trains, and lets pruned weights return."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from sparrow.hw.spec.base import SpecError, require_integer, require_number

from ..draft import Draft
from ..prune.density import check_density
from ..prune.surgery import Surgery
from .base import Context, TunedPass
from .bylayer import require_names

__all__ = ["DynamicSurgery"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class DynamicSurgery(TunedPass):
    """Dynamic network surgery (Guo, Yao and Chen, 2016), in a fine-tuning.

    Parameters
    ----------
    density : float or mapping of str to float
        Share of weights that is kept in the end: over all layers, ranked together, or by layer,
        ``*`` standing for those that aren't named. Layers without a density aren't pruned.
    layers : list of str
        Which layers a density over all is for; all unless given.
    band, interval, ramp, stop, decay
        See ``Surgery``.
    epochs and the others
        See ``Tuning``.
    """

    kind = "surgery"
    density: float | Mapping[str, float] = 0.1
    layers: tuple[str, ...] = ()
    band: float = 0.1
    interval: int = 20
    ramp: float = 0.5
    stop: float = 0.75
    decay: float = 1e-3
    epochs: int = 10

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "layers", require_names("layers", self.layers))
        check_density(self.density, self.layers)
        require_integer("epochs", self.epochs, 1, 100_000)
        require_integer("interval", self.interval, 1, 1_000_000)
        require_number("band", self.band, 0.0, 0.9)
        require_number("decay", self.decay, 0.0, 0.1)
        require_number("stop", self.stop, 0.0, 1.0)
        require_number("ramp", self.ramp, 0.0, 1.0)
        if self.ramp > self.stop:
            raise SpecError(f"ramp must be at most stop, {self.stop}, not {self.ramp!r}")

    def change(self, draft: Draft, context: Context) -> tuple[Draft, dict[str, Any]]:
        surgery = Surgery(draft, self.density, layers=tuple(self.layers), band=self.band,
                          interval=self.interval, ramp=self.ramp, stop=self.stop,
                          decay=self.decay)
        found = self.finetune(draft, context, hook=surgery)
        return found, {"kept": found.kept, "pruned": surgery.pruned,
                       "returned": surgery.returned}
