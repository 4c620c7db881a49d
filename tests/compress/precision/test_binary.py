"""Binary weights and inputs, as they are in golden."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from sparrow.compress import QuantizeError, accuracy, capture, quantize
from sparrow.compress.calibrate import Method
from sparrow.compress.data import Dataset
from sparrow.compress.draft import Draft, TensorFormat
from sparrow.compress.passes import Context, make_pass
from sparrow.compress.precision.binary import binary_inputs, binary_weights
from sparrow.compress.precision.choose import with_tensor_formats, with_weight_formats
from sparrow.compress.train import initialized
from sparrow.golden.network import Table, execute
from sparrow.hw.spec.base import SpecError

IMAGES = torch.randn(64, 1, 8, 8, generator=torch.Generator().manual_seed(0))


class Model(nn.Module):
    """Two convolutions around pooling, two linear layers."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Conv2d(1, 4, 3), nn.Conv2d(4, 6, 3, padding=1)
        self.fc, self.head = nn.Linear(54, 8), nn.Linear(8, 3)

    def forward(self, x):
        y = F.relu(self.b(F.max_pool2d(F.relu(self.a(x)), 2)))
        return self.head(F.relu(self.fc(y.flatten(1))))


@pytest.fixture(scope="module")
def draft():
    return Draft(graph=capture(initialized(Model).eval(), (1, 8, 8)))


def test_inputs_become_signs(draft, within_a_step):
    found = binary_inputs(draft, ["b", "fc"], IMAGES)
    names = [node.name for node in found.graph]
    assert names == ["a", "max_pool2d", "b.sign", "b", "fc.sign", "fc", "head"]
    tensors, before = found.graph.run(IMAGES), draft.graph.run(IMAGES)
    assert set(tensors["b.sign"].unique().tolist()) == {-1.0, 1.0}
    assert float(tensors["a"].min()) < 0 and found.graph.node("a").minimum is None
    assert torch.equal(tensors["a"] > 0, before["a"] > 0)  # as before ReLU, but for the size
    assert tensors["a"].abs().mean((0, 2, 3)).tolist() == pytest.approx([1.0] * 4, rel=1e-4)
    assert found.graph.node("b").minimum is None and found.graph.node("fc").minimum == 0
    done = with_tensor_formats(with_weight_formats(found, 8, {}), IMAGES, Method.MINMAX)
    network = quantize(done, IMAGES)
    layer = network.layer("b.sign")
    assert isinstance(layer, Table) and set(layer.entries.tolist()) == {-64, 64}
    assert (layer.output.scale, layer.output.zero_point) == (1 / 64, 0)
    found = execute(network, network.input.to_elements(IMAGES), trace=True)
    assert network.type_of("b.sign").to_values(found["b.sign"]).unique().tolist() == [-1, 1]
    within_a_step(done, network, IMAGES)


def test_the_scale_of_signs_goes_into_weights(draft):
    found = binary_inputs(draft, ["fc"], IMAGES)
    before = draft.graph.replace(nodes=tuple(
        node.replace(minimum=None) if node.name == "b" else node for node in draft.graph))
    scale = before.run(IMAGES)["b"].abs().mean()
    assert torch.allclose(found.weighted["fc"].weight, draft.weighted["fc"].weight * scale,
                          rtol=1e-4)


def test_weights(draft):
    found = binary_weights(draft, ["fc"])
    assert list(found.formats) == ["fc"] and found.formats["fc"].bits == 1
    expected = draft.weighted["fc"].weight.double().abs().mean(1)
    assert torch.allclose(found.formats["fc"].step, expected)


def test_the_pass_trains(draft, within_a_step):
    """Labels of the float network, learned by one with binary layers between."""
    labels = draft.graph.run(IMAGES)[draft.graph.output].flatten(1).argmax(1).clone()
    data = Dataset(train_images=IMAGES, train_labels=labels, test_images=IMAGES,
                   test_labels=labels)
    binarize = make_pass({"kind": "binarize", "layers": ["b", "fc"], "inputs": ["b", "fc"],
                          "epochs": 10, "batch": 16, "learning_rate": 0.01})
    found = binarize.apply(draft, Context(data=data))
    assert found.records[0].results == {"bits": {"b": 1, "fc": 1}, "inputs": ["b", "fc"]}
    found = make_pass({"kind": "quantize"}).apply(found, Context(data=data))
    assert [found.formats[name].bits for name in ("a", "b", "fc", "head")] == [8, 1, 1, 8]
    assert found.formats["fc"].step.tolist() == pytest.approx(
        found.weighted["fc"].weight.abs().mean(1).tolist(), rel=1e-4)
    network = quantize(found, IMAGES)
    assert set(network.layer("b").weight.unique().tolist()) == {-1, 1}
    within_a_step(found, network, IMAGES)
    assert accuracy(network, IMAGES, labels) > 0.7


@pytest.mark.parametrize("change, name, text", [
    (lambda draft: draft, "a", "Layer 'a': the input to become binary must not be the network's"),
    (lambda draft: draft, "max_pool2d",
     "layers must name layers with weights, a, b, fc, head, not 'max_pool2d'"),
    (lambda draft: draft.replace(tensors={"a": TensorFormat(low=0, high=1)}), "b",
     "Layer 'b': the range of its input must be chosen after it becomes binary, not before"),
    (lambda draft: with_weight_formats(draft, 8, {}), "b",
     "Layer 'b': bits of weights must be chosen after inputs become binary, not before"),
])
def test_refusals(draft, change, name, text):
    with pytest.raises(QuantizeError) as caught:
        binary_inputs(change(draft), [name], IMAGES)
    assert str(caught.value) == text


def test_inputs_that_others_take():
    class Around(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.c = nn.Conv2d(1, 2, 1), nn.Conv2d(2, 2, 1), nn.Conv2d(2, 2, 1)

        def forward(self, x):
            y = F.relu(self.a(x))
            return self.c(self.b(y) + y)

    draft = Draft(graph=capture(initialized(Around).eval(), (1, 8, 8)))
    for name, text in (("b", "be taken by 'b' alone, but others take 'a'"),
                       ("c", "come from a convolution or linear layer, through maximum pooling at "
                             "most, not from 'add'")):
        with pytest.raises(QuantizeError) as caught:
            binary_inputs(draft, [name], IMAGES)
        assert str(caught.value) == f"Layer {name!r}: the input to become binary must {text}"


def test_weights_that_have_a_format(draft):
    with pytest.raises(QuantizeError) as caught:
        binary_weights(with_weight_formats(draft, 4, {}), ["fc"])
    assert str(caught.value) == ("Layer 'fc': weights must have no format before they become "
                                 "binary, but have 4 bits")


@pytest.mark.parametrize("options, text", [
    ({}, "layers or inputs must name a layer, but both are empty"),
    ({"layers": "fc"}, "layers must be a list of names of layers, not 'fc'"),
    ({"inputs": [1]}, "inputs must be a list of names of layers, not [1]"),
    ({"inputs": ["a", "a"]}, "inputs must have every name once, not ['a', 'a']")])
def test_options_that_are_refused(options, text):
    with pytest.raises(SpecError) as caught:
        make_pass({"kind": "binarize", **options})
    assert str(caught.value) == f"pass (binarize): {text}"
