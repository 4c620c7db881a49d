"""Steps that are trained: of weights, and of tensors that share them."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from sparrow.compress import capture, compare, quantize
from sparrow.compress.calibrate import Method
from sparrow.compress.data import Dataset
from sparrow.compress.draft import Draft, TensorFormat
from sparrow.compress.finetune import Tuning, finetune
from sparrow.compress.formats import tensor_formats, weight_format
from sparrow.compress.graph import FunctionNode
from sparrow.compress.step_sizes import TensorSteps
from sparrow.compress.train import initialized
from sparrow.compress.trainable import Trainable


class Small(nn.Module):
    """Two convolutions concatenated, pooling, a linear layer."""

    def __init__(self):
        super().__init__()
        self.a, self.b, self.fc = nn.Conv2d(1, 2, 3), nn.Conv2d(1, 2, 3), nn.Linear(16, 4)
        self.b.weight.data = -self.a.weight.data
        self.b.bias.data = -self.a.bias.data

    def forward(self, x):
        y = torch.cat([self.a(x), self.b(x)], 1)
        return self.fc(F.relu(F.max_pool2d(y, 2)).flatten(1))


def drafted(bits=4):
    graph = capture(initialized(Small).eval(), (1, 6, 6))
    images = torch.randn(64, 1, 6, 6, generator=torch.Generator().manual_seed(0))
    draft = Draft(graph=graph)
    return draft.replace(
        tensors=tensor_formats(graph, images, Method.MINMAX),
        formats={name: weight_format(node, bits, Method.MINMAX)
                 for name, node in draft.weighted.items()}), images


def test_steps_start_where_they_are():
    draft, images = drafted()
    plain, learned = Trainable(draft), Trainable(draft, learn_steps=True)
    assert torch.allclose(plain(images), learned(images), atol=1e-5)
    for name, form in learned.trained().tensors.items():
        assert (form.low, form.high) == pytest.approx((draft.tensors[name].low,
                                                       draft.tensors[name].high), abs=0.05)


def test_tensors_that_share_a_step():
    draft, _ = drafted()
    steps = TensorSteps(draft.graph, draft.tensors)
    names = [node.name for node in draft.graph]
    shared = {name for name in names if draft.tensors[name] == draft.tensors["a"]}
    assert shared >= {"a", "b", "cat"} and "fc" not in shared
    with torch.no_grad():
        steps.logarithms += torch.arange(len(steps.logarithms)) * 0.1
    found = steps.current()
    assert len({(found[name].low, found[name].high) for name in shared}) == 1
    assert found["fc"] != draft.tensors["fc"]


@pytest.mark.parametrize("bits", [4, 2, 1])
def test_training_of_steps(bits, within_a_step):
    """Learned steps end nearer to the float network than fixed ones, and the network is theirs."""
    draft, images = drafted(bits)
    labels = draft.graph.run(images)[draft.graph.output].flatten(1).argmax(1).clone()
    data = Dataset(train_images=images, train_labels=labels, test_images=images,
                   test_labels=labels)
    tuning = Tuning(epochs=8, batch=16, learning_rate=1e-2, learn_steps=True)
    found = finetune(draft, data, tuning)
    for name, form in found.formats.items():
        assert not torch.equal(form.step, draft.formats[name].step)
    assert found.tensors["fc"] != draft.tensors["fc"]
    network = quantize(found, images)
    assert compare(found.graph, network, images, labels).accuracy > 0.6
    within_a_step(found, network, images)


def test_fixed_steps_stay_but_for_those_of_one_bit():
    draft, images = drafted()
    one = {"fc": weight_format(draft.weighted["fc"], 1)}
    draft = draft.replace(formats={**draft.formats, **one})
    data = Dataset(train_images=images, train_labels=torch.zeros(64, dtype=torch.int64),
                   test_images=images, test_labels=None)
    found = finetune(draft, data, Tuning(epochs=1, learning_rate=1e-2))
    assert found.tensors == draft.tensors
    assert torch.equal(found.formats["a"].step, draft.formats["a"].step)
    weight = found.weighted["fc"].weight
    assert torch.allclose(found.formats["fc"].step, weight.abs().mean(1).double())


def test_signs_keep_their_numbers():
    draft, _ = drafted()
    assert "a" in TensorSteps(draft.graph, draft.tensors)
    nodes = list(draft.graph.nodes)
    sign = FunctionNode(name="s", inputs=("fc",), shape=(4, 1, 1), function="sign")
    graph = draft.graph.replace(nodes=(*nodes, sign), output="s")
    tensors = {**draft.tensors, "s": TensorFormat(low=-128, high=127)}
    assert "s" not in TensorSteps(graph, tensors)
