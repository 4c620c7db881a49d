"""Every example: its size is that of the literature, and it goes all the way to commands."""

import math

import pytest
import torch
import torch.nn.functional as F

from sparrow.compiler import compile_network
from sparrow.compress import capture, compare, quantize
from sparrow.compress.data import noise
from sparrow.compress.graph import ConvNode, LinearNode
from sparrow.flow.models import load_weights
from sparrow.hw.spec import AcceleratorSpec

# name: function, parameters, multiplications of the captured graph, classes
EXAMPLES = {
    "digits": ("digits_cnn", 9_818, 101_696, 10),
    "lenet300": ("lenet300", 266_610, 266_200, 10),
    "lenet5": ("lenet5", 61_706, 416_520, 10),
    "lenet5_caffe": ("lenet5_caffe", 431_080, 2_293_000, 10),
    "resnet8": ("resnet8", 77_946, 12_501_632, 10),
    "resnet18": ("resnet18", 11_689_512, 1_814_073_344, 1000),
    "resnet20": ("resnet20", 269_722, 40_813_184, 10),
    "mobilenet": ("mobilenet", 213_586, 7_489_664, 2),
    "dscnn": ("dscnn", 23_180, 2_656_768, 12),
}
SLOW_TO_COMPILE = ("lenet300", "lenet5_caffe", "resnet18", "resnet20", "mobilenet")
WEIGHTS = "models/resnet-cifar10/resnet20-12fca82f.th"


def get(captured, name):
    return captured(name, EXAMPLES[name][0])


@pytest.mark.parametrize("name", EXAMPLES)
def test_size(captured, name):
    """Parameters without statistics; ResNet-20's shortcuts count 262 144 multiplications here."""
    model, graph, _ = get(captured, name)
    _, parameters, macs, classes = EXAMPLES[name]
    assert sum(parameter.numel() for parameter in model.parameters()) == parameters
    weighted = [node for node in graph if isinstance(node, ConvNode | LinearNode)]
    assert sum(math.prod(node.shape) * math.prod(node.weight.shape[1:])
               for node in weighted) == macs
    assert graph.nodes[-1].shape == (classes, 1, 1)


@pytest.mark.parametrize("bits, decibels", [(8, 15), (4, 5)])
@pytest.mark.parametrize("name", EXAMPLES)
def test_integers(captured, name, bits, decibels):
    """The integer network's output is near the model's: rough with 4 bits and no training."""
    _, graph, images = get(captured, name)
    network = quantize(graph, images, bits=bits)
    found = compare(graph, network, images[:1])
    assert found.layers[-1].signal_to_noise > decibels


@pytest.mark.parametrize("bits", [8, pytest.param(4, marks=pytest.mark.heavy)])
@pytest.mark.parametrize("name", [
    pytest.param(name, marks=pytest.mark.heavy) if name in SLOW_TO_COMPILE else name
    for name in EXAMPLES])
def test_commands(captured, name, bits):
    _, graph, images = get(captured, name)
    network = quantize(graph, images, bits=bits)
    program = compile_network(network, AcceleratorSpec())
    assert all(layer.cycles > 0 for layer in program.layers if layer.commands)


def test_other_widths(example):
    """The paper's MobileNet: 4.2 million parameters, 569 million multiplications."""
    model = example("mobilenet").mobilenet_imagenet()
    assert sum(parameter.numel() for parameter in model.parameters()) == 4_231_976


def test_shortcut_without_parameters(example):
    x = torch.randn(2, 16, 8, 8, generator=torch.Generator().manual_seed(0))
    found = example("resnet20").Shortcut(16, 32)(x)
    assert torch.equal(found, F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 8, 8)))


def test_real_weights(example, data_file):
    """ResNet-20 takes its trained weights, and keeps its classes as an integer network."""
    module = example("resnet20")
    model = module.resnet20().eval()
    load_weights(model, data_file(WEIGHTS))
    images = noise(module.SHAPE, train=16, test=1).train_images
    graph = capture(model, module.SHAPE)
    network = quantize(graph, images)
    with torch.inference_mode():
        labels = model(images).argmax(1)
    found = compare(graph, network, images, labels)
    assert (found.float_accuracy, found.accuracy) == (1, 1)
    assert found.layers[-1].signal_to_noise > 25
