"""Post-training quantization: integer networks near their float graphs."""

import dataclasses

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from sparrow.compress import Method, QuantizeError, accuracy, capture, compare, quantize
from sparrow.compress.data import digits
from sparrow.compress.draft import Draft, WeightFormat
from sparrow.compress.train import initialized, train
from sparrow.golden.network import (
    Add,
    Concat,
    Conv,
    NetworkError,
    Numbers,
    Table,
    execute,
    load,
    save,
)

ALL_NUMBERS = [Numbers(), Numbers(rounding="half_even"), Numbers(shift_width=5),
               Numbers(rounding="tflite", mantissa_width=31, shift_width=5)]


class Mixed(nn.Module):
    """Branches of different ranges, every kind of layer."""

    def __init__(self):
        super().__init__()
        self.a = nn.Conv2d(2, 4, 3, padding=1)
        self.b = nn.Conv2d(4, 4, 3, padding=1, groups=4)
        self.c = nn.Conv2d(2, 4, (1, 3), padding=(0, 1))
        self.fc = nn.Linear(12 * 16, 5)

    def forward(self, x):
        a = F.relu6(self.a(x))
        b = torch.sigmoid(self.b(a))
        c = F.max_pool2d(self.c(x), 3, 1, 1)
        y = torch.cat([a + c, b, F.hardswish(c)], 1)
        return self.fc(F.avg_pool2d(y, 2).flatten(1))


@pytest.fixture(scope="module")
def mixed():
    model = initialized(Mixed).eval()
    images = torch.randn(40, 2, 8, 8, generator=torch.Generator().manual_seed(1))
    return capture(model, (2, 8, 8)), images


@pytest.fixture(scope="module")
def trained(example):
    """The example model of the digits, its data, its accuracy."""
    module, data = example("digits"), digits()
    model = initialized(module.digits_cnn)
    found = train(model, data)
    return capture(model, module.SHAPE), data, found


@pytest.mark.parametrize("numbers", ALL_NUMBERS)
def test_near_the_float_graph(mixed, numbers):
    graph, images = mixed
    network = quantize(graph, images, numbers=numbers)
    comparison = compare(graph, network, images)
    steps = {layer.name: layer.output.scale for layer in network}
    for layer in comparison.layers:
        assert layer.largest_difference < 6 * steps[layer.name]
        assert layer.signal_to_noise > 28
    assert comparison.largest_difference == comparison.layers[-1].largest_difference
    assert (comparison.images, comparison.accuracy) == (40, None)
    assert [layer.name for layer in network] == [node.name for node in graph]


def test_activations_are_limits(mixed):
    graph, images = mixed
    layer = quantize(graph, 100 * images).layer("a")
    assert isinstance(layer, Conv) and layer.minimum == layer.output.zero_point == -128
    assert layer.maximum == 127 and layer.output.scale == pytest.approx(6 / 255)
    layer = quantize(graph, images / 100).layer("a")
    assert layer.maximum == 127 and layer.output.scale < 2 / 255
    assert isinstance(quantize(graph, images).layer("sigmoid"), Table)


def test_sums_scale_their_inputs_without_rounding(mixed):
    graph, images = mixed
    network = quantize(graph, images)
    [layer] = [layer for layer in network if isinstance(layer, Add)]
    scales = [kind.scale for kind in network.input_types(layer)]
    assert layer.shifts[:2] == (15, 15) and max(layer.mantissas[:2]) == 2**14
    assert layer.mantissas[:2] == tuple(round(scale / max(scales) * 2**14) for scale in scales)
    unit = 2 * max(scales) / 2**20
    assert layer.mantissas[2] * 2.0**-layer.shifts[2] * layer.output.scale == pytest.approx(
        unit, rel=2**-16)


def concatenated(second):
    """A network that concatenates two convolutions, the second's weights scaled."""
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Conv2d(1, 2, 1), nn.Conv2d(1, 2, 1)
            self.b.weight.data = self.a.weight.data * second
            self.b.bias.data = self.a.bias.data * second

        def forward(self, x):
            return F.max_pool2d(torch.cat([self.a(x), F.max_pool2d(self.b(x), 3, 1, 1)], 1), 2)

    images = torch.linspace(-1, 1, 640).view(10, 1, 8, 8)
    graph = capture(initialized(Model).eval(), (1, 8, 8))
    return graph, quantize(graph, images), images


@pytest.mark.parametrize("factor, same", [(1.5, True), (1.9, True), (2.2, False), (50.0, False)])
def test_concatenation_shares_a_scale_where_that_is_cheap(factor, same):
    graph, network, images = concatenated(factor)
    [layer] = [layer for layer in network if isinstance(layer, Concat)]
    first, second = network.input_types(layer)
    assert first.same_numbers(layer.output) == same
    assert (layer.mantissas[0] == 1 and layer.shifts[0] == 0) == same
    assert network.layer("b").output.same_numbers(second)
    assert compare(graph, network, images).largest_difference < 2 * layer.output.scale


def test_concatenation_holds_the_ranges_of_its_inputs():
    """Also where the calibration of its own values says less."""
    graph, _, images = concatenated(50.0)
    network = quantize(graph, images, method=Method.PERCENTILE, percentile=75)
    [layer] = [layer for layer in network if isinstance(layer, Concat)]
    assert layer.output.scale >= max(kind.scale for kind in network.input_types(layer))


def test_limits_within_a_shared_range():
    """ReLU6 beside values up to 8: a limit below the type's largest."""
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Conv2d(1, 1, 1), nn.Conv2d(1, 1, 1)
            for layer in (self.a, self.b):
                layer.weight.data[:], layer.bias.data[:] = 8.0, 0.0

        def forward(self, x):
            return torch.cat([F.relu6(self.a(x)), F.relu(self.b(x))], 1)

    images = torch.linspace(0, 1, 640).view(10, 1, 8, 8)
    graph = capture(Model().eval(), (1, 8, 8))
    network = quantize(graph, images)
    first, second = network.layer("a"), network.layer("b")
    assert first.output == second.output and first.output.scale == pytest.approx(8 / 255)
    assert (first.minimum, first.maximum, second.maximum) == (-128, -128 + 191, 127)
    assert compare(graph, network, images).largest_difference < first.output.scale


@pytest.mark.parametrize("weights, biases", [
    ((0.0, 1e-30, 1.0), (0.5, -0.7, 0.1)), ((0.0, 0.0, 1.0), (0.0, 0.5, 0.1)),
    ((0.0, 1e-30, 1.0), (5.0, 0.0, 0.1))])
def test_channels_without_weights(weights, biases):
    """Channels of zeros, and of weights far below their bias."""
    model = nn.Sequential(nn.Conv2d(1, 3, 1)).eval()
    model[0].weight.data[:] = torch.tensor(weights).view(3, 1, 1, 1)
    model[0].bias.data[:] = torch.tensor(biases)
    graph, images = capture(model, (1, 4, 4)), torch.rand(5, 1, 4, 4)
    network = quantize(graph, images)
    assert compare(graph, network, images).largest_difference < network.type_of("layer0").scale


@pytest.mark.parametrize("method", list(Method))
def test_digits(trained, method):
    """Within one hundredth of the float accuracy with 8 bits, three hundredths with 4."""
    graph, data, found = trained
    assert found >= 0.975
    for bits, distance in ((8, 0.01), (4, 0.03)):
        network = quantize(graph, data.train_images[:256], bits=bits, method=method)
        comparison = compare(graph, network, data.test_images, data.test_labels)
        assert comparison.float_accuracy == pytest.approx(found)
        assert comparison.accuracy >= found - distance
        assert comparison.accuracy == accuracy(network, data.test_images, data.test_labels)


def test_bits_of_single_layers(trained, tmp_path):
    graph, data, found = trained
    network = quantize(graph, data.train_images[:256], layer_bits={"down": 4, "stem.0": 4})
    bits = {layer.name: layer.weight_bits for layer in compare(
        graph, network, data.test_images[:4]).layers if layer.weight_bits}
    assert bits == {"stem.0": 4, "block.conv1": 8, "block.conv2": 8, "down": 4, "head": 8}
    assert accuracy(network, data.test_images, data.test_labels) >= found - 0.03
    loaded = load(save(network, tmp_path / "digits.sparrow"))
    elements = network.input.to_elements(data.test_images)
    assert loaded == network
    assert torch.equal(execute(loaded, elements), execute(network, elements))


def test_refusals(mixed):
    graph, images = mixed
    for arguments, settings, text in [
            ((graph, images), {"bits": 2}, "bits must be 8 or 4, not 2"),
            ((graph, images), {"layer_bits": {"a": 16}}, "layer_bits of 'a' must be 8 or 4, "
             "not 16"),
            ((graph, images), {"layer_bits": {"cat": 4}},
             "layer_bits must name layers with weights, a, b, c, fc, not 'cat'"),
            ((graph, images[:0]), {}, "images must be one or more of shape (2, 8, 8), not of "
             "shape (0, 2, 8, 8)"),
            ((graph, images[:, :, :4]), {}, "images must be one or more of shape (2, 8, 8), not "
             "of shape (40, 2, 4, 8)"),
            ((graph, images / 0), {}, "images must be finite, but one has an infinity or NaN"),
            ((graph, images), {"percentile": 50}, "percentile must be above 50 and at most 100, "
             "not 50"),
            ((graph, images), {"weight_method": Method.PERCENTILE}, "weight_method must be "
             "Method.MINMAX or Method.MSE, not <Method.PERCENTILE: 'percentile'>")]:
        with pytest.raises(QuantizeError) as caught:
            quantize(*arguments, **settings)
        assert str(caught.value) == text
    with pytest.raises(TypeError, match="^method must be a Method, not 'minmax'$"):
        quantize(graph, images, method="minmax")
    with pytest.raises(NetworkError, match="^Layer 'a': sums must stay in the 12 bits"):
        quantize(graph, images, numbers=Numbers(accumulator_width=12))


def test_weights_that_are_not_finite(mixed):
    graph, images = mixed
    broken = [dataclasses.replace(node, weight=node.weight * torch.inf) if node.name == "b"
              else node for node in graph]
    with pytest.raises(QuantizeError, match="^Layer 'b': weights must be finite, but one is not$"):
        quantize(graph.replace(nodes=tuple(broken)), images)


def test_values_that_overflow_name_their_layer():
    model = nn.Sequential(nn.Flatten(), nn.Linear(1, 1, bias=False)).eval()
    with torch.no_grad():
        model[1].weight.fill_(1e30)
    graph = capture(model, (1, 1, 1))
    with pytest.raises(QuantizeError) as caught:
        quantize(graph, torch.full((1, 1, 1, 1), 1e30))
    assert str(caught.value) == ("Layer 'layer1': values must be finite on the calibration images, "
                                 "but one is an infinity or NaN")


def test_one_bit_beside_a_large_bias():
    """Its bias leaves so little of the accumulator that the weights vanish."""
    model = nn.Sequential(nn.Conv2d(1, 2, 1)).eval()
    model[0].weight.data[:] = torch.tensor([1e-12, 1.0]).view(2, 1, 1, 1)
    model[0].bias.data[:] = torch.tensor([-0.5, 0.1])
    graph, images = capture(model, (1, 4, 4)), torch.rand(5, 1, 4, 4)
    form = WeightFormat(bits=1, step=torch.tensor([1e-12, 1.0]).double())
    network = quantize(Draft(graph=graph, formats={"layer0": form}), images)
    assert network.layer("layer0").weight.flatten().tolist() == [0, 1]
    assert compare(graph, network, images).largest_difference < network.type_of("layer0").scale
