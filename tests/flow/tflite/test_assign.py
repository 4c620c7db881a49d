"""Weights of TensorFlow Lite's files in PyTorch models, and what is refused."""

import pytest
import tflite
import torch
import torch.nn.functional as F
from torch import nn

from sparrow.flow.errors import UserError
from sparrow.flow.tflite import load_tflite, read_layers

SHAPE = (3, 7, 6)


class Model(nn.Module):
    """A padded convolution, a depthwise one, a linear layer; parts may be others."""

    def __init__(self, **parts):
        super().__init__()
        self.fc = parts.get("fc", nn.Linear(4 * 4 * 3, 5))  # the order is that of the calls
        self.pad = parts.get("pad", nn.ZeroPad2d((0, 1, 1, 1)))
        self.conv = parts.get("conv", nn.Conv2d(3, 4, 3, stride=2, bias=False))
        self.norm = parts.get("norm", nn.BatchNorm2d(4, eps=1e-3))
        self.relu = parts.get("relu", nn.ReLU())
        self.depthwise = parts.get("depthwise", nn.Conv2d(4, 4, 3, padding=1, groups=4))
        self.last = parts.get("last", nn.Identity())

    def forward(self, x):
        x = self.relu(self.norm(self.conv(self.pad(x))))
        return self.last(self.fc(torch.flatten(self.depthwise(x), 1)))


@pytest.fixture
def path(tmp_path, writer, numbers):
    """A file with the layers of the model."""
    step = {"StrideH": 1, "StrideW": 1, "DilationHFactor": 1, "DilationWFactor": 1}
    outputs = [writer.tensor(shape) for shape in ((1, 7, 6, 3), (1, 4, 3, 4), (1, 4, 3, 4),
                                                  (1, 5))]
    for number, (kind, shape, options) in enumerate((
            ("Conv2D", (4, 3, 3, 3), step | {"StrideH": 2, "StrideW": 2,
                                             "FusedActivationFunction": 1}),
            ("DepthwiseConv2D", (1, 3, 3, 4), step | {"DepthMultiplier": 1}),
            ("FullyConnected", (5, 48), {}))):
        constants = [writer.constant(numbers(*shape)), writer.constant(numbers(4 + number // 2))]
        if kind != "FullyConnected":
            options = options | {"Padding": tflite.Padding.SAME}
        writer.operation(kind, [outputs[number], *constants], outputs[number + 1], **options)
    file = tmp_path / "m.tflite"
    file.write_bytes(writer.bytes())
    return file


def trained(model):
    """A model whose normalizations are not what they begin with."""
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            for tensor in (module.weight, module.bias, module.running_mean, module.running_var):
                if tensor is not None:
                    tensor.data.uniform_(0.5, 2)
    return model.eval()


@pytest.mark.parametrize("parts", [
    {}, {"conv": nn.Conv2d(3, 4, 3, stride=2)},
    {"conv": nn.Conv2d(3, 4, 3, stride=2), "norm": nn.Identity()},
    {"conv": nn.Conv2d(3, 4, 3, stride=2), "norm": nn.BatchNorm2d(4, affine=False)},
    {"last": nn.BatchNorm1d(5, affine=False)}])
def test_outputs(path, parts):
    model, image = trained(Model(**parts)), torch.randn(2, *SHAPE)
    load_tflite(model, path, SHAPE)
    first, second, third = read_layers(path)
    x = F.conv2d(F.pad(image, (0, 1, 1, 1)), first.weight, first.bias, 2).relu()
    x = F.conv2d(x, second.weight, second.bias, padding=1, groups=4)
    expected = F.linear(x.flatten(1), third.weight, third.bias)
    with torch.no_grad():
        assert torch.allclose(model(image), expected, atol=1e-5)


@pytest.mark.parametrize("parts, text", [
    ({"last": nn.Linear(5, 5)},
     "{path} must have as many layers with weights as the model, 4, not 3"),
    ({"depthwise": nn.Conv2d(4, 4, 3, padding=1, groups=2)},
     "Layer 'depthwise' must have weights of the shape that operation 1 (DEPTHWISE_CONV_2D) of "
     "{path} has, (4, 1, 3, 3), not (4, 2, 3, 3)"),
    ({"norm": nn.Identity()},
     "Layer 'conv' must have a bias, as operation 0 (CONV_2D) of {path} has"),
    ({"norm": nn.BatchNorm2d(4, affine=False)},
     "Layer 'conv' must have a bias, as operation 0 (CONV_2D) of {path} has"),
    ({"fc": nn.Linear(48, 5, bias=False)},
     "Layer 'fc' must have a bias, as operation 2 (FULLY_CONNECTED) of {path} has"),
    ({"pad": nn.ZeroPad2d((1, 0, 1, 1))},
     "Layer 'conv': padding must be (1, 0, 1, 1), as of operation 0 (CONV_2D) of {path}, "
     "not (1, 1, 1, 0)"),
    ({"relu": nn.ReLU6()},
     "Layer 'conv': maximum must be None, as of operation 0 (CONV_2D) of {path}, not 6.0"),
    ({"relu": nn.Sequential(nn.ReLU(), nn.BatchNorm2d(4))},
     "{path} must have as many layers with weights as the model, conv, relu.1, depthwise, fc, "
     "not 3"),
    ({"relu": nn.GELU()}, "Module 'relu': gelu is not supported"),
])
def test_models_that_are_refused(path, parts, text):
    model = trained(Model(**parts))
    with pytest.raises(UserError) as caught:
        load_tflite(model, path, SHAPE)
    assert str(caught.value) == text.format(path=path)


def test_weights_that_the_model_changes(path):
    model = Model(norm=nn.Identity(), conv=nn.Conv2d(3, 4, 3, stride=2)).eval()
    norm = nn.BatchNorm2d(4).eval()
    norm.running_var.fill_(4.0)
    # as a function, which isn't found as a module
    model.norm.forward = lambda x: F.batch_norm(x, norm.running_mean, norm.running_var)
    with pytest.raises(UserError) as caught:
        load_tflite(model, path, SHAPE)
    assert str(caught.value) == (f"Layer 'conv': weight must be that of operation 0 (CONV_2D) of "
                                 f"{path} alone, but the model changes it")


def test_a_layer_that_is_used_twice(path):
    model = Model(conv=nn.Conv2d(3, 3, 3), pad=nn.Identity(), norm=nn.Identity()).eval()
    model.norm = model.conv
    model.depthwise, model.fc = nn.Identity(), nn.Linear(3 * 3 * 2, 5)
    with pytest.raises(UserError) as caught:
        load_tflite(model, path, SHAPE)
    assert str(caught.value) == ("Layer 'conv' must be computed once, to take weights of a .tflite "
                                 "file, not 2 times")
