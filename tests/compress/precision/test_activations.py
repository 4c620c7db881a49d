"""Equalization of activations: the same function, equal ranges, around additions too."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from sparrow.compress import QuantizeError, capture
from sparrow.compress.draft import Draft, TensorFormat
from sparrow.compress.passes import make_pass
from sparrow.compress.precision.activations import (
    TensorGroup,
    equalize_activations,
    tensor_groups,
)
from sparrow.compress.train import initialized
from sparrow.hw.spec.base import SpecError

IMAGES = torch.randn(70, 2, 8, 8, generator=torch.Generator().manual_seed(0))


class Residual(nn.Module):
    """A sum of two branches, a depthwise convolution, ReLU6, a linear layer."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Conv2d(2, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)
        self.depth, self.c = nn.Conv2d(4, 4, 3, groups=4), nn.Conv2d(4, 3, 1)
        self.fc = nn.Linear(27, 5)
        self.a.weight.data *= torch.tensor([0.01, 1.0, 20.0, 0.0]).view(4, 1, 1, 1)
        self.a.bias.data[3] = 0

    def forward(self, x):
        y = F.relu(self.a(x))
        y = F.relu(self.b(y) + y)
        y = F.relu6(self.c(F.relu(self.depth(y))))
        return self.fc(F.max_pool2d(y, 2).flatten(1))


@pytest.fixture(scope="module")
def draft():
    return Draft(graph=capture(initialized(Residual).eval(), (2, 8, 8)))


def test_groups(draft):
    """ReLU6 ends a group, and so does the output."""
    assert tensor_groups(draft.graph) == [
        TensorGroup(tensors=("a", "b", "add"), givers=("a", "b"), takers=("b", "depth")),
        TensorGroup(tensors=("depth",), givers=("depth",), takers=("c",))]


def test_the_function_stays_and_ranges_are_equal(draft):
    found, groups = equalize_activations(draft, IMAGES, 1.0)
    assert len(groups) == 2
    before, after = (each.graph.run(IMAGES) for each in (draft, found))
    assert torch.allclose(before["fc"], after["fc"], rtol=1e-4, atol=1e-4)

    def spread(tensors, name):
        reached = tensors[name].abs().amax((0, 2, 3))
        reached = reached[reached > 0]
        return float(reached.max() / reached.min())
    assert spread(after, "depth") == pytest.approx(1, abs=1e-3)
    assert spread(before, "depth") > 1.5
    assert spread(after, "add") < spread(before, "add")
    unchanged, _ = equalize_activations(draft, IMAGES, 0.0)
    assert torch.equal(unchanged.graph.node("a").weight, draft.graph.node("a").weight)


def test_functions_and_concatenations_stay():
    class Mixed(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.c = nn.Conv2d(1, 2, 1), nn.Conv2d(1, 2, 1), nn.Conv2d(6, 1, 1)

        def forward(self, x):
            y = self.a(x)
            return self.c(torch.cat([y, torch.sigmoid(self.b(x)), F.relu(y)], 1))

    assert tensor_groups(capture(initialized(Mixed).eval(), (1, 4, 4))) == []


def test_refusals(draft):
    with pytest.raises(QuantizeError, match="^equalization must come before bits and ranges are "):
        equalize_activations(draft.replace(tensors={"a": TensorFormat(low=0, high=1)}), IMAGES, 1)
    with pytest.raises(QuantizeError) as caught:
        equalize_activations(draft, IMAGES * 5e37, 1.0)
    assert str(caught.value) == ("Layer 'a': values must be finite on the calibration images, but "
                                 "one is an infinity or NaN")
    with pytest.raises(SpecError) as caught:
        make_pass({"kind": "equalize-activations", "strength": 2})
    assert str(caught.value) == ("pass (equalize-activations): strength must be a number from 0.0 "
                                 "to 1.0, not 2")
    with pytest.raises(SpecError) as caught:
        make_pass({"kind": "equalize", "rounds": 0})
    assert str(caught.value) == ("pass (equalize): rounds must be an integer from 1 to 1000, "
                                 "not 0")
