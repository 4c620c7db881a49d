"""The pass that only trains."""

import dataclasses
from typing import Any

from ..draft import Draft
from ..finetune import graph_accuracy
from .base import Context, TunedPass

__all__ = ["Finetune"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Finetune(TunedPass):
    """Fine-tune the kept weights, quantization simulated where it has been decided.

    After ``quantize`` this is quantization-aware training. The options are those of ``Tuning``.
    """

    kind = "finetune"
    epochs: int = 1

    def change(self, draft: Draft, context: Context) -> tuple[Draft, dict[str, Any]]:
        found = self.finetune(draft, context)
        if context.data.train_labels is None:
            return found, {}
        return found, {"train_accuracy": graph_accuracy(found, context.data.train_images,
                                                        context.data.train_labels)}
