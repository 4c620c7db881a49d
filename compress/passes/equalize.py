"""The pass that gives channels equal ranges."""

import dataclasses
from typing import Any

from sparrow.hw.spec.base import require_integer

from ..draft import Draft
from ..precision.equalize import equalize
from .base import Context, Pass

__all__ = ["Equalize"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Equalize(Pass):
    """Cross-layer equalization; see ``precision.equalize``. Before bits are chosen.

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
