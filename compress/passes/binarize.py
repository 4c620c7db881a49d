"""The pass that makes weights and inputs binary."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from sparrow.hw.spec.base import SpecError

from ..draft import Draft
from ..precision.binary import binary_inputs, binary_weights
from ..precision.size import layer_bits_of
from .base import Context, TunedPass
from .bylayer import require_names

__all__ = ["Binarize"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Binarize(TunedPass):
    """Binary weights, and binary inputs of some layers; see ``precision.binary``.

    Before ``quantize``, which gives bits to what is left.

    Parameters
    ----------
    layers : list of str
        Whose weights become binary. The paper leaves the first and the last layer out.
    inputs : list of str
        Layers whose inputs become binary.

    The others are those of fine-tuning.
    """

    kind = "binarize"
    layers: Sequence[str] = ()
    inputs: Sequence[str] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, value in (("layers", self.layers), ("inputs", self.inputs)):
            object.__setattr__(self, name, require_names(name, value))
        if not self.layers and not self.inputs:
            raise SpecError("layers or inputs must name a layer, but both are empty")

    def change(self, draft: Draft, context: Context) -> tuple[Draft, dict[str, Any]]:
        found = binary_inputs(draft, self.inputs,
                              context.data.train_images[:context.calibration_images])
        if self.layers:
            found = binary_weights(found, self.layers)
        return self.finetune(found, context), {"bits": layer_bits_of(found),
                                               "inputs": list(self.inputs)}
