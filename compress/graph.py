"""Float networks as small graphs: what a PyTorch model is captured into.

Every tensor is ``(images, channels, height, width)``; signals over time have height 1, vectors of
features height and width 1.
"""

import dataclasses
from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as F

from .sign import binary_sign

__all__ = ["AddNode", "AveragePoolNode", "ClampNode", "ConcatNode", "ConvNode", "FUNCTIONS",
           "FunctionNode", "Graph", "LinearNode", "MaxPoolNode", "Node", "PadNode", "PoolNode",
           "Shape"]

Shape = tuple[int, int, int]
FUNCTIONS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "sigmoid": torch.sigmoid, "tanh": torch.tanh, "hardswish": F.hardswish,
    "hardsigmoid": F.hardsigmoid, "sign": binary_sign,
}


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Node:
    """One operation.

    Parameters
    ----------
    name : str
        Unique in its graph; the module's path where a module does it.
    inputs : tuple of str
        Names of earlier nodes, or of the graph's input.
    shape : (int, int, int)
        Channels, height, width of the output.
    """

    name: str
    inputs: tuple[str, ...]
    shape: Shape

    def evaluate(self, *inputs: torch.Tensor) -> torch.Tensor:
        """The output for a batch of images, in floating point."""
        raise NotImplementedError

    def replace(self, **changes: object) -> "Node":
        """A copy with some fields changed."""
        return dataclasses.replace(self, **changes)  # type: ignore[arg-type]


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Clamped(Node):
    """Base of the nodes that can end in a clamp; ``None`` where there is no limit."""

    minimum: float | None = None
    maximum: float | None = None

    def evaluate(self, *inputs: torch.Tensor) -> torch.Tensor:
        values = self.unclamped(*inputs)
        if self.minimum is None and self.maximum is None:
            return values
        return values.clamp(self.minimum, self.maximum)

    def unclamped(self, *inputs: torch.Tensor) -> torch.Tensor:
        """The output before the clamp."""
        raise NotImplementedError


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class ConvNode(Clamped):
    """Convolution: ``weight`` (out, in / groups, height, width), ``bias`` (out,), padding top,
    left, bottom, right with zeros."""

    weight: torch.Tensor
    bias: torch.Tensor
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1

    def unclamped(self, *inputs: torch.Tensor) -> torch.Tensor:
        return F.conv2d(_padded(inputs[0], self.padding, 0.0), self.weight, self.bias,
                        self.stride, 0, self.dilation, self.groups)


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class LinearNode(Clamped):
    """Fully connected: ``weight`` (out, features of the flattened input), ``bias`` (out,)."""

    weight: torch.Tensor
    bias: torch.Tensor

    def unclamped(self, *inputs: torch.Tensor) -> torch.Tensor:
        return F.linear(inputs[0].flatten(1), self.weight, self.bias)[:, :, None, None]


class AddNode(Clamped):
    """Sum of two tensors of one shape."""

    def unclamped(self, *inputs: torch.Tensor) -> torch.Tensor:
        return inputs[0] + inputs[1]


class ClampNode(Clamped):
    """A clamp by itself: ReLU, ReLU6."""

    def unclamped(self, *inputs: torch.Tensor) -> torch.Tensor:
        return inputs[0]


class ConcatNode(Node):
    """Channels of several tensors after one another."""

    def evaluate(self, *inputs: torch.Tensor) -> torch.Tensor:
        return torch.cat(inputs, dim=1)


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class FunctionNode(Node):
    """A function of each element, one of ``FUNCTIONS``."""

    function: str

    def evaluate(self, *inputs: torch.Tensor) -> torch.Tensor:
        return FUNCTIONS[self.function](inputs[0])


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class PadNode(Node):
    """Zeros around an image: top, left, bottom, right. Folding merges it into a convolution."""

    padding: tuple[int, int, int, int]

    def evaluate(self, *inputs: torch.Tensor) -> torch.Tensor:
        return _padded(inputs[0], self.padding, 0.0)


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class PoolNode(Node):
    """Base of pooling: window, stride and padding (top, left, bottom, right)."""

    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)


class MaxPoolNode(PoolNode):
    """The largest element of each window, padding left out."""

    def evaluate(self, *inputs: torch.Tensor) -> torch.Tensor:
        padded = _padded(inputs[0], self.padding, -torch.inf)
        return F.max_pool2d(padded, self.kernel, self.stride)


class AveragePoolNode(PoolNode):
    """The average of each window, padding left out of sum and count."""

    def evaluate(self, *inputs: torch.Tensor) -> torch.Tensor:
        sums, counts = (F.avg_pool2d(_padded(values, self.padding, 0.0), self.kernel, self.stride,
                                     divisor_override=1)
                        for values in (inputs[0], torch.ones_like(inputs[0][:1, :1])))
        return sums / counts


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Graph:
    """A float network: nodes in the order in which they are computed.

    Parameters
    ----------
    name : str
    shape : (int, int, int)
        Of the input.
    nodes : tuple of Node
    output : str
        Name of the node whose output is the graph's.
    input_name : str
    """

    name: str
    shape: Shape
    nodes: tuple[Node, ...]
    output: str
    input_name: str = "input"

    def __iter__(self) -> Iterator[Node]:
        return iter(self.nodes)

    def node(self, name: str) -> Node:
        """The node of a name; raises ``KeyError`` if there is none."""
        return {node.name: node for node in self.nodes}[name]

    def consumers(self, name: str) -> tuple[Node, ...]:
        """The nodes that take a tensor."""
        return tuple(node for node in self.nodes if name in node.inputs)

    def replace(self, **changes: object) -> "Graph":
        """A copy with some fields changed."""
        return dataclasses.replace(self, **changes)  # type: ignore[arg-type]

    def run(self, images: torch.Tensor) -> dict[str, torch.Tensor]:
        """All tensors, the input included, for images of shape (images, *shape)."""
        tensors = {self.input_name: images.reshape(len(images), *self.shape)}
        with torch.inference_mode():
            for node in self.nodes:
                tensors[node.name] = node.evaluate(*(tensors[name] for name in node.inputs))
        return tensors


def _padded(values: torch.Tensor, padding: tuple[int, int, int, int],
            value: float) -> torch.Tensor:
    top, left, bottom, right = padding
    return F.pad(values, (left, right, top, bottom), value=value) if any(padding) else values
