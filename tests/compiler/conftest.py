"""Random networks, and the comparison of what a program gives with what the network is."""

import types

import numpy as np
import pytest
import torch

from sparrow.compiler import compile_network
from sparrow.golden.accelerator import Machine
from sparrow.golden.network import (
    Add,
    AveragePool,
    Concat,
    Conv,
    Linear,
    MaxPool,
    Network,
    Numbers,
    TensorType,
    execute,
)
from sparrow.hw.spec.accelerator import AcceleratorSpec


def small_spec(lanes=4, **changes):
    """A small accelerator; buffers of 1024 rows unless told otherwise."""
    values = {"lanes": lanes, "columns": lanes, "data_width": 32, "post_lanes": min(lanes, 4),
              "buffer_bytes": 1024 * lanes, "accumulator_depth": 256, "weight_fifo_bytes": 1024,
              "max_burst": 16}
    return AcceleratorSpec(**values | changes)


class Builder:
    """Adds layers with random numbers to a network."""

    def __init__(self, shape, *, seed=0, bits=8, zero_point=None, **numbers):
        self.random = np.random.default_rng(seed)
        self.numbers = Numbers(**numbers)
        if zero_point is None:
            zero_point = self.integer(-8, 7) if bits == 4 else self.integer(-20, 20)
        self.input = TensorType(shape=shape, scale=0.5, zero_point=zero_point, bits=bits)
        self.types = {"input": self.input}
        self.layers = []

    def integer(self, low, high):
        return int(self.random.integers(low, high + 1))

    def tensor(self, low, high, *shape, dtype=np.int64):
        return torch.from_numpy(self.random.integers(low, high + 1, shape).astype(dtype))

    def _add(self, kind, inputs, shape, *, name=None, type_=None, bits=8, **fields):
        name = name or f"layer{len(self.layers)}"
        output = TensorType(shape=shape, scale=0.25 * (len(self.layers) + 2), bits=bits,
                            zero_point=self.integer(-8, 7) if bits == 4 else self.integer(-30, 30))
        if type_ is not None:
            output = TensorType(shape=shape, scale=type_.scale, zero_point=type_.zero_point,
                                bits=type_.bits)
        self.layers.append(kind(name=name, inputs=inputs, output=output, **fields))
        self.types[name] = output
        return name

    def _scale(self, channels, terms):
        """Mantissas and shifts that bring most sums into range."""
        mantissa = self.tensor(1 << 14, (1 << 15) - 1, channels)
        shift = 14 + int(np.log2(40 * max(terms, 1) ** 0.5 + 1)) + self.tensor(0, 1, channels)
        return {"mantissa": mantissa, "shift": shift}

    def _weighted(self, channels, terms, weight, bits, out_bits, limits):
        low, high = (-8, 7) if out_bits == 4 else (-128, 127)
        low, high = limits or (low, high)
        return {"weight": weight, "weight_bits": bits, "minimum": low, "maximum": high,
                "bias": self.tensor(-2000, 2000, channels), **self._scale(channels, terms)}

    def conv(self, source, channels, kernel=(3, 3), *, stride=(1, 1), padding=(0, 0, 0, 0),
             dilation=(1, 1), groups=1, weight_bits=8, bits=8, limits=None, **more):
        inputs, height, width = self.types[source].shape
        low, high = (-8, 7) if weight_bits == 4 else (-128, 127)
        weight = self.tensor(low, high, channels, inputs // groups, *kernel, dtype=np.int8)
        shape = tuple((size + padding[axis] + padding[axis + 2]
                       - dilation[axis] * (kernel[axis] - 1) - 1) // stride[axis] + 1
                      for axis, size in enumerate((height, width)))
        return self._add(Conv, (source,), (channels, *shape), bits=bits, stride=stride,
                         padding=padding, dilation=dilation, groups=groups,
                         **self._weighted(channels, weight[0].numel(), weight, weight_bits, bits,
                                          limits), **more)

    def linear(self, source, features, *, weight_bits=8, bits=8, limits=None, **more):
        low, high = (-8, 7) if weight_bits == 4 else (-128, 127)
        size = self.types[source].size
        weight = self.tensor(low, high, features, size, dtype=np.int8)
        return self._add(Linear, (source,), (features, 1, 1), bits=bits,
                         **self._weighted(features, size, weight, weight_bits, bits, limits),
                         **more)

    def pool(self, kind, source, kernel, *, stride=None, padding=(0, 0, 0, 0), **more):
        channels, height, width = self.types[source].shape
        stride = stride or kernel
        shape = tuple((size + padding[axis] + padding[axis + 2] - kernel[axis]) // stride[axis] + 1
                      for axis, size in enumerate((height, width)))
        return self._add(kind, (source,), (channels, *shape), type_=self.types[source],
                         kernel=kernel, stride=stride, padding=padding, **more)

    def max_pool(self, source, kernel=(2, 2), **more):
        return self.pool(MaxPool, source, kernel, **more)

    def average_pool(self, source, kernel=(2, 2), **more):
        return self.pool(AveragePool, source, kernel, **more)

    def add(self, first, second, *, shift=16, mantissas=None, **more):
        mantissas = mantissas or (self.integer(1000, 32639), self.integer(1000, 32639),
                                  self.integer(1 << 14, 1 << 15))
        return self._add(Add, (first, second), self.types[first].shape, mantissas=mantissas,
                         shifts=more.pop("shifts", (shift, shift, 20 - shift + 30)),
                         minimum=more.pop("minimum", -128), maximum=127, **more)

    def concat(self, *sources, type_=None, **more):
        """The output has the numbers of ``type_``, by name, or of its own."""
        kind = self.types[type_] if type_ else None
        scales = [(1, 0) if kind and self.types[name].same_numbers(kind)
                  else (self.integer(1 << 14, 1 << 15), 15) for name in sources]
        shapes = [self.types[name].shape for name in sources]
        return self._add(Concat, sources, (sum(shape[0] for shape in shapes), *shapes[0][1:]),
                         type_=kind, mantissas=tuple(scale[0] for scale in scales),
                         shifts=tuple(scale[1] for scale in scales), **more)

    def network(self, output=None):
        return Network(name="net", input=self.input, layers=tuple(self.layers),
                       output=output or self.layers[-1].name, numbers=self.numbers)

    def image(self):
        return self.tensor(self.input.minimum, self.input.maximum, 1, *self.input.shape,
                           dtype=np.int8)


def check(network, spec, image, *, orders=("eager",), keep_all=True, timing=None):
    """Compile, run in some orders, compare all tensors that are kept; gives the program."""
    program = compile_network(network, spec, keep_all=keep_all, timing=timing)
    expected = execute(network, image, trace=True)
    names = list(expected) if keep_all else [network.output]
    for order in orders:
        memory = np.random.default_rng(1).integers(0, 256, program.data_size, np.uint8)
        program.write_input(memory, image)
        run = Machine(spec, order=order).run(program.program_bytes, memory, start=program.start)
        assert not any(run.tokens), "tokens are left over"
        assert run.layers == sum(info.commands > 0 for info in program.layers)
        assert run.vectors == sum(info.vectors for info in program.layers)
        for name in names:
            got = program.read_tensor(memory, name)
            assert torch.equal(got, expected[name][0]), f"{name} differs with order {order!r}"
    return program


@pytest.fixture(scope="session")
def tools():
    """The functions above, for tests."""
    return types.SimpleNamespace(Builder=Builder, check=check, small_spec=small_spec)
