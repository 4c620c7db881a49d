"""Capture: what is understood, under which names, and how the rest is refused."""

import logging

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from sparrow.compress import CaptureError, capture
from sparrow.compress.fold import fold
from sparrow.compress.graph import (
    AddNode,
    AveragePoolNode,
    ClampNode,
    ConcatNode,
    ConvNode,
    FunctionNode,
    LinearNode,
    MaxPoolNode,
)


class Model(nn.Module):
    """A function of modules and an input, as a module."""

    def __init__(self, function, **modules):
        super().__init__()
        for name, module in modules.items():
            self.add_module(name, module)
        self.function = function

    def forward(self, x):
        return self.function(self, x)


def model_of(function, **modules):
    """With random weights, normalization included, in evaluation mode."""
    torch.manual_seed(0)
    model = Model(function, **modules)
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            for tensor in (module.running_mean, module.bias.data, module.weight.data):
                tensor.normal_()
            module.running_var.uniform_(0.5, 2)
    return model.eval()


def captured(shape, function, **modules):
    """The graph, compared with the model on a batch that capture itself didn't see."""
    model = model_of(function, **modules)
    graph = capture(model, shape)
    images = torch.randn(5, *shape)
    with torch.inference_mode():
        expected = model(images.clone()).flatten(1)
    torch.testing.assert_close(graph.run(images)[graph.output].flatten(1), expected,
                               rtol=1e-4, atol=1e-4)
    return graph


def summary(graph):
    return [(type(node), node.name, node.inputs) for node in graph]


def conv(*arguments, **settings):
    return nn.Conv2d(*arguments, **{"padding": 1, **settings})


def test_names_and_folding():
    graph = captured((3, 8, 8), lambda m, x: m.fc(m.body(x).mean((2, 3))), fc=nn.Linear(4, 5),
                     body=nn.Sequential(conv(3, 4, 3, bias=False), nn.BatchNorm2d(4, 0.5),
                                        nn.ReLU6(), nn.MaxPool2d(3, 2, 1)))
    assert summary(graph) == [(ConvNode, "body.0", ("input",)),
                              (MaxPoolNode, "body.3", ("body.0",)),
                              (AveragePoolNode, "mean", ("body.3",)),
                              (LinearNode, "fc", ("mean",))]
    assert (graph.nodes[0].minimum, graph.nodes[0].maximum) == (0.0, 6.0)
    assert graph.name == "Model"


def test_names_of_a_bare_sequence():
    model = nn.Sequential(nn.Conv1d(2, 3, 3), nn.Tanh()).eval()
    graph = capture(model, (2, 9), name="a net")
    assert [node.name for node in graph] == ["layer0", "layer1"] and graph.name == "a_net"
    assert graph.shape == (2, 1, 9) and graph.nodes[0].shape == (3, 1, 7)


@pytest.mark.parametrize("function", [
    lambda m, x: F.relu(m.a(x)), lambda m, x: torch.relu_(m.a(x)), lambda m, x: m.a(x).clamp(0),
    lambda m, x: F.hardtanh(m.a(x), 0, 6), lambda m, x: m.a(x).clamp_min(0).clone(),
    lambda m, x: F.dropout(F.relu(m.a(x)), training=m.training)])
def test_clamps_are_folded(function):
    graph = captured((2, 5, 5), function, a=conv(2, 3, 3))
    assert [type(node) for node in graph] == [ConvNode] and graph.nodes[0].minimum == 0.0


def test_clamp_changes_places_with_pooling():
    graph = captured((2, 6, 6), lambda m, x: F.relu(F.max_pool2d(m.a(x), 2)), a=conv(2, 3, 3))
    assert [type(node) for node in graph] == [ConvNode, MaxPoolNode]
    assert graph.nodes[0].minimum == 0.0


def test_two_consumers_stop_folding():
    def function(m, x):
        y = m.a(x)
        return F.relu(y) + m.norm(y) + F.relu(F.max_pool2d(y, 3, 1, 1))
    graph = captured((2, 5, 5), function, a=conv(2, 3, 3), norm=nn.BatchNorm2d(3))
    assert [type(node) for node in graph] == [ConvNode, ClampNode, ConvNode, AddNode, MaxPoolNode,
                                              ClampNode, AddNode]


def test_clamp_after_clamp_and_normalization_after_clamp_stay():
    graph = captured((2, 5, 5), lambda m, x: F.relu(F.hardtanh(m.a(x), -1, 2)), a=conv(2, 3, 3))
    assert [type(node) for node in graph] == [ConvNode, ClampNode]
    graph = captured((2, 5, 5), lambda m, x: m.norm(F.relu(m.a(x))), a=conv(2, 3, 3),
                     norm=nn.BatchNorm2d(3))
    assert [type(node) for node in graph] == [ConvNode, ConvNode]
    assert summary(fold(graph)) == summary(graph)


def test_operations_in_place():
    """What is read after an operation in place is what it left."""
    def function(m, x):
        y = m.a(x)
        flat = y.flatten(1)
        y.relu_()
        y += x
        return m.fc(flat)
    graph = captured((2, 4, 4), function, a=conv(2, 2, 3), fc=nn.Linear(32, 3))
    assert summary(graph) == [(ConvNode, "a", ("input",)), (AddNode, "add", ("a", "input")),
                              (LinearNode, "fc", ("add",))]


def test_module_used_twice():
    graph = captured((2, 5, 5), lambda m, x: m.a(torch.sigmoid(m.a(x))), a=conv(2, 2, 3))
    assert summary(graph) == [(ConvNode, "a", ("input",)), (FunctionNode, "sigmoid", ("a",)),
                              (ConvNode, "a_1", ("sigmoid",))]


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")
@pytest.mark.parametrize("settings", [
    {"padding": "same", "kernel_size": (4, 3)}, {"padding": "valid", "kernel_size": 3},
    {"stride": (2, 3), "kernel_size": (3, 5), "padding": (0, 2)},
    {"dilation": 2, "groups": 2, "kernel_size": 3}])
def test_convolutions(settings):
    graph = captured((4, 11, 12), lambda m, x: m.a(x),
                     a=nn.Conv2d(4, 6, **{"padding": 0, **settings}))
    assert [type(node) for node in graph] == [ConvNode]


@pytest.mark.parametrize("pad, settings, expected", [
    (lambda x: F.pad(x, (1, 2, 3, 0)), {"kernel_size": (2, 3)}, (3, 1, 0, 2)),
    (nn.ZeroPad2d((0, 1, 2, 0)), {"kernel_size": 3, "stride": 2, "padding": (1, 0)}, (3, 0, 1, 1)),
    (lambda x: F.pad(x, (2, 1)), {"kernel_size": 1}, (0, 2, 0, 1))])
def test_padding_by_itself(pad, settings, expected):
    graph = captured((4, 11, 12), lambda m, x: m.a(pad(x)), a=nn.Conv2d(4, 6, **settings))
    assert summary(graph) == [(ConvNode, "a", ("input",))]
    assert graph.nodes[0].padding == expected


def test_padding_of_a_signal():
    graph = captured((2, 20), lambda m, x: m.a(F.pad(x, (2, 0))), a=nn.Conv1d(2, 4, 3))
    assert graph.nodes[0].padding == (0, 2, 0, 0)


def test_one_dimension():
    def function(m, x):
        x = F.max_pool1d(F.relu(m.norm(m.a(x))), 2)
        x = F.avg_pool1d(x, 3, 1)
        return m.fc(F.adaptive_avg_pool1d(x, 1).squeeze(-1))
    graph = captured((2, 20), function, a=nn.Conv1d(2, 4, 3, stride=2, padding=1, dilation=2),
                     norm=nn.BatchNorm1d(4), fc=nn.Linear(4, 2))
    assert [node.shape for node in graph] == [(4, 1, 9), (4, 1, 4), (4, 1, 2), (4, 1, 1), (2, 1, 1)]


@pytest.mark.parametrize("function", [
    lambda m, x: m.fc(x.flatten(1)), lambda m, x: m.fc(x.view(x.shape[0], -1)),
    lambda m, x: m.fc(torch.flatten(x, 1)), lambda m, x: m.fc(x.reshape(len(x), 24)),
    lambda m, x: m.fc(nn.Flatten()(x))])
def test_flattening(function):
    graph = captured((2, 3, 4), function, fc=nn.Linear(24, 3))
    assert summary(graph) == [(LinearNode, "fc", ("input",))]


def test_features():
    graph = captured((6,), lambda m, x: torch.cat([m.norm(m.a(x)).tanh(), m.b(x)], dim=-1),
                     a=nn.Linear(6, 4), b=nn.Linear(6, 3), norm=nn.BatchNorm1d(4))
    assert [type(node) for node in graph] == [LinearNode, FunctionNode, LinearNode, ConcatNode]
    assert graph.nodes[-1].shape == (7, 1, 1)


def test_normalization_without_a_producer_is_a_layer():
    graph = captured((3, 5, 5), lambda m, x: F.relu(m.norm(F.hardswish(x))),
                     norm=nn.BatchNorm2d(3))
    assert [type(node) for node in graph] == [FunctionNode, ConvNode]
    assert graph.nodes[1].groups == 3 and graph.nodes[1].minimum == 0.0


def test_what_is_not_used_is_dropped():
    graph = captured((2, 5, 5), lambda m, x: (m.a(x), m.b(x))[1], a=conv(2, 2, 3),
                     b=conv(2, 2, 3))
    assert summary(graph) == [(ConvNode, "b", ("input",))]


def test_average_pooling():
    captured((2, 7, 7), lambda m, x: F.avg_pool2d(m.a(x), 3, 2, 1, count_include_pad=False),
             a=nn.AvgPool2d(2, 1))
    captured((2, 7, 5), lambda m, x: x.mean((-1, -2), keepdim=True) + F.adaptive_avg_pool2d(x, 1))


@pytest.mark.parametrize("name", ["digits", "lenet5", "resnet8"])
def test_examples(example, name):
    module = example(name)
    factory = getattr(module, {"digits": "digits_cnn"}.get(name, name))
    graph = capture(factory().eval(), module.SHAPE)
    assert graph.nodes[-1].shape == (10, 1, 1)
    assert not any(isinstance(node, ClampNode) for node in graph)


REFUSED = [
    ((2, 8, 8), lambda m, x: m.a(x), {"a": conv(2, 2, 3, padding_mode="reflect")},
     "Module 'a': pad must be with zeros"),
    ((2, 8, 8), lambda m, x: F.pad(x, (1, 1), value=2.0), {}, "The model: pad must be with zeros"),
    ((2, 8, 8), lambda m, x: F.pad(x, (-1, 1)), {}, "The model: pad must be with zeros"),
    ((2, 8, 8), lambda m, x: F.pad(x, (0, 0, 0, 0, 1, 1)), {},
     "The model: pad must be of height and width, not of channels"),
    ((2, 8, 8), lambda m, x: F.max_pool2d(F.pad(x, (0, 1, 0, 1)), 3), {},
     "Layer 'pad': padding must be before one convolution and nothing else"),
    ((2, 8, 8), lambda m, x: m.a(y := F.pad(x, (1, 1, 1, 1))) + torch.sigmoid(y),
     {"a": conv(2, 2, 3)}, "Layer 'pad': padding must be before one convolution and nothing else"),
    ((2, 8, 8), lambda m, x: m.body(x), {"body": nn.Sequential(nn.GELU())},
     "Module 'body.0': gelu is not supported"),
    ((2, 8, 8), lambda m, x: x * 2, {}, "The model: mul is not supported"),
    ((2, 8, 8), lambda m, x: x + 1, {}, "The model: add must be of a computed tensor, not of 1"),
    ((2, 8, 8), lambda m, x: torch.add(x, x, alpha=2), {},
     "The model: add must have alpha 1, not 2"),
    ((2, 8, 8), lambda m, x: x + x.mean((2, 3), keepdim=True), {},
     "The model: add must be of tensors of one shape, not of (2, 8, 8) and (2, 1, 1)"),
    ((2, 8, 8), lambda m, x: m.a(x), {"a": nn.AvgPool2d(3, 1, 1)},
     "Module 'a': avg_pool2d must leave padding out of the count (count_include_pad=False)"),
    ((2, 8, 8), lambda m, x: m.a(x), {"a": nn.AvgPool2d(3, divisor_override=2)},
     "Module 'a': avg_pool2d with divisor_override is not supported"),
    ((2, 8, 8), lambda m, x: m.a(x), {"a": nn.MaxPool2d(3, ceil_mode=True)},
     "Module 'a': max_pool2d with ceil_mode is not supported"),
    ((2, 8, 8), lambda m, x: m.a(x), {"a": nn.MaxPool2d(2, dilation=2)},
     "Module 'a': max_pool2d with dilation is not supported"),
    ((2, 8, 8), lambda m, x: m.a(x), {"a": nn.AdaptiveAvgPool2d(2)},
     "Module 'a': adaptive_avg_pool2d must have output size 1, not (2, 2)"),
    ((2, 8, 8), lambda m, x: x.mean(1), {},
     "The model: mean must be over height and width, not over dimensions [1]"),
    ((2, 8, 8), lambda m, x: torch.cat([x, x], 2), {},
     "The model: cat must be over channels, dimension 1, not dimension 2"),
    ((2, 8, 8), lambda m, x: m.a(x), {"a": nn.Linear(8, 3)},
     "Module 'a': linear must be of features, (images, features), not of images of shape "
     "(2, 8, 8); flatten them first"),
    ((2, 8, 8), lambda m, x: torch.cat([x.flatten(1), x.flatten(1)], 1), {},
     "The model: cat after flattening a feature map is not supported"),
    ((2, 8, 8), lambda m, x: x.view(-1, 64).relu(), {},
     "The model: view must keep images apart and flatten each whole, not make (4, 64) of "
     "(2, 2, 8, 8)"),
    ((2, 8, 4), lambda m, x: x.reshape(-1, 4, 8, 2).relu(), {},
     "The model: reshape must keep images apart and flatten each whole, not make (2, 4, 8, 2) of "
     "(2, 2, 8, 4)"),
    ((2, 8, 8), lambda m, x: m.a(x), {"a": nn.BatchNorm2d(2, track_running_stats=False)},
     "Module 'a': batch_norm must use running statistics"),
    ((2, 8, 8), lambda m, x: (x.relu(), x), {}, "The model must give one tensor, not 2"),
    ((2, 8, 8), lambda m, x: x, {}, "The model must compute its output from its input"),
    ((2, 8, 8), lambda m, x: m.a(x), {"a": nn.Conv2d(3, 2, 3)},
     "The model must be exportable by torch.export: "),
    ((2, 8, 8, 1), lambda m, x: x, {}, "The input must have 1 to 3 dimensions, not 4"),
    ((2, 8, 8), lambda m, x: m.a(x), {"a": nn.Conv2d(2, 2, 3).double()},
     "Parameter 'a.weight' must be of torch.float32, not torch.float64"),
]


@pytest.mark.parametrize("shape, function, modules, text", REFUSED)
def test_refusals(shape, function, modules, text):
    with pytest.raises(CaptureError) as caught:
        capture(Model(function, **modules).eval(), shape)
    message = str(caught.value)
    assert message.startswith(text) if text.endswith(": ") else message == text
    assert "\n" not in message


def test_training_mode_is_refused():
    with pytest.raises(CaptureError) as caught:
        capture(nn.Conv2d(1, 1, 1), (1, 2, 2))
    assert str(caught.value) == "The model must be in evaluation mode; call its eval() first"


def test_weights_that_are_not_finite():
    model = nn.Conv2d(1, 1, 1).eval()
    with torch.no_grad():
        model.bias[0] = float("nan")
    with pytest.raises(CaptureError) as caught:
        capture(model, (1, 2, 2))
    assert str(caught.value) == "Parameter 'bias' must be finite, but has an infinity or NaN"


def test_nothing_but_the_error_is_said(caplog, capfd):
    with pytest.raises(CaptureError):
        capture(nn.Linear(3, 2).eval(), (4,))
    assert [entry for entry in caplog.records if entry.levelno >= logging.WARNING] == []
    assert capfd.readouterr() == ("", "")
    assert logging.root.manager.disable == logging.NOTSET
