"""The passes that give channels equal ranges."""

import dataclasses
from typing import Any

from sparrow.hw.spec.base import require_integer, require_number

from ..draft import Draft
from ..precision.activations import equalize_activations
from ..precision.equalize import equalize
from .base import Context, Pass

__all__ = ["Equalize", "EqualizeActivations"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Equalize(Pass):
    """Cross-layer equalization of weights; see ``precision.equalize``. Before bits are chosen.

    Parameters
    ----------
    rounds : int, 1 to 1000
    """

    kind = "equalize"
    rounds: int = 20

    def __post_init__(self) -> None:
        super().__post_init__()
        require_integer("rounds", self.rounds, 1, 1000)

    def change(self, draft: Draft, context: Context) -> tuple[Draft, dict[str, Any]]:
        found, reasons = equalize(draft, self.rounds)
        return found, {"left": reasons}


@dataclasses.dataclass(frozen=True, kw_only=True)
class EqualizeActivations(Pass):
    """Equalization of activations; see ``precision.activations``. Before bits are chosen, and with
    a step of weights for each output channel, which scaled channels cost nothing.

    Parameters
    ----------
    strength : float, 0 to 1
    """

    kind = "equalize-activations"
    strength: float = 0.75

    def __post_init__(self) -> None:
        super().__post_init__()
        require_number("strength", self.strength, 0.0, 1.0)

    def change(self, draft: Draft, context: Context) -> tuple[Draft, dict[str, Any]]:
        found, groups = equalize_activations(
            draft, context.data.train_images[:context.calibration_images], self.strength)
        return found, {"groups": [list(group.tensors) for group in groups]}
