"""Comparisons of an integer network's outputs with the model's."""

import math

import pytest
import torch
from torch import nn

from sparrow.compress import capture, compare, quantize


@pytest.fixture(scope="module")
def case():
    """Two outputs: the input, and a half."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(1, 2)).eval()
    model[1].weight.data[:] = torch.tensor([[1.0], [0.0]])
    model[1].bias.data[:] = torch.tensor([0.0, 0.5])
    images = torch.linspace(0, 1, 256).view(256, 1, 1, 1)
    graph = capture(model, (1, 1, 1))
    return graph, quantize(graph, images), images


def test_outputs_against_the_network_itself(case):
    graph, network, images = case
    found = compare(graph, network, images, (images.flatten() <= 0.5).long())
    assert found.agreement > 0.99 and found.output_signal_to_noise > 40
    assert found.output_signal_to_noise == found.layers[-1].signal_to_noise
    assert found.float_accuracy == 1 and found.accuracy > 0.99


def test_outputs_against_another_model(case):
    """A model whose second output is a quarter: other classes between that and a half."""
    graph, network, images = case
    [node] = graph.nodes
    model = graph.replace(nodes=(node.replace(bias=torch.tensor([0.0, 0.25])),))
    found = compare(graph, network, images, (images.flatten() <= 0.25).long(), model=model)
    assert found.agreement == pytest.approx(0.75, abs=0.01)
    assert found.float_accuracy == 1 and found.accuracy == pytest.approx(0.75, abs=0.01)
    energy = float((images**2).mean()) + 0.25**2
    assert found.output_signal_to_noise == pytest.approx(10 * math.log10(energy / 0.25**2),
                                                         abs=0.1)
    assert found.layers[-1].signal_to_noise > 40
