"""Small networks of random numbers, one for each kind of layer, to run on an accelerator."""

from collections.abc import Callable

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
    Rounding,
    TensorType,
)

__all__ = ["INT4_SAMPLES", "LARGE_SAMPLES", "SAMPLES", "sample", "sample_images"]


class _Builder:
    """Adds layers with random numbers to a network."""

    def __init__(self, shape: tuple[int, int, int], seed: int, rounding: Rounding):
        self._generator = torch.Generator().manual_seed(seed)
        self._numbers = Numbers(rounding=rounding)
        self._types = {"input": TensorType(shape=shape, scale=0.5,
                                           zero_point=self._integer(-20, 20))}
        self._layers: list[Layer] = []

    def _tensor(self, low, high, *shape, dtype=torch.int64):
        return torch.randint(low, high + 1, shape, generator=self._generator).to(dtype)

    def _integer(self, low, high):
        return int(self._tensor(low, high, 1))

    def _append(self, kind, inputs, shape, like=None, **fields):
        name = f"{kind.__name__.lower()}{len(self._layers)}"
        output = TensorType(shape=shape, scale=0.25 * (len(self._layers) + 1),
                            zero_point=self._integer(-30, 30))
        if like is not None:
            output = TensorType(shape=shape, scale=like.scale, zero_point=like.zero_point)
        self._layers.append(kind(name=name, inputs=inputs, output=output, **fields))
        self._types[name] = output
        return name

    def _weighted(self, channels, shape, bits):
        highest = 2**(bits - 1) - 1
        weight = self._tensor(-highest - 1, highest, channels, *shape, dtype=torch.int8)
        terms = weight[0].numel()
        shift = 13 + bits + terms.bit_length() // 2  # most results are in range
        return {"weight": weight, "weight_bits": bits, "minimum": -128, "maximum": 127,
                "bias": self._tensor(-2000, 2000, channels),
                "mantissa": self._tensor(1 << 14, (1 << 15) - 1, channels),
                "shift": shift + self._tensor(0, 1, channels)}

    def conv(self, source, channels, kernel=(3, 3), *, stride=(1, 1), padding=(0, 0, 0, 0),
             dilation=(1, 1), groups=1, bits=8):
        inputs, *size = self._types[source].shape
        shape = [(size[axis] + padding[axis] + padding[axis + 2]
                  - dilation[axis] * (kernel[axis] - 1) - 1) // stride[axis] + 1
                 for axis in range(2)]
        return self._append(
            Conv, (source,), (channels, *shape), stride=stride, padding=padding,
            dilation=dilation, groups=groups,
            **self._weighted(channels, (inputs // groups, *kernel), bits))

    def linear(self, source, features, *, bits=8):
        return self._append(Linear, (source,), (features, 1, 1),
                            **self._weighted(features, (self._types[source].size,), bits))

    def pool(self, kind, source, kernel, stride, padding=(0, 0, 0, 0)):
        channels, *size = self._types[source].shape
        shape = [(size[axis] + padding[axis] + padding[axis + 2] - kernel[axis]) // stride[axis]
                 + 1 for axis in range(2)]
        return self._append(kind, (source,), (channels, *shape), self._types[source],
                            kernel=kernel, stride=stride, padding=padding)

    def add(self, first, second):
        mantissas = (self._integer(1000, 32000), self._integer(1000, 32000),
                     self._integer(1 << 14, 1 << 15))
        return self._append(Add, (first, second), self._types[first].shape, mantissas=mantissas,
                            shifts=(16, 16, 34), minimum=-128, maximum=127)

    def concat(self, *sources, like=None):
        kind = self._types[like] if like else None
        scales = [(1, 0) if kind and self._types[name].same_numbers(kind)
                  else (self._integer(1 << 14, 1 << 15), 15) for name in sources]
        shapes = [self._types[name].shape for name in sources]
        return self._append(Concat, sources, (sum(s[0] for s in shapes), *shapes[0][1:]), kind,
                            mantissas=tuple(scale[0] for scale in scales),
                            shifts=tuple(scale[1] for scale in scales))

    def network(self, name):
        return Network(name=name, input=self._types["input"], layers=tuple(self._layers),
                       output=self._layers[-1].name, numbers=self._numbers)


Sample = tuple[tuple[int, int, int], Callable[[_Builder], str]]
SAMPLES: dict[str, Sample] = {
    "pixel": ((3, 1, 1), lambda b: b.conv("input", 2, (1, 1))),
    "conv": ((5, 7, 6), lambda b: b.conv("input", 6, padding=(1, 1, 1, 1))),
    "strided": ((3, 9, 8), lambda b: b.conv("input", 5, (3, 2), stride=(2, 3),
                                            padding=(0, 1, 1, 0))),
    "dilated": ((4, 9, 9), lambda b: b.conv("input", 3, dilation=(2, 3))),
    "grouped": ((8, 5, 5), lambda b: b.conv("input", 8, groups=2, padding=(1, 1, 1, 1))),
    "depthwise": ((6, 6, 5), lambda b: b.conv("input", 6, groups=6, padding=(1, 1, 1, 1))),
    "window": ((6, 6, 7), lambda b: b.conv("input", 6, (2, 2), groups=6, padding=(1, 1, 0, 0))),
    "window_down": ((5, 8, 3), lambda b: b.conv("input", 5, (2, 2), groups=5, stride=(1, 2),
                                                padding=(1, 1, 0, 0))),
    "window_row": ((4, 3, 9), lambda b: b.conv("input", 4, (1, 4), groups=4, stride=(2, 2),
                                               padding=(0, 3, 0, 1))),
    "window_column": ((9, 9, 5), lambda b: b.conv("input", 9, (4, 1), groups=9, dilation=(2, 3),
                                                  padding=(2, 0, 2, 0))),
    "window_gaps": ((5, 5, 9), lambda b: b.conv("input", 5, (1, 2), groups=5, dilation=(1, 3),
                                                padding=(0, 2, 0, 0))),
    "linear": ((3, 3, 4), lambda b: b.linear("input", 10)),
    "max_pool": ((6, 7, 6), lambda b: b.pool(MaxPool, "input", (3, 2), (2, 2), (1, 0, 1, 0))),
    "average_pool": ((5, 6, 6), lambda b: b.pool(AveragePool, "input", (3, 3), (2, 2),
                                                 (1, 1, 0, 0))),
    "add": ((5, 4, 5), lambda b: b.add("input", b.conv("input", 5, (1, 1)))),
    "concat": ((3, 4, 4), lambda b: b.concat("input", b.conv("input", 6, (1, 1)), like="input")),
    "tower": ((3, 8, 8), lambda b: _tower(b, 8)),
}
INT4_SAMPLES: dict[str, Sample] = {
    "conv_int4": ((9, 6, 5), lambda b: b.conv("input", 6, padding=(1, 1, 1, 1), bits=4)),
    "window_int4": ((6, 6, 7), lambda b: b.conv("input", 6, (2, 2), groups=6, bits=4)),
    "linear_int4": ((13, 2, 2), lambda b: b.linear("input", 9, bits=4)),
    "mixed": ((3, 8, 8), lambda b: _tower(b, 4)),
}
# too large for small accelerators
LARGE_SAMPLES: dict[str, Sample] = {
    "depthwise_large": ((64, 25, 5), lambda b: b.conv(
        b.conv("input", 64, groups=64, padding=(1, 1, 1, 1)), 64, groups=64, stride=(2, 2),
        padding=(1, 1, 1, 1))),
}


def _tower(b: _Builder, bits: int) -> str:
    first = b.conv("input", 8, padding=(1, 1, 1, 1))
    pooled = b.pool(MaxPool, first, (2, 2), (2, 2))
    inner = b.conv(pooled, 8, padding=(1, 1, 1, 1), bits=bits)
    added = b.add(pooled, b.conv(inner, 8, (1, 1)))
    average = b.pool(AveragePool, b.concat(added, b.conv(added, 4, (1, 1), bits=bits)),
                     (4, 4), (4, 4))
    return b.linear(average, 10)


def sample(name: str, *, seed: int = 0, rounding: Rounding = Rounding.HALF_UP) -> Network:
    """A network of ``SAMPLES``, ``INT4_SAMPLES`` or ``LARGE_SAMPLES``."""
    shape, make = (SAMPLES | INT4_SAMPLES | LARGE_SAMPLES)[name]
    builder = _Builder(shape, seed, rounding)
    make(builder)
    return builder.network(name)


def sample_images(network: Network, count: int, *, seed: int = 0) -> torch.Tensor:
    """Random images for a network, the first two of them all smallest and all largest."""
    kind = network.input
    images = torch.randint(kind.minimum, kind.maximum + 1, (count, *kind.shape),
                           generator=torch.Generator().manual_seed(seed)).to(torch.int8)
    for image, value in zip(images, (kind.minimum, kind.maximum)[:max(0, count - 1)]):
        image.fill_(value)
    return images
