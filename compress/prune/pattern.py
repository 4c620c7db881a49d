"""Where zeros may lie: anywhere, so many of every few, or in blocks."""

import dataclasses
import enum

import torch

from ..draft import WeightedNode
from ..graph import ConvNode, Graph, LinearNode

__all__ = ["Blocks", "Pattern", "best_of_each", "blocks_of", "stored_shape"]


class Pattern(enum.Enum):
    """Forms of pruning."""

    UNSTRUCTURED = "unstructured"
    """Single weights."""
    NM = "nm"
    """At most N of every M neighbouring input channels, at each output and kernel position."""
    BLOCK = "block"
    """Blocks of input × output channels at a kernel position."""


def stored_shape(graph: Graph, node: WeightedNode) -> tuple[int, int, int, int]:
    """Groups, output channels and input channels of a group, and kernel positions.

    It is a view of the weights, and tells what lies side by side in the order in which the
    accelerator takes them. A linear layer is a convolution with a kernel as large as its input;
    one that reads the network's input with no convolution beside it has one position, and all
    pixels as channels.
    """
    if isinstance(node, ConvNode):
        outputs, inputs, height, width = node.weight.shape
        return node.groups, outputs // node.groups, inputs, height * width
    source = node.inputs[0]
    if source == graph.input_name:
        flat = all(isinstance(reader, LinearNode) for reader in graph.consumers(source))
        channels = node.weight.shape[1] if flat else graph.shape[0]
    else:
        channels = graph.node(source).shape[0]
    return 1, len(node.weight), channels, node.weight.shape[1] // channels


def best_of_each(scores: torch.Tensor, shape: tuple[int, int, int, int], n: int,
                 m: int) -> torch.Tensor:
    """A mask of the ``n`` largest scores in every ``m`` neighbouring input channels.

    Mishra et al., Accelerating Sparse Deep Neural Networks, 2021, section 4, for any N and M. The
    last ``m`` may be fewer.

    Parameters
    ----------
    scores : torch.Tensor, float32, shape of the weights, at least 0
    shape
        See ``stored_shape``.
    """
    groups, outputs, inputs, positions = shape
    rows = scores.reshape(groups, outputs, inputs, positions).movedim(2, 3)
    padded = torch.nn.functional.pad(rows, (0, -inputs % m), value=-1.0)
    parts = padded.unflatten(3, (-1, m))
    chosen = torch.zeros_like(parts, dtype=torch.bool)
    chosen.scatter_(4, parts.topk(min(n, m), dim=4, sorted=False).indices, True)
    return chosen.flatten(3)[..., :inputs].movedim(3, 2).reshape(scores.shape)


@dataclasses.dataclass(frozen=True)
class Blocks:
    """Scores of the blocks of a layer: of one weight each, if the block is 1 × 1.

    Members
    -------
    scores : torch.Tensor, float32, shape (blocks,)
        The mean of the weights' scores.
    sizes : torch.Tensor, int64, shape (blocks,)
        Weights; fewer at the ends of the channels.
    """

    scores: torch.Tensor
    sizes: torch.Tensor
    _owner: torch.Tensor

    def mask(self, kept: torch.Tensor) -> torch.Tensor:
        """The mask of the weights, given one of the blocks."""
        return kept[self._owner]


def blocks_of(scores: torch.Tensor, shape: tuple[int, int, int, int],
              block: tuple[int, int] = (1, 1)) -> Blocks:
    """The blocks of a layer.

    Parameters
    ----------
    scores : torch.Tensor, float32, shape of the weights
    shape
        See ``stored_shape``.
    block : (int, int)
        Input channels and output channels.
    """
    if block == (1, 1):
        owner = torch.arange(scores.numel()).view(scores.shape)
        return Blocks(scores.flatten(), torch.ones(scores.numel(), dtype=torch.int64), owner)
    groups, outputs, inputs, positions = shape
    across, down = -(-inputs // block[0]), -(-outputs // block[1])
    owner = torch.arange(groups * down * across * positions).view(groups, down, across, positions)
    owner = owner.repeat_interleave(block[1], 1)[:, :outputs]
    owner = owner.repeat_interleave(block[0], 2)[:, :, :inputs].reshape(scores.shape)
    sizes = owner.flatten().bincount()
    sums = torch.zeros(len(sizes)).index_add_(0, owner.flatten(), scores.flatten().float())
    return Blocks(sums / sizes, sizes, owner)
