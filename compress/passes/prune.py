"""The pass that removes weights: where, which, how many, and when."""

import dataclasses
import enum
from collections.abc import Mapping
from typing import Any

from sparrow.hw.spec.base import SpecError, require_integer, require_number

from ..draft import Draft
from ..prune.criteria import Criterion, scores_of
from ..prune.density import check_density, densities_of
from ..prune.gradual import Gradual
from ..prune.masks import Layout, Target, masks_of
from ..prune.pattern import Pattern
from ..prune.sensitivity import densities_for, scan
from .base import Context, TunedPass
from .bylayer import require_names

__all__ = ["Allocation", "Prune", "Schedule"]


class Allocation(enum.Enum):
    """How a density over all layers becomes one of each."""

    GLOBAL = "global"
    """One ranking of all weights."""
    UNIFORM = "uniform"
    """The same for each."""
    SENSITIVITY = "sensitivity"
    """By a scan: the same loss for each by itself."""


class Schedule(enum.Enum):
    """When weights go."""

    ONE_SHOT = "one_shot"
    """All before the fine-tuning."""
    GRADUAL = "gradual"
    """Along a cubic, during the fine-tuning."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Prune(TunedPass):
    """Prune weights; what is pruned stays 0 in all that follows.

    Parameters
    ----------
    pattern : Pattern
        ``unstructured``, ``nm`` or ``block``.
    density : float or mapping of str to float
        Share of weights that is kept, over all layers or by layer, ``*`` standing for those that
        aren't named; layers without one aren't pruned. Not with ``nm``.
    layers : list of str
        Which layers a density over all, or ``nm``, is for; all unless given.
    n, m : int
        Of ``nm``: at most n of every m neighbouring input channels.
    block : (int, int)
        Of ``block``: input and output channels, those of one step of the default array.
    criterion : Criterion
        ``magnitude``, ``gradient`` or ``random``.
    batches : int
        Of training images, for the gradient.
    allocation : Allocation
        ``global``, ``uniform`` or ``sensitivity``, of a density over all.
    scan_images : int
        Training images that the sensitivity scan looks at.
    schedule : Schedule
        ``one_shot`` or ``gradual``.
    interval : int
        Of ``gradual``: steps between updates.
    ramp : float
        Of ``gradual``: share of the steps after which the density is reached.
    epochs and the others
        See ``Tuning``.
    """

    kind = "prune"
    pattern: Pattern = Pattern.UNSTRUCTURED
    density: float | Mapping[str, float] | None = None
    layers: tuple[str, ...] = ()
    n: int = 2
    m: int = 4
    block: tuple[int, int] = (16, 16)
    criterion: Criterion = Criterion.MAGNITUDE
    batches: int = 16
    allocation: Allocation = Allocation.GLOBAL
    scan_images: int = 1000
    schedule: Schedule = Schedule.ONE_SHOT
    interval: int = 20
    ramp: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "layers", require_names("layers", self.layers))
        self._check_density()
        require_integer("m", self.m, 1, 1024)
        require_integer("n", self.n, 0, self.m)
        if not isinstance(self.block, list | tuple) or len(self.block) != 2:
            raise TypeError(f"block must be two sizes, not {self.block!r}")
        for size in self.block:
            require_integer("block", size, 1, 4096)
        for name in ("batches", "scan_images", "interval"):
            require_integer(name, getattr(self, name), 1, 1_000_000)
        require_number("ramp", self.ramp, 0.0, 1.0)
        if self.schedule is Schedule.GRADUAL and not self.epochs:
            raise SpecError("epochs must be at least 1 with schedule 'gradual', not 0")

    def _check_density(self) -> None:
        if self.pattern is not Pattern.NM:
            if self.density is None:
                raise SpecError(f"density must be given with pattern {self.pattern.value!r}")
            check_density(self.density, self.layers)
        elif self.density is not None:
            raise SpecError("density must be left out with pattern 'nm', which n and m say, "
                            f"not {self.density!r}")
        if self.allocation is not Allocation.GLOBAL and not isinstance(self.density, int | float):
            raise SpecError("allocation must be left out without a density over all layers, "
                            f"not {self.allocation.value!r}")

    def change(self, draft: Draft, context: Context) -> tuple[Draft, dict[str, Any]]:
        layout = Layout(pattern=self.pattern, n=self.n, m=self.m,
                        block=(self.block[0], self.block[1]))
        names = (tuple(densities_of(draft, self.density)) if isinstance(self.density, Mapping)
                 else tuple(draft.chosen(tuple(self.layers))))
        scores = scores_of(draft, names, self.criterion, data=context.data,
                           batches=self.batches, batch=self.batch, seed=context.seed)
        results: dict[str, Any] = {}
        target = self._target(draft, names)
        if self.allocation is Allocation.SENSITIVITY:
            target, results["sensitivity"] = self._scanned(draft, scores, layout, context)
        if self.schedule is Schedule.GRADUAL:
            hook = Gradual(draft, layout, target, scores, criterion=self.criterion,
                           interval=self.interval, ramp=self.ramp)
            found = self.finetune(draft, context, hook=hook)
        else:
            masks = masks_of(draft, scores, layout, target, criterion=self.criterion)
            found = self.finetune(draft.with_masks(masks), context)
        layers = {name: float(found.mask(name).double().mean()) for name in names}
        return found, {"kept": found.kept, "layers": layers, **results}

    def _target(self, draft: Draft, names: tuple[str, ...]) -> Target:
        if isinstance(self.density, Mapping):
            return Target(layers=densities_of(draft, self.density))
        density = 1.0 if self.density is None else float(self.density)
        return Target(layers=dict.fromkeys(names, density),
                      overall=density if self.allocation is Allocation.GLOBAL else None)

    def _scanned(self, draft: Draft, scores: Mapping[str, Any], layout: Layout,
                 context: Context) -> tuple[Target, dict[str, Any]]:
        def mask(name: str, density: float) -> Any:
            return masks_of(draft, scores, layout, Target(layers={name: density}))[name]

        assert isinstance(self.density, int | float)
        points = scan(draft, scores, mask, context.data, images=self.scan_images,
                      seed=context.seed, progress=context.progress)
        weights = {name: scores[name].numel() for name in scores}
        chosen = densities_for(points, weights, self.density)
        return Target(layers=chosen), {
            name: {"density": chosen[name],
                   "points": [dataclasses.asdict(point) for point in each]}
            for name, each in points.items()}
