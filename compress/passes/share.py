"""The pass that makes weights share values."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from sparrow.hw.spec.base import SpecError

from ..draft import Draft
from ..scales import QuantizeError
from ..share import Start, shared_format, sharing_error
from .base import Context, TunedPass
from .bylayer import require_by_layer, value_by_layer

__all__ = ["Share"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Share(TunedPass):
    """k-means codebooks (Han et al., Deep Compression, 2016, section 3).

    Kept weights become the nearest of a few values of their layer; fine-tuning trains the values,
    and each weight keeps its entry. Biases are trained too.

    Parameters
    ----------
    bits : 2 to 5, or mapping of layer to these
        Of an index. With a mapping, layers that it doesn't name are left as they are, unless it
        has one for ``*``, the others.
    value_bits : 8 or 4, or mapping of layer to these
        Of the integers that the values are; 4 run at the rate of INT4. Layers that have none here
        keep the bits that an earlier pass has chosen, or have 8.
    start : Start
        Where the search for centroids starts.
    """

    kind = "share"
    bits: int | Mapping[str, int] = 4
    value_bits: int | Mapping[str, int] | None = None
    start: Start = Start.LINEAR

    def __post_init__(self) -> None:
        super().__post_init__()
        require_by_layer("bits", self.bits, (2, 3, 4, 5))
        if self.value_bits is not None:
            require_by_layer("value_bits", self.value_bits, (8, 4))

    def change(self, draft: Draft, context: Context) -> tuple[Draft, dict[str, Any]]:
        widths = value_by_layer(draft, "bits", self.bits)
        value_widths = {name: form.bits for name, form in draft.formats.items()}
        if self.value_bits is not None:
            value_widths |= value_by_layer(draft, "value_bits", self.value_bits)
        nodes, formats, weights, layers = draft.weighted, dict(draft.formats), {}, {}
        for name, bits in widths.items():
            value_bits = value_widths.get(name, 8)
            if name in formats and formats[name].bits < 4:
                raise QuantizeError(f"Layer {name!r}: weights must have 8 or 4 bits, to be shared, "
                                    f"not {formats[name].bits}")
            if bits > value_bits:
                raise SpecError(f"bits of layer {name!r} must be at most its value_bits, "
                                f"{value_bits}, not {bits}")
            weight, mask = nodes[name].weight, draft.mask(name)
            form = shared_format(weight, mask, bits, value_bits=value_bits, start=self.start,
                                 seed=context.seed)
            assert form.codebook is not None
            formats[name] = form
            weights[name] = {"weight": form.codebook[form.entries(weight)] * mask}
            layers[name] = {"entries": len(form.codebook),
                            "error": sharing_error(weight, mask, form)}
        shared = draft.with_weights(weights).replace(formats=formats)
        return self.finetune(shared, context), {"layers": layers}
