"""Bias correction: means of channels become those of the float network."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from sparrow.compress import QuantizeError, capture
from sparrow.compress.calibrate import Method
from sparrow.compress.data import Dataset
from sparrow.compress.draft import Draft
from sparrow.compress.passes import Context, make_pass
from sparrow.compress.precision.choose import (
    represented,
    with_tensor_formats,
    with_weight_formats,
)
from sparrow.compress.precision.correct import correct_bias
from sparrow.compress.train import initialized
from sparrow.compress.trainable import Trainable

IMAGES = torch.rand(200, 1, 8, 8, generator=torch.Generator().manual_seed(0))


class Model(nn.Module):
    """A way around a convolution, so that tensors are used twice."""

    def __init__(self):
        super().__init__()
        self.a, self.b, self.fc = nn.Conv2d(1, 4, 3), nn.Conv2d(4, 4, 1), nn.Linear(144, 5)

    def forward(self, x):
        y = F.relu(self.a(x))
        return self.fc((F.relu(self.b(y)) + y).flatten(1))


@pytest.fixture(scope="module")
def draft():
    draft = Draft(graph=capture(initialized(Model).eval(), (1, 8, 8)))
    return with_tensor_formats(with_weight_formats(draft, 4, {}, per_channel=False,
                                                   method=Method.MINMAX), IMAGES, Method.MINMAX)


def test_means(draft):
    found, largest = correct_bias(draft, IMAGES)
    assert list(largest) == ["a", "b", "fc"] and min(largest.values()) > 0
    exact = draft.graph.run(IMAGES)["fc"].flatten(1).mean(0)
    before, after = ((Trainable(each)(IMAGES).detach().mean(0) - exact).abs().max()
                     for each in (draft, found))
    assert float(after) < float(before) / 5
    error = represented(found).run(IMAGES)["a"].mean() - draft.graph.run(IMAGES)["a"].mean()
    assert abs(float(error)) < 0.01
    for name in ("a", "b", "fc"):
        assert torch.equal(found.weighted[name].weight, draft.weighted[name].weight)


def test_nothing_to_correct(draft):
    """Weights that are exact, of an input that is: a layer's mean error is that of rounding."""
    exact = draft.with_weights({"a": {"weight": represented(draft).node("a").weight}})
    images = (IMAGES * 255).round() / 255
    exact = with_tensor_formats(exact.replace(tensors={}), images.round(), Method.MINMAX)
    _, largest = correct_bias(exact, images.round())
    assert largest["a"] < 1e-5


def test_refusals(draft):
    with pytest.raises(QuantizeError) as caught:
        correct_bias(draft.replace(formats={}), IMAGES)
    assert str(caught.value) == ("Layer 'a': bits must be chosen before its bias is corrected, by "
                                 "a pass such as quantize")
    with pytest.raises(QuantizeError) as caught:
        correct_bias(draft.replace(tensors={}), IMAGES)
    assert str(caught.value) == ("Tensor 'input': a range must be chosen before biases are "
                                 "corrected, by a pass such as quantize")


@pytest.mark.parametrize("passes, name", [
    ([{"kind": "quantize"}, {"kind": "finetune"}], "finetune"),
    ([{"kind": "quantize", "epochs": 1}], "quantize")])
def test_not_after_training(passes, name):
    data = Dataset(train_images=IMAGES, train_labels=torch.zeros(200, dtype=torch.int64),
                   test_images=IMAGES, test_labels=None)
    draft, context = Draft(graph=capture(initialized(Model).eval(), (1, 8, 8))), Context(data=data)
    for values in passes:
        draft = make_pass(values).apply(draft, context)
    with pytest.raises(QuantizeError) as caught:
        make_pass({"kind": "correct-bias"}).apply(draft, context)
    assert str(caught.value) == ("correct-bias must not come after training with quantization "
                                 f"simulated, but {name!r} has trained 1 epochs")


def test_passes_in_order():
    data = Dataset(train_images=IMAGES, train_labels=torch.zeros(200, dtype=torch.int64),
                   test_images=IMAGES, test_labels=None)
    draft, context = Draft(graph=capture(initialized(Model).eval(), (1, 8, 8))), Context(data=data)
    for values in ({"kind": "finetune"}, {"kind": "equalize", "rounds": 2}, {"kind": "quantize"},
                   {"kind": "correct-bias"}):
        draft = make_pass(values).apply(draft, context)
    assert draft.records[1].results["left"]["a"] == "'a' is taken by several layers"
    assert list(draft.records[3].results["largest"]) == ["a", "b", "fc"]
