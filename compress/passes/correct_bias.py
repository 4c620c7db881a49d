"""The pass that corrects biases."""

import dataclasses
from typing import Any

from ..draft import Draft
from ..precision.correct import correct_bias
from ..scales import QuantizeError
from .base import Context, Pass

__all__ = ["CorrectBias"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class CorrectBias(Pass):
    """Take the mean error of quantization out of biases; see ``precision.correct``.

    After ``quantize``. Not after training with quantization simulated, which has taken the error
    into account, and after which the weights before quantization are no network of their own.
    """

    kind = "correct-bias"

    def change(self, draft: Draft, context: Context) -> tuple[Draft, dict[str, Any]]:
        quantized = False
        for record in draft.records:
            quantized = quantized or "bits" in record.results
            if quantized and record.epochs:
                raise QuantizeError("correct-bias must not come after training with quantization "
                                    f"simulated, but {record.kind!r} has trained "
                                    f"{record.epochs} epochs")
        found, largest = correct_bias(draft,
                                      context.data.train_images[:context.calibration_images])
        return found, {"largest": largest}
