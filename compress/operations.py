"""What each operation of PyTorch becomes in a graph, or why it is refused."""

import math
from collections.abc import Callable

import torch

from .graph import (
    FUNCTIONS,
    AddNode,
    AveragePoolNode,
    ClampNode,
    ConcatNode,
    ConvNode,
    FunctionNode,
    LinearNode,
    MaxPoolNode,
    Node,
    PadNode,
    Shape,
)

__all__ = ["Call", "CaptureError", "OPERATIONS", "VIEWS", "Value"]


class CaptureError(ValueError):
    """A model does something that has no integer counterpart here.

    The text is one line: the module's path, the operation, and what about it isn't supported.
    """


class Value:
    """A tensor of the model: the node that gives it, and PyTorch's shape of one image.

    ``shape`` is the node's: (channels, height, width). ``view`` is what PyTorch sees, such as
    (features,) after a flatten.
    """

    def __init__(self, node: str, shape: Shape, view: tuple[int, ...]):
        self.node, self.shape, self.view = node, shape, view

    @property
    def flattened(self) -> bool:
        """Whether PyTorch's channels are not the node's."""
        return len(self.view) == 1 and self.shape != (self.view[0], 1, 1)


class Call:
    """One operation that the model does: its arguments by name, and how to refuse it."""

    def __init__(self, operation: str, path: str, name: str, arguments: dict[str, object],
                 view: tuple[int, ...]):
        self.operation, self.path, self.name = operation, path, name
        self.arguments, self.view = arguments, view

    def __getitem__(self, name: str):
        return self.arguments[name]

    def refuse(self, reason: str) -> CaptureError:
        """The error to raise."""
        where = f"Module {self.path!r}" if self.path else "The model"
        return CaptureError(f"{where}: {self.operation} {reason}")

    def value(self, name: str, channels: bool = True) -> Value:
        """A tensor that the model computed; with ``channels``, one whose channels are kept."""
        value = self.arguments[name]
        if not isinstance(value, Value):
            raise self.refuse(f"must be of a computed tensor, not of {_kind(value)}")
        if channels and value.flattened:
            raise self.refuse("after flattening a feature map is not supported")
        return value

    def constant(self, name: str) -> torch.Tensor:
        """A parameter or buffer of the model."""
        value = self.arguments[name]
        if not isinstance(value, torch.Tensor):
            raise self.refuse(f"must have a constant {name}, not {_kind(value)}")
        return value

    def pair(self, name: str, default: tuple[int, int] | None = None) -> tuple[int, int]:
        """A vertical and a horizontal number; of a one-dimensional operation ``(neutral, n)``."""
        given: list[int] = list(self.arguments[name])  # type: ignore[call-overload]
        if not given and default is not None:
            return default
        if self.operation.endswith("1d"):
            return 0 if name == "padding" else 1, given[-1]
        return given[0], given[-1]


def _kind(value: object) -> str:
    return "a constant tensor" if isinstance(value, torch.Tensor) else f"{value!r}"


def _image_shape(call: Call) -> Shape:
    """The node's shape of an output whose channels are kept."""
    match call.view:
        case (channels, height, width):
            return channels, height, width
        case (channels, width):
            return channels, 1, width
        case (features,):
            return features, 1, 1
    raise call.refuse(f"with outputs of shape {call.view} is not supported")


def _convolution(call: Call) -> Node:
    source, weight = call.value("input"), call.constant("weight").detach()
    if call.operation == "conv1d":
        weight = weight.unsqueeze(2)
    stride, dilation = call.pair("stride"), call.pair("dilation")
    if isinstance(call["padding"], str):
        around = [gap * (taps - 1) if call["padding"] == "same" else 0
                  for gap, taps in zip(dilation, weight.shape[2:])]
        padding = (around[0] // 2, around[1] // 2, -(-around[0] // 2), -(-around[1] // 2))
    else:
        padding = call.pair("padding") * 2
    return ConvNode(name=call.name, inputs=(source.node,), shape=_image_shape(call),
                    weight=weight, bias=_bias(call, len(weight)), stride=stride,
                    padding=padding, dilation=dilation, groups=call["groups"])


def _bias(call: Call, channels: int) -> torch.Tensor:
    return torch.zeros(channels) if call["bias"] is None else call.constant("bias").detach()


def _linear(call: Call) -> Node:
    source, weight = call.value("input", channels=False), call.constant("weight").detach()
    if len(source.view) != 1:
        raise call.refuse(f"must be of features, (images, features), not of images of shape "
                          f"{source.view}; flatten them first")
    return LinearNode(name=call.name, inputs=(source.node,), shape=(len(weight), 1, 1),
                      weight=weight, bias=_bias(call, len(weight)))


def _batch_norm(call: Call) -> Node:
    """A depthwise convolution with a kernel of one, which folding merges into what precedes."""
    source = call.value("input")
    if call["training"] or call["running_mean"] is None:
        raise call.refuse("must use running statistics")
    mean, variance = (call.constant(name).double() for name in ("running_mean", "running_var"))
    factor = (variance + call["eps"]).rsqrt()
    if call["weight"] is not None:
        factor = factor * call.constant("weight").detach().double()
    bias = -mean * factor
    if call["bias"] is not None:
        bias = bias + call.constant("bias").detach().double()
    return ConvNode(name=call.name, inputs=(source.node,), shape=source.shape,
                    weight=factor.float().view(-1, 1, 1, 1), bias=bias.float(),
                    groups=len(factor))


def _clamp(minimum: float | None, maximum: float | None) -> Callable[[Call], Node]:
    def make(call: Call) -> Node:
        source = call.value("self", channels=False)
        limits = {"minimum": minimum, "maximum": maximum}
        for field, names in (("minimum", ("min", "min_val")), ("maximum", ("max", "max_val"))):
            for name in names:
                if name in call.arguments:
                    limits[field] = call[name]
        for value in limits.values():
            if isinstance(value, Value | torch.Tensor):
                raise call.refuse("must have constant limits")
        return ClampNode(name=call.name, inputs=(source.node,), shape=source.shape,
                         **{field: None if value is None else float(value)
                            for field, value in limits.items()})
    return make


def _function(call: Call) -> Node:
    source = call.value("self", channels=False)
    return FunctionNode(name=call.name, inputs=(source.node,), shape=source.shape,
                        function=call.operation)


def _add(call: Call) -> Node:
    first, second = call.value("self", channels=False), call.value("other", channels=False)
    if call["alpha"] != 1:
        raise call.refuse(f"must have alpha 1, not {call['alpha']}")
    if first.shape != second.shape or first.view != second.view:
        raise call.refuse(f"must be of tensors of one shape, not of {first.view} and "
                          f"{second.view}")
    return AddNode(name=call.name, inputs=(first.node, second.node), shape=first.shape)


def _concat(call: Call) -> Node:
    values = call["tensors"]
    call.arguments.update({str(i): value for i, value in enumerate(values)})
    sources = [call.value(str(i)) for i in range(len(values))]
    dimension = call["dim"] % (len(sources[0].view) + 1)
    if dimension != 1:
        raise call.refuse(f"must be over channels, dimension 1, not dimension {dimension}")
    if len(sources) == 1:
        raise call.refuse("must be of several tensors, not of one")
    return ConcatNode(name=call.name, inputs=tuple(source.node for source in sources),
                      shape=_image_shape(call))


def _max_pool(call: Call) -> Node:
    if call.pair("dilation") != (1, 1):
        raise call.refuse("with dilation is not supported")
    return _pool(MaxPoolNode, call)


def _average_pool(call: Call) -> Node:
    if any(call.pair("padding")) and call["count_include_pad"]:
        raise call.refuse("must leave padding out of the count (count_include_pad=False)")
    if call.arguments.get("divisor_override") is not None:
        raise call.refuse("with divisor_override is not supported")
    return _pool(AveragePoolNode, call)


def _pad(call: Call) -> Node:
    """Padding by itself, as of TensorFlow's networks, whose two sides can differ."""
    source, around = call.value("self"), list(call["pad"])
    if call.arguments.get("mode", "constant") != "constant" or call["value"] or min(around) < 0:
        raise call.refuse("must be with zeros")
    if len(around) > 2 * (len(source.view) - 1):
        raise call.refuse("must be of height and width, not of channels")
    left, right, top, bottom = (around + [0, 0])[:4]
    return PadNode(name=call.name, inputs=(source.node,), shape=_image_shape(call),
                   padding=(top, left, bottom, right))


def _pool(kind: type, call: Call) -> Node:
    if call["ceil_mode"]:
        raise call.refuse("with ceil_mode is not supported")
    kernel = call.pair("kernel_size")
    return kind(name=call.name, inputs=(call.value("self").node,), shape=_image_shape(call),
                kernel=kernel, stride=call.pair("stride", kernel),
                padding=call.pair("padding") * 2)


def _adaptive_average_pool(call: Call) -> Node:
    if math.prod(call["output_size"]) != 1:
        raise call.refuse(f"must have output size 1, not {tuple(call['output_size'])}")
    return _whole_image(call, call.value("self"))


def _mean(call: Call) -> Node:
    source = call.value("self")
    rank = len(source.view) + 1
    over = call["dim"] if call.arguments.get("dim") else range(rank)
    dimensions = sorted(dimension % rank for dimension in over)
    if rank < 3 or dimensions != list(range(2, rank)):
        raise call.refuse(f"must be over height and width, not over dimensions {dimensions}")
    return _whole_image(call, source)


def _whole_image(call: Call, source: Value) -> Node:
    size = source.shape[1:]
    return AveragePoolNode(name=call.name, inputs=(source.node,), shape=(source.shape[0], 1, 1),
                           kernel=size, stride=size)


OPERATIONS: dict[str, Callable[[Call], Node]] = {
    "conv1d": _convolution, "conv2d": _convolution, "linear": _linear, "batch_norm": _batch_norm,
    "relu": _clamp(0.0, None), "relu6": _clamp(0.0, 6.0), "hardtanh": _clamp(None, None),
    "clamp": _clamp(None, None), "clamp_min": _clamp(None, None), "clamp_max": _clamp(None, None),
    **{name: _function for name in FUNCTIONS if name != "sign"},  # torch's is 0 for 0
    "add": _add, "cat": _concat, "concat": _concat, "concatenate": _concat,
    "max_pool1d": _max_pool, "max_pool2d": _max_pool,
    "avg_pool1d": _average_pool, "avg_pool2d": _average_pool,
    "adaptive_avg_pool1d": _adaptive_average_pool, "adaptive_avg_pool2d": _adaptive_average_pool,
    "mean": _mean, "pad": _pad, "constant_pad_nd": _pad,
}
VIEWS = frozenset({"flatten", "view", "reshape", "squeeze", "unsqueeze", "contiguous", "dropout",
                   "feature_dropout", "alias", "clone"})
"""Operations that keep all elements in their order."""
