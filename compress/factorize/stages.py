"""What every factorization is asked for, and what it gives: smaller layers one after another."""

import dataclasses
from collections.abc import Sequence

import torch

from ..draft import WeightedNode
from ..graph import ConvNode, LinearNode, Shape

__all__ = ["Factors", "Stage", "Target", "chain", "macs"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Target:
    """How a rank is chosen; one of the three is given.

    Parameters
    ----------
    rank : int or (int, int)
        The rank itself; for Tucker-2 those of the input and of the output channels.
    energy : float, 0 to 1
        Share of the sum of squared weights that the factors must keep.
    ratio : float, at least 1
        By how much the number of weights must fall.
    """

    rank: int | tuple[int, int] | None = None
    energy: float | None = None
    ratio: float | None = None


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Stage:
    """A convolution of a chain, or a linear layer where the weight has two dimensions.

    Parameters
    ----------
    suffix : str
        Of the name.
    weight : torch.Tensor, float64
    stride, padding, dilation, groups
        As in ``ConvNode``.
    """

    suffix: str
    weight: torch.Tensor
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Factors:
    """A layer in factors.

    Parameters
    ----------
    stages : tuple of Stage
    rank : tuple of int
    error : float
        Squared difference of the product of the factors from the weights, relative to the sum
        of squared weights.
    """

    stages: tuple[Stage, ...]
    rank: tuple[int, ...]
    error: float

    @property
    def weights(self) -> int:
        """Weights of all stages."""
        return sum(stage.weight.numel() for stage in self.stages)


def chain(node: WeightedNode, shape: Shape, stages: Sequence[Stage]) -> tuple[WeightedNode, ...]:
    """The layers that stand for one: the last has its bias and its clamp, the others none.

    Parameters
    ----------
    shape : (int, int, int)
        Of the layer's input.
    """
    made: list[WeightedNode] = []
    source = node.inputs
    image = torch.zeros(1, *shape)
    for stage in stages:
        last = stage is stages[-1]
        weight = stage.weight.to(node.weight.dtype).contiguous()
        common = {"name": f"{node.name}.{stage.suffix}", "inputs": source, "shape": shape,
                  "weight": weight, "bias": node.bias if last else torch.zeros(len(weight)),
                  "minimum": node.minimum if last else None,
                  "maximum": node.maximum if last else None}
        layer: WeightedNode = LinearNode(**common) if weight.dim() == 2 else ConvNode(
            **common, stride=stage.stride, padding=stage.padding, dilation=stage.dilation,
            groups=stage.groups)
        image = layer.evaluate(image)
        layer = dataclasses.replace(layer, shape=tuple(image.shape[1:]))
        made.append(layer)
        source = (layer.name,)
    return tuple(made)


def macs(node: WeightedNode) -> int:
    """Multiplications with a weight for one image, those with padding included."""
    return node.weight.numel() * node.shape[1] * node.shape[2]
