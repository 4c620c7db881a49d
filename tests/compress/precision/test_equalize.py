"""Equalization: the same function, equal ranges, and what begins no pair."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from sparrow.compress import QuantizeError, capture
from sparrow.compress.draft import Draft, TensorFormat
from sparrow.compress.precision.equalize import Pair, equalize, pairs
from sparrow.compress.train import initialized


class Chain(nn.Module):
    """Convolution, depthwise, grouped, pooling, linear layers; a sum; ReLU6."""

    def __init__(self):
        super().__init__()
        self.a, self.depth = nn.Conv2d(2, 4, 3), nn.Conv2d(4, 4, 3, groups=4)
        self.grouped = nn.Conv2d(4, 6, 1, groups=2)
        self.fc, self.side, self.head = nn.Linear(24, 5), nn.Linear(24, 5), nn.Linear(5, 3)
        self.a.weight.data *= torch.tensor([0.01, 1.0, 20.0, 300.0]).view(4, 1, 1, 1)

    def forward(self, x):
        y = F.relu(self.depth(F.relu(self.a(x))))
        y = F.max_pool2d(F.relu(self.grouped(y)), 2).flatten(1)
        return self.head(F.relu6(self.fc(y) + self.side(y)))


@pytest.fixture(scope="module")
def draft():
    return Draft(graph=capture(initialized(Chain).eval(), (2, 8, 8)))


def test_pairs(draft):
    found, reasons = pairs(draft.graph)
    assert found == [Pair("a", "depth"), Pair("depth", "grouped")]
    assert reasons == {"grouped": "'max_pool2d' is taken by several layers",
                       "fc": "'add' isn't ReLU or pooling", "side": "'add' isn't ReLU or pooling",
                       "head": "it gives the output"}


def test_the_function_stays_and_ranges_are_equal(draft):
    mask = torch.ones(4, 2, 3, 3, dtype=torch.bool)
    mask[1, 0] = False
    draft = draft.with_masks({"a": mask})
    images = torch.randn(3, 2, 8, 8, generator=torch.Generator().manual_seed(0))
    found, _ = equalize(draft, 40)
    before, after = (each.graph.run(images)[each.graph.output] for each in (draft, found))
    assert torch.allclose(before, after, rtol=1e-4, atol=1e-4)
    layers = found.weighted
    first = layers["a"].weight.abs().amax((1, 2, 3))
    assert torch.allclose(first, layers["depth"].weight.abs().amax((1, 2, 3)), rtol=0.01)
    given = layers["depth"].weight.abs().amax((1, 2, 3))
    taken = layers["grouped"].weight.abs()  # inputs 0 and 1 go to outputs 0 to 2
    taken = torch.cat([taken[:3].amax((0, 2, 3)), taken[3:].amax((0, 2, 3))])
    assert torch.allclose(given, taken, rtol=0.01)
    assert torch.equal(layers["a"].weight != 0, mask & (draft.weighted["a"].weight != 0))


def test_linear_layers_after_flattening():
    class Flat(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.fc = nn.Conv2d(1, 3, 3), nn.Linear(12, 2)
            self.conv.weight.data[2] = 0  # a channel without weights stays

        def forward(self, x):
            return self.fc(F.avg_pool2d(F.relu(self.conv(x)), 2).flatten(1))

    draft = Draft(graph=capture(initialized(Flat).eval(), (1, 6, 6)))
    images = torch.randn(3, 1, 6, 6)
    found, _ = equalize(draft, 1)
    assert torch.allclose(draft.graph.run(images)["fc"], found.graph.run(images)["fc"], atol=1e-5)
    conv, fc = (found.weighted[name].weight.abs() for name in ("conv", "fc"))
    assert torch.allclose(conv.amax((1, 2, 3))[:2], fc.view(2, 3, 4).amax((0, 2))[:2])
    assert torch.equal(fc[:, 8:], draft.weighted["fc"].weight.abs()[:, 8:])


def test_refusals(draft):
    with pytest.raises(QuantizeError) as caught:
        equalize(draft.replace(tensors={"a": TensorFormat(low=0, high=1)}), 1)
    assert str(caught.value) == ("equalization must come before bits and ranges are chosen, but "
                                 "'a' has a format")
    broken = draft.with_weights({"fc": {"bias": torch.full((5,), torch.inf)}})
    with pytest.raises(QuantizeError, match="^Layer 'fc': weights must be finite, but one is not"):
        equalize(broken, 1)
