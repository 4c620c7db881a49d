"""A float network on its way to an integer one: what passes take and give."""

import dataclasses
import math
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

import torch

from .graph import ConvNode, Graph, LinearNode
from .scales import QuantizeError

__all__ = ["LARGEST_CODEBOOK", "OTHERS", "Draft", "Record", "TensorFormat", "WeightFormat",
           "WeightedNode"]

T = TypeVar("T")
WeightedNode = ConvNode | LinearNode
WEIGHT_BITS = (8, 4, 2, 1)
OTHERS = "*"  # in a mapping by layer: those that it doesn't name
LARGEST_CODEBOOK = 32  # entries, the 0 of pruned weights among them


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class WeightFormat:
    """How the weights of a layer are represented.

    A weight is an integer times a real step. With 8 or 4 bits the integer is at most
    ``2^(bits - 1) - 1`` in magnitude, with 2 bits it is −1, 0 or 1, with 1 bit −1 or 1.

    Parameters
    ----------
    bits : 8, 4, 2 or 1
    step : torch.Tensor, float64, shape (output channels,) or (1,)
        For each output channel, or for all of the layer.
    codebook : torch.Tensor or None, float32, shape (entries,), ascending
        Where given, the real values that kept weights have; each an integer times the step, to
        the nearest. Weights that a mask has pruned are 0 beside it.

    Raises
    ------
    QuantizeError
        If a value is out of range.
    """

    bits: int = 8
    step: torch.Tensor
    codebook: torch.Tensor | None = None

    def __post_init__(self) -> None:
        if type(self.bits) is not int or self.bits not in WEIGHT_BITS:
            raise QuantizeError(f"bits must be 8, 4, 2 or 1, not {self.bits!r}")
        if self.codebook is not None and (self.bits not in (8, 4) or len(self.step) != 1):
            raise QuantizeError("a codebook must have values of 8 or 4 bits with one step for the "
                                f"layer, not {self.bits} bits with {len(self.step)}")

    @property
    def largest(self) -> int:
        """The largest integer."""
        return max(1, 2**(self.bits - 1) - 1)

    def around(self, weight: torch.Tensor) -> torch.Tensor:
        """The step in a shape that goes with a weight, of its type."""
        return self.step.to(weight.dtype).view(-1, *(1,) * (weight.dim() - 1))

    def integers(self, weight: torch.Tensor) -> torch.Tensor:
        """The nearest integers, of the weight's type; a channel whose step is 0 has zeros."""
        scaled = (weight / self.around(weight)).nan_to_num(0.0, 0.0, 0.0)
        if self.bits == 1:
            return torch.where(weight < 0, -1.0, 1.0).to(weight.dtype)
        return scaled.round().clamp(-self.largest, self.largest)

    def entries(self, weight: torch.Tensor) -> torch.Tensor:
        """The index, int64, of the value of the codebook that is nearest to each weight."""
        assert self.codebook is not None
        codebook = self.codebook.to(weight.dtype)
        return torch.bucketize(weight, (codebook[1:] + codebook[:-1]) / 2)


@dataclasses.dataclass(frozen=True, kw_only=True)
class TensorFormat:
    """Range and bits of an activation: the ends of the range are those of the integers.

    Parameters
    ----------
    low, high : float
        With 0 between them.
    bits : 8 or 4
    """

    low: float
    high: float
    bits: int = 8

    def __post_init__(self) -> None:
        if type(self.bits) is not int or self.bits not in (8, 4):
            raise QuantizeError(f"bits of activations must be 8 or 4, not {self.bits!r}")
        if not self.low <= 0 <= self.high:
            raise QuantizeError("a range of activations must have 0 in it, "
                                f"not {self.low!r} to {self.high!r}")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Record:
    """What a pass has done.

    Parameters
    ----------
    kind : str
        Of the pass.
    options : dict
        As in a recipe.
    results : dict
        Plain values that the pass reports.
    epochs : int
        Rounds of training in it.
    """

    kind: str
    options: dict[str, Any]
    results: dict[str, Any] = dataclasses.field(default_factory=dict)
    epochs: int = 0


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Draft:
    """A float graph, and what passes have decided about it.

    Parameters
    ----------
    graph : Graph
        With batch normalization folded in.
    masks : mapping of str to torch.Tensor
        By layer, bool, shape of the weights: those that are kept; the others are 0. A layer
        that isn't in it keeps all.
    formats : mapping of str to WeightFormat
        By layer, of those that are quantized already. Their weights in the graph may lie between
        what the format can represent, until the network is made.
    tensors : mapping of str to TensorFormat
        By tensor, of those whose range is chosen already.
    records : tuple of Record
        Of the passes so far.

    Raises
    ------
    QuantizeError
        If a codebook and the 0 of pruned weights are more than 32 entries; the text names the
        layer.
    """

    graph: Graph
    masks: Mapping[str, torch.Tensor] = dataclasses.field(default_factory=dict)
    formats: Mapping[str, WeightFormat] = dataclasses.field(default_factory=dict)
    tensors: Mapping[str, TensorFormat] = dataclasses.field(default_factory=dict)
    records: tuple[Record, ...] = ()

    def __post_init__(self) -> None:
        for name, form in self.formats.items():
            if form.codebook is not None and len(form.codebook) >= LARGEST_CODEBOOK:
                pruned = name in self.masks and not bool(self.masks[name].all())
                most = LARGEST_CODEBOOK - int(pruned)
                if len(form.codebook) > most:
                    beside = " beside the 0 of pruned weights" if pruned else ""
                    raise QuantizeError(f"Layer {name!r}: a codebook must have at most {most} "
                                        f"entries{beside}, not {len(form.codebook)}")

    def replace(self, **changes: object) -> "Draft":
        """A copy with some fields changed."""
        return dataclasses.replace(self, **changes)  # type: ignore[arg-type]

    @property
    def weighted(self) -> dict[str, WeightedNode]:
        """The layers with weights, by name."""
        return {node.name: node for node in self.graph if isinstance(node, WeightedNode)}

    def by_layer(self, values: Mapping[str, T]) -> dict[str, T]:
        """Values by layer: those of a layer that was factorized for all its factors, but for the
        ones that are named themselves."""
        gone = {name for record in self.records if record.kind == "factorize"
                for name in record.results.get("layers", {})}
        spread = {factor: values[name] for name in sorted(gone & set(values), key=len)
                  for factor in self.weighted if factor.startswith(f"{name}.")}
        return spread | {name: value for name, value in values.items() if name not in gone}

    def chosen(self, names: Iterable[str], subject: str = "layers") -> dict[str, WeightedNode]:
        """The layers with weights of some names, all of them where none is given; the factors of
        a layer that was factorized go by its name, too.

        Raises
        ------
        QuantizeError
            If there is none of a name.
        """
        known, names = self.weighted, self.by_layer(dict.fromkeys(names))
        for name in names:
            if name not in known:
                raise QuantizeError(f"{subject} must name layers with weights, "
                                    f"{', '.join(known)}, not {name!r}")
        return {name: known[name] for name in names} or known

    def mask(self, name: str) -> torch.Tensor:
        """The mask of a layer."""
        known = self.masks.get(name)
        return torch.ones_like(self.weighted[name].weight, dtype=torch.bool) \
            if known is None else known

    def with_weights(self, weights: Mapping[str, Mapping[str, torch.Tensor]]) -> "Draft":
        """A copy with other weights or biases, ``{layer: {"weight": …, "bias": …}}``."""
        nodes = tuple(node.replace(**weights.get(node.name, {})) for node in self.graph)
        return self.replace(graph=self.graph.replace(nodes=nodes))

    def with_masks(self, masks: Mapping[str, torch.Tensor]) -> "Draft":
        """A copy with other masks for some layers, and 0 where they prune."""
        known = self.weighted
        pruned = {name: {"weight": known[name].weight * mask} for name, mask in masks.items()}
        return self.with_weights(pruned).replace(masks={**self.masks, **masks})

    def require_finite(self) -> None:
        """Raise :class:`QuantizeError` if a weight or bias is infinite or NaN."""
        for name, node in self.weighted.items():
            if not bool(node.weight.isfinite().all() and node.bias.isfinite().all()):
                raise QuantizeError(f"Layer {name!r}: weights must be finite, but one is not")

    @property
    def macs(self) -> int:
        """Products of weights and activations for one image, padding included."""
        return sum(node.weight[0].numel() * math.prod(node.shape)
                   for node in self.weighted.values())

    @property
    def kept(self) -> float:
        """Share of weights that masks keep."""
        nodes = self.weighted
        total = sum(node.weight.numel() for node in nodes.values())
        return sum(int(self.mask(name).sum()) for name in nodes) / max(1, total)
