"""The pass that chooses bits and ranges."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from sparrow.hw.spec.base import SpecError, require_number

from ..calibrate import Method
from ..draft import OTHERS, WEIGHT_BITS, Draft
from ..precision.choose import with_tensor_formats, with_weight_formats
from ..precision.size import average_bits, layer_bits_of
from .base import Context, TunedPass
from .bylayer import require_by_layer

__all__ = ["Quantize"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Quantize(TunedPass):
    """Choose formats of weights and activations; with ``epochs``, train with them simulated.

    Weights are symmetric, activations affine per tensor (Jacob et al., Quantization and Training
    of Neural Networks for Efficient Integer-Arithmetic-Only Inference, 2018, section 2.1). What
    earlier passes have chosen stays: codebooks, signs, mixed precision.

    Parameters
    ----------
    bits : 8, 4, 2 or 1, or a mapping of them by layer
        Of weights. With 2 bits a weight is −1, 0 or 1 steps, with 1 bit −1 or 1. In a mapping
        ``*`` stands for the layers that aren't named, 8 unless given.
    per_channel : bool
        A step for each output channel, or one for each layer.
    weight_method : "minmax" or "mse"
        How steps of weights are chosen; see ``weight_scales``.
    activation_bits : 8 or 4, or a mapping of them by tensor
        A tensor has the name of the layer that gives it, or of the input. Pooling keeps its
        input's bits. ``*`` as in ``bits``.
    calibration : "minmax", "percentile" or "mse"
        How ranges of activations are chosen, from ``Context.calibration_images``.
    percentile : float, 50 to 100
        See ``tensor_ranges``.

    The others are those of fine-tuning.
    """

    kind = "quantize"
    by_tensor = ("activation_bits",)
    choices = {"weight_method": (Method.MINMAX, Method.MSE)}
    bits: int | Mapping[str, int] = 8
    per_channel: bool = True
    weight_method: Method = Method.MSE
    activation_bits: int | Mapping[str, int] = 8
    calibration: Method = Method.MINMAX
    percentile: float = 99.99

    def __post_init__(self) -> None:
        super().__post_init__()
        require_by_layer("bits", self.bits, WEIGHT_BITS)
        require_by_layer("activation_bits", self.activation_bits, (8, 4))
        require_number("percentile", self.percentile, 50, 100)
        if self.percentile == 50:
            raise SpecError("percentile must be above 50, not 50")

    def change(self, draft: Draft, context: Context) -> tuple[Draft, dict[str, Any]]:
        bits, layer_bits = _split(self.bits)
        found = with_weight_formats(draft, bits, layer_bits, method=self.weight_method,
                                    per_channel=self.per_channel)
        bits, tensor_bits = _split(self.activation_bits)
        found = with_tensor_formats(
            found, context.data.train_images[:context.calibration_images], self.calibration,
            percentile=self.percentile, bits=bits, tensor_bits=tensor_bits)
        return self.finetune(found, context), {"bits": layer_bits_of(found),
                                               "average_bits": average_bits(found)}


def _split(option: int | Mapping[str, int]) -> tuple[int, dict[str, int]]:
    """The bits of all that isn't named, and those of what is."""
    if not isinstance(option, Mapping):
        return option, {}
    return option.get(OTHERS, 8), {name: bits for name, bits in option.items() if name != OTHERS}
