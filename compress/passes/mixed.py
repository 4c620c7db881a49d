"""The pass that chooses bits by layer under a budget."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

from sparrow.hw.spec.base import SpecError, require_integer, require_number

from ..calibrate import Method
from ..draft import WEIGHT_BITS, Draft
from ..precision.choose import with_weight_formats
from ..precision.mixed import Bits, assign, sensitivities
from ..precision.size import total_bits
from ..quantize import quantize
from ..scales import QuantizeError
from .base import Context, TunedPass

__all__ = ["Mixed"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Mixed(TunedPass):
    """Mixed precision: bits of weights by layer, under one of three budgets.

    Layers that have a format already keep it; a budget of bits is for the others, one of cycles
    for the whole network. See ``precision.mixed``.

    Parameters
    ----------
    average_bits : float, 1 to 8, or 0 for none
        Mean bits of a weight that masks keep.
    total_bits : int, or 0 for none
        Bits of all weights that masks keep.
    cycles : int, or 0 for none
        Predicted cycles of the network for one image.
    widths : list of 8, 4, 2 and 1
        Among which to choose, two or more.
    images : int
        Training images by which layers' errors are measured.
    per_channel, weight_method
        As of ``quantize``.

    The others are those of fine-tuning.
    """

    kind = "mixed"
    choices = {"weight_method": (Method.MINMAX, Method.MSE)}
    average_bits: float = 0.0
    total_bits: int = 0
    cycles: int = 0
    widths: Sequence[int] = (8, 4)
    images: int = 64
    per_channel: bool = True
    weight_method: Method = Method.MSE

    def __post_init__(self) -> None:
        super().__post_init__()
        require_number("average_bits", self.average_bits, 0.0, 8.0)
        for name in ("total_bits", "cycles"):
            require_integer(name, getattr(self, name), 0, 2**53)
        require_integer("images", self.images, 1, 1_000_000)
        given = [name for name in ("average_bits", "total_bits", "cycles") if getattr(self, name)]
        if len(given) != 1:
            raise SpecError("the budget must be one of average_bits, total_bits and cycles, not "
                            f"{' and '.join(given) or 'none'}")
        if (isinstance(self.widths, str) or not isinstance(self.widths, Sequence)
                or not all(type(width) is int for width in self.widths)
                or len(set(self.widths)) < max(2, len(self.widths))
                or not set(self.widths) <= set(WEIGHT_BITS)):
            raise SpecError(f"widths must be two or more of 8, 4, 2 and 1, not {self.widths!r}")
        object.__setattr__(self, "widths", tuple(self.widths))

    def change(self, draft: Draft, context: Context) -> tuple[Draft, dict[str, Any]]:
        layers = [name for name in draft.weighted if name not in draft.formats]
        if not layers:
            raise QuantizeError("mixed precision must have layers to choose for, but earlier "
                                "passes have chosen for all")
        cost, budget, unit = self._budget(draft, layers, context)
        errors = sensitivities(draft, context.data.train_images[:self.images], layers,
                               self.widths, method=self.weight_method,
                               per_channel=self.per_channel, progress=context.progress)
        choice = assign(errors, cost, budget, unit)
        found = with_weight_formats(draft, 8, choice.bits, method=self.weight_method,
                                    per_channel=self.per_channel)
        scan = {name: {str(bits): error for bits, error in by_bits.items()}
                for name, by_bits in errors.items()}
        return self.finetune(found, context), {"bits": choice.bits, "cost": choice.cost,
                                               "unit": unit, "errors": scan}

    def _budget(self, draft: Draft, layers: list[str], context: Context
                ) -> tuple[Callable[[Bits], float], float, str]:
        """The cost of bits, what it may be, and its unit."""
        weights = total_bits(draft, dict.fromkeys(layers, 1))
        if self.average_bits:
            return (lambda bits: total_bits(draft, bits) / max(1, weights), self.average_bits,
                    "bits of a weight")
        if self.total_bits:
            return lambda bits: float(total_bits(draft, bits)), self.total_bits, "bits"
        predict = context.cycles
        if predict is None:
            raise QuantizeError("a budget of cycles must come with an accelerator to predict them "
                                "for, but there is none")
        images = context.data.train_images[:1]
        known: dict[tuple[int, ...], float] = {}

        def cycles(bits: Bits) -> float:
            key = tuple(max(4, width) for width in bits.values())  # 2 and 1 run as 4
            if key not in known:
                quick = with_weight_formats(draft, 8, bits, method=Method.MINMAX)
                network = quantize(quick, images, numbers=context.numbers)
                known[key] = float(sum(predict(network).values()))
            return known[key]

        return cycles, self.cycles, "cycles"
