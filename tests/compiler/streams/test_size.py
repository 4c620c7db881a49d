"""Sizes of networks as they are stored."""

import dataclasses

import pytest
import torch

from sparrow.compiler.streams import StreamTarget, layer_streams, network_size
from sparrow.golden.codec import decode, read_header
from sparrow.golden.network import (
    Conv,
    Layer,
    Linear,
    MaxPool,
    Network,
    Numbers,
    Table,
    TensorType,
)
from sparrow.sim.accelerator.samples import sample


def kind(*shape):
    return TensorType(shape=shape, scale=1.0, zero_point=0)


def weights(shape, density, generator, spread):
    """Random positions; 15 values that aren't 0, the larger the rarer."""
    values = torch.tensor([value for value in range(-8, 8) if value], dtype=torch.int8)
    chosen = torch.multinomial(torch.exp(-values.abs() / spread), torch.Size(shape).numel(),
                               replacement=True, generator=generator)
    kept = torch.rand(shape, generator=generator) < density
    return values[chosen].reshape(shape) * kept


def weighted(kind_, name, source, shape, density, generator, output, spread, **fields):
    """A layer with biases of 16 bits and one scale."""
    channels = shape[0]
    return kind_(name=name, inputs=(source,), output=output, minimum=-128, maximum=127,
                 weight=weights(shape, density, generator, spread),
                 bias=torch.randint(-2000, 2000, (channels,), generator=generator),
                 mantissa=torch.full((channels,), 40000), shift=torch.full((channels,), 20),
                 **fields)


def lenet5(densities, spread=3.0):
    """Caffe's LeNet-5, 430 500 weights."""
    generator = torch.Generator().manual_seed(0)
    conv1, conv2, fc1, fc2 = densities
    layers: list[Layer] = [
        weighted(Conv, "conv1", "input", (20, 1, 5, 5), conv1, generator, kind(20, 24, 24),
                 spread),
        MaxPool(name="pool1", inputs=("conv1",), output=kind(20, 12, 12), kernel=(2, 2),
                stride=(2, 2)),
        weighted(Conv, "conv2", "pool1", (50, 20, 5, 5), conv2, generator, kind(50, 8, 8),
                 spread),
        MaxPool(name="pool2", inputs=("conv2",), output=kind(50, 4, 4), kernel=(2, 2),
                stride=(2, 2)),
        weighted(Linear, "fc1", "pool2", (500, 800), fc1, generator, kind(500, 1, 1),
                 spread),
        weighted(Linear, "fc2", "fc1", (10, 500), fc2, generator, kind(10, 1, 1),
                 spread)]
    return Network(name="lenet5", input=kind(1, 28, 28), layers=tuple(layers), output="fc2")


def lenet300(densities, spread=3.0):
    generator = torch.Generator().manual_seed(0)
    layers, source, sizes = [], "input", (784, 300, 100, 10)
    for number, density in enumerate(densities):
        name = f"fc{number + 1}"
        layers.append(weighted(Linear, name, source, (sizes[number + 1], sizes[number]), density,
                               generator, kind(sizes[number + 1], 1, 1), spread))
        source = name
    return Network(name="lenet300", input=kind(1, 28, 28), layers=tuple(layers), output="fc3")


@pytest.mark.parametrize("network, biases, most", [
    (lenet5([0.0155] * 4), 1160, 11_495),
    (lenet5([0.25, 0.05, 0.0128, 0.1]), 1160, 11_495),
    (lenet300([0.025] * 3), 820, 10_664),
    (lenet300([0.022, 0.045, 0.25]), 820, 10_664),
])
def test_small_networks(network, biases, most):
    """150 and 100 times smaller than float32, at densities that pruning is known to reach."""
    found = network_size(network)
    assert found.after <= most
    assert sum(layer.parts["biases"] for layer in found.layers) == biases
    for layer in found.layers:
        overhead = layer.after - layer.parts["weights"] - layer.parts["biases"]
        assert overhead < 220


def test_everything_is_counted():
    network = lenet5([0.2, 0.1, 0.02, 0.1])
    found = network_size(network)
    assert [layer.name for layer in found.layers] == ["conv1", "conv2", "fc1", "fc2"]
    assert found.before == 4 * 431_080
    assert found.after == sum(layer.after for layer in found.layers)
    assert found.ratio == found.before / found.after
    for layer in found.layers:
        assert sum(layer.parts.values()) == layer.after
        assert layer.after == min(layer.codecs.values()) + 3 == layer.codecs[layer.codec] + 3
        own = network.layer(layer.name)
        assert layer.shape == tuple(own.weight.shape)
        assert layer.kept == own.weight.count_nonzero() / own.weight.numel()
        assert layer.before == 4 * (own.weight.numel() + own.channels)
        assert layer.ratio == layer.before / layer.after


@pytest.mark.parametrize("name", ["conv", "conv_int4", "depthwise", "mixed"])
def test_streams_are_the_layers(name):
    network = sample(name)
    for layer in network:
        if isinstance(layer, Conv | Linear):
            for stream in layer_streams(layer, network,
                                        StreamTarget(lanes=4, columns=4)).values():
                assert torch.equal(decode(stream).reshape(layer.weight.shape), layer.weight)


def changed(network, name, **changes):
    return network.replace(layers=tuple(
        dataclasses.replace(layer, **changes) if layer.name == name else layer
        for layer in network))


def test_scales_and_biases_take_what_they_need():
    network = lenet300([0.1, 0.1, 0.1])
    [before, *_] = network_size(network).layers
    assert (before.parts["scales"], before.parts["biases"]) == (4, 600)
    shift = torch.arange(300) % 30
    [each, *_] = network_size(changed(network, "fc1", shift=shift)).layers
    assert (each.parts["scales"], each.parts["biases"]) == (1200, 600)
    bias = torch.full((300,), 2**15)
    [wide, *_] = network_size(changed(network, "fc1", bias=bias)).layers
    assert (wide.parts["scales"], wide.parts["biases"]) == (4, 1200)


def test_long_mantissas():
    network = lenet300([0.1, 0.1, 0.1])
    network = dataclasses.replace(network, numbers=Numbers(mantissa_width=31))
    mantissa = torch.full((300,), 2**24)
    [found, *_] = network_size(changed(network, "fc1", mantissa=mantissa)).layers
    assert (found.parts["scales"], found.parts["biases"]) == (8, 600)
    mantissa[7] = 1
    [found, *_] = network_size(changed(network, "fc1", mantissa=mantissa)).layers
    assert (found.parts["scales"], found.parts["biases"]) == (1800, 600)


def test_bits_are_those_that_are_stored():
    network = lenet300([0.1, 0.1, 0.1])
    assert network_size(network).layers[0].bits == 4
    every = torch.randint(-128, 128, (300, 784), dtype=torch.int8,
                          generator=torch.Generator().manual_seed(1))
    found = network_size(changed(network, "fc1", weight=every)).layers[0]
    assert (found.bits, found.codec) == (8, "dense")
    assert found.parts["tables"] == 0


def test_layers_without_weights():
    table = Table(name="table", inputs=("input",), entries=torch.zeros(256, dtype=torch.int8),
                  output=kind(3, 2, 2))
    networks = [sample("add"), sample("concat"), Network(
        name="table", input=kind(3, 2, 2), layers=(table,), output="table")]
    found = [layer for network in networks for layer in network_size(network).layers
             if not layer.weights]
    assert {layer.kind: layer.after for layer in found} == {
        "Add": 3 * 3 + 3, "Concat": 2 * 3 + 3, "Table": 256}
    assert network_size(networks[-1]).ratio is None
    for layer in found:
        assert (layer.ratio, layer.kept, layer.bits, layer.codec) == (None, None, None, None)


@pytest.mark.parametrize("changes, text", [
    ({"lanes": 0}, "lanes must be a power of two from 4 to 64, not 0"),
    ({"columns": 65}, "columns must be an integer from 1 to 64, not 65"),
])
def test_arrays_that_cannot_be(changes, text):
    with pytest.raises(ValueError, match=text):
        network_size(sample("conv"), **changes)


def test_thirty_two_values_and_no_zero():
    """Dense blocks are filled with 0, which is a value more than a table holds; others aren't."""
    weight = torch.arange(1, 33, dtype=torch.int8).repeat(20).view(10, 64)
    kind = TensorType(shape=(64, 1, 1), scale=1.0, zero_point=0)
    zeros = torch.zeros(10, dtype=torch.int64)
    layer = Linear(name="fc", inputs=("input",), output=TensorType(
        shape=(10, 1, 1), scale=1.0, zero_point=0), weight=weight, bias=zeros, mantissa=zeros + 1,
        shift=zeros, minimum=-128, maximum=127)
    network = Network(name="net", input=kind, layers=(layer,), output="fc")
    streams = layer_streams(layer, network, StreamTarget())
    tables = {codec: read_header(stream.data, lanes=16).values.entries
              for codec, stream in streams.items()}
    assert tables.pop("dense") is None
    assert set(map(len, tables.values())) == {32}
    for stream in streams.values():
        assert torch.equal(decode(stream).reshape(10, 64), weight)
    assert network_size(network).layers[0].bits == 5
