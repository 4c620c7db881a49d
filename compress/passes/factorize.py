"""The pass that makes several small layers of one."""

import dataclasses
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from sparrow.hw.spec.base import SpecError, require_integer, require_number

from ..draft import Draft, WeightedNode
from ..factorize import (
    Factors,
    Target,
    chain,
    factor_cp,
    factor_svd,
    factor_tucker,
    macs,
    rewritten,
)
from ..graph import ConvNode
from ..scales import QuantizeError
from .base import Context, TunedPass
from .bylayer import require_by_layer, require_each, value_by_layer

__all__ = ["Factorize"]

TARGETS = "rank", "energy", "ratio"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Factorize(TunedPass):
    """Replace layers by products of smaller ones.

    Linear layers and convolutions of one tap by singular value decomposition, other convolutions
    by Tucker-2 or CP. One of ``rank``, ``energy`` and ``ratio`` is given, as a value for all
    layers or by layer; with a mapping, layers that it doesn't name are left as they are, unless it
    has a value for ``*``, the others. A layer that wouldn't get smaller is left as it is, and so
    is one with groups unless it is named.

    Parameters
    ----------
    rank : int, or [int, int]
        For Tucker-2 of input and output channels; one number is for both.
    energy : float, 0 to 1
        Share of the sum of squared weights that is kept.
    ratio : float, at least 1
        By how much the number of weights falls.
    convolution : "tucker" or "cp", or mapping of layer to these
    """

    kind = "factorize"
    rank: int | list[int] | Mapping[str, int | list[int]] | None = None
    energy: float | Mapping[str, float] | None = None
    ratio: float | Mapping[str, float] | None = None
    convolution: str | Mapping[str, str] = "tucker"

    def __post_init__(self) -> None:
        super().__post_init__()
        given = [name for name in TARGETS if getattr(self, name) is not None]
        if len(given) != 1:
            raise SpecError("one of rank, energy and ratio must be given, "
                            f"not {' and '.join(given) or 'none'}")
        checks: dict[str, Callable[[str, object], None]] = {
            "rank": _require_rank, "energy": partial(require_number, low=0.0, high=1.0),
            "ratio": partial(require_number, low=1.0, high=1e6)}
        require_each(given[0], getattr(self, given[0]), checks[given[0]])
        require_by_layer("convolution", self.convolution, ("tucker", "cp"))

    def change(self, draft: Draft, context: Context) -> tuple[Draft, dict[str, Any]]:
        (target,) = (name for name in TARGETS if getattr(self, name) is not None)
        option = getattr(self, target)
        shapes = {draft.graph.input_name: draft.graph.shape,
                  **{node.name: node.shape for node in draft.graph}}
        methods = value_by_layer(draft, "convolution", self.convolution)
        parts: dict[str, tuple[WeightedNode, ...]] = {}
        layers, left = {}, {}
        for name, value in value_by_layer(draft, target, option).items():
            node = draft.weighted[name]
            _require_fresh(draft, name)
            if isinstance(node, ConvNode) and node.groups > 1:
                if isinstance(option, Mapping) and name in option:
                    raise QuantizeError(f"Layer {name!r}: a convolution must have 1 group, to be "
                                        f"factorized, not {node.groups}")
                left[name] = f"has {node.groups} groups"
                continue
            method = _method(node, methods.get(name, "tucker"))
            wanted: dict[str, Any] = {target: tuple(value) if isinstance(value, list) else value}
            factors = _factors(node, method, Target(**wanted), context.seed)
            before = node.weight.numel()
            if factors.weights >= before:
                left[name] = f"would have {factors.weights} weights instead of {before}"
                continue
            parts[name] = chain(node, shapes[node.inputs[0]], factors.stages)
            layers[name] = {
                "method": method, "rank": list(factors.rank), "error": factors.error,
                "weights": [before, factors.weights],
                "macs": [macs(node), sum(macs(part) for part in parts[name])]}
        return (self.finetune(rewritten(draft, parts), context), {"layers": layers, "left": left})


def _require_rank(subject: str, value: object) -> None:
    if not isinstance(value, list | tuple):
        require_integer(subject, value, 1, 65536)
        return
    if len(value) != 2:
        raise SpecError(f"{subject} must be one number or two, not {len(value)}")
    for each in value:
        require_integer(subject, each, 1, 65536)


def _require_fresh(draft: Draft, name: str) -> None:
    if not bool(draft.mask(name).all()):
        raise QuantizeError(f"Layer {name!r}: must be factorized before it is pruned, not after")
    if name in draft.formats:
        raise QuantizeError(f"Layer {name!r}: must be factorized before its weights are "
                            "quantized or shared, not after")


def _method(node: WeightedNode, convolution: str) -> str:
    return convolution if node.weight.dim() == 4 and node.weight[0, 0].numel() > 1 else "svd"


def _factors(node: WeightedNode, method: str, target: Target, seed: int) -> Factors:
    if method == "svd":
        return factor_svd(node, target)
    assert isinstance(node, ConvNode)
    return factor_tucker(node, target) if method == "tucker" else factor_cp(node, target, seed=seed)
