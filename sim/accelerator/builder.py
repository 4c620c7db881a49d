"""Networks of random numbers, layer by layer."""

import numpy as np
import torch

from sparrow.golden.network import (
    Add,
    AveragePool,
    Concat,
    Conv,
    Layer,
    Linear,
    MaxPool,
    Network,
    Numbers,
    TensorType,
)

__all__ = ["Builder"]


class Builder:
    """Adds layers with random numbers to a network.

    Methods that add a layer return its name. Whatever else a layer can be given, such as ``name``,
    goes into it as it is.

    Parameters
    ----------
    shape : (int, int, int)
        Of the input.
    seed : int
    bits : 8 or 4
        Of the input's elements.
    zero_point : int, optional
        Of the input, else random.
    prefix : str, optional
        What layers are called, with a number behind; else after their kind.
    numbers
        What is to be different from the defaults of ``Numbers``. Mantissas have 16 bits, or as many
        as these have if that is less.
    """

    def __init__(self, shape: tuple[int, int, int], *, seed: int = 0, bits: int = 8,
                 zero_point: int | None = None, prefix: str = "", **numbers):
        self.random = np.random.default_rng(seed)
        self.numbers = Numbers(**numbers)
        self._prefix = prefix
        self._dropped = max(0, 16 - self.numbers.mantissa_width)  # lowest bits of mantissas
        if zero_point is None:
            zero_point = self.integer(-8, 7) if bits == 4 else self.integer(-20, 20)
        self.input = TensorType(shape=shape, scale=0.5, zero_point=zero_point, bits=bits)
        self.types = {"input": self.input}
        self.layers: list[Layer] = []

    def integer(self, low: int, high: int) -> int:
        """A random integer from ``low`` to ``high``, both included."""
        return int(self.random.integers(low, high + 1))

    def tensor(self, low, high, *shape, dtype=np.int64) -> torch.Tensor:
        """Random integers from ``low`` to ``high``, both included."""
        return torch.from_numpy(self.random.integers(low, high + 1, shape).astype(dtype))

    def _append(self, kind, inputs, shape, *, name=None, type_=None, bits=8, **fields):
        name = name or f"{self._prefix or kind.__name__.lower()}{len(self.layers)}"
        output = TensorType(shape=shape, scale=0.25 * (len(self.layers) + 2), bits=bits,
                            zero_point=self.integer(-8, 7) if bits == 4 else self.integer(-30, 30))
        if type_ is not None:
            output = TensorType(shape=shape, scale=type_.scale, zero_point=type_.zero_point,
                                bits=type_.bits)
        self.layers.append(kind(name=name, inputs=inputs, output=output, **fields))
        self.types[name] = output
        return name

    def _weighted(self, channels, shape, weight_bits, bits, limits):
        lowest, highest = _limits(weight_bits)
        weight = self.tensor(lowest, highest, channels, *shape, dtype=np.int8)
        terms = weight[0].numel()
        low, high = limits or _limits(bits)
        bias = self.tensor(-2000, 2000, channels)
        mantissa = self.tensor(1 << 14, (1 << 15) - 1, channels) >> self._dropped
        # most results are in range
        shift = 14 - self._dropped + int(np.log2(40 * terms ** 0.5 + 1))
        return {"weight": weight, "weight_bits": weight_bits, "minimum": low, "maximum": high,
                "bias": bias, "mantissa": mantissa, "shift": shift + self.tensor(0, 1, channels)}

    def conv(self, source, channels, kernel=(3, 3), *, stride=(1, 1), padding=(0, 0, 0, 0),
             dilation=(1, 1), groups=1, weight_bits=8, bits=8, limits=None, **more):
        """A convolution, whose results have ``bits`` bits and are clamped to ``limits``."""
        inputs = self.types[source].shape[0]
        return self._append(
            Conv, (source,), (channels, *self._windows(source, kernel, stride, padding, dilation)),
            bits=bits, stride=stride, padding=padding, dilation=dilation, groups=groups,
            **self._weighted(channels, (inputs // groups, *kernel), weight_bits, bits, limits),
            **more)

    def linear(self, source, features, *, weight_bits=8, bits=8, limits=None, **more):
        """A linear layer."""
        return self._append(
            Linear, (source,), (features, 1, 1), bits=bits,
            **self._weighted(features, (self.types[source].size,), weight_bits, bits, limits),
            **more)

    def max_pool(self, source, kernel=(2, 2), **more):
        """Max pooling, by default with windows side by side."""
        return self._pool(MaxPool, source, kernel, **more)

    def average_pool(self, source, kernel=(2, 2), **more):
        """Average pooling, by default with windows side by side."""
        return self._pool(AveragePool, source, kernel, **more)

    def _pool(self, kind, source, kernel, *, stride=None, padding=(0, 0, 0, 0), **more):
        stride = stride or kernel
        shape = (self.types[source].shape[0], *self._windows(source, kernel, stride, padding))
        return self._append(kind, (source,), shape, type_=self.types[source], kernel=kernel,
                            stride=stride, padding=padding, **more)

    def _windows(self, source, kernel, stride, padding, dilation=(1, 1)):
        """Height and width of what windows give."""
        return tuple((size + padding[axis] + padding[axis + 2]
                      - dilation[axis] * (kernel[axis] - 1) - 1) // stride[axis] + 1
                     for axis, size in enumerate(self.types[source].shape[1:]))

    def residual_add(self, first, second, *, larger=0, **more):
        """A sum as quantization makes it: twice the scale of the ``larger`` operand is the unit."""
        mantissas = [1 << 14, self.integer(1, 1 << 14)]
        return self.add(first, second, shift=15, mantissas=(
            *(mantissas[::-1] if larger else mantissas), self.integer(1 << 15, (1 << 16) - 1)),
            **more)

    def add(self, first, second, *, shift=16, mantissas=None, **more):
        """A sum, where not told otherwise of operands with one ``shift``."""
        mantissas = mantissas or (self.integer(1000, 32639), self.integer(1000, 32639),
                                  self.integer(1 << 14, 1 << 15))
        shifts = more.pop("shifts", (shift, shift, 20 - shift + 30))
        return self._append(Add, (first, second), self.types[first].shape,
                            mantissas=tuple(value >> self._dropped for value in mantissas),
                            shifts=tuple(value - self._dropped for value in shifts),
                            minimum=more.pop("minimum", -128), maximum=127, **more)

    def concat(self, *sources, type_=None, **more):
        """A concatenation with the scale and zero point of ``type_``, by name, or its own."""
        kind = self.types[type_] if type_ else None
        scales = [(1, 0) if kind and self.types[name].same_numbers(kind)
                  else (self.integer(1 << 14, 1 << 15) >> self._dropped, 15 - self._dropped)
                  for name in sources]
        shapes = [self.types[name].shape for name in sources]
        return self._append(Concat, sources, (sum(shape[0] for shape in shapes), *shapes[0][1:]),
                            type_=kind, mantissas=tuple(scale[0] for scale in scales),
                            shifts=tuple(scale[1] for scale in scales), **more)

    def network(self, output: str | None = None, *, name: str = "net") -> Network:
        """The network, whose output is that of the last layer or of the one named."""
        return Network(name=name, input=self.input, layers=tuple(self.layers),
                       output=output or self.layers[-1].name, numbers=self.numbers)

    def image(self) -> torch.Tensor:
        """A batch of one random image."""
        return self.tensor(self.input.minimum, self.input.maximum, 1, *self.input.shape,
                           dtype=np.int8)


def _limits(bits):
    return -(1 << (bits - 1)), (1 << (bits - 1)) - 1
