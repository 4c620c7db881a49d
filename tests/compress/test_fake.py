"""Simulated quantization: values, and gradients by the papers' formulas."""

import math

import pytest
import torch

from sparrow.compress.draft import TensorFormat, WeightFormat
from sparrow.compress.fake import fake_activation, fake_weight, integer_limits, learned_step
from sparrow.compress.sign import binary_sign


def test_gradient_of_a_learned_step():
    """Esser et al., equation 3, element by element, times 1 / sqrt(N Q_P)."""
    values = torch.tensor([-9.0, -1.6, -0.2, 0.3, 0.7, 5.0], requires_grad=True)
    step = torch.tensor([0.5], requires_grad=True)
    found = learned_step(values, step, -4, 3, 6)
    assert found.tolist() == [-2.0, -1.5, 0.0, 0.5, 0.5, 1.5]
    weights = torch.tensor([1.0, 2.0, 3.0, 5.0, 7.0, 11.0])
    (found * weights).sum().backward()
    by_step = [-4, -3 + 3.2, 0 + 0.4, 1 - 0.6, 1 - 1.4, 3]
    expected = sum(a * b for a, b in zip(by_step, weights.tolist())) / math.sqrt(6 * 4)
    assert step.grad.item() == pytest.approx(expected, rel=1e-5)
    assert values.grad.tolist() == [0, 2, 3, 5, 7, 0]


def test_gradient_of_steps_of_channels():
    """A sum over its own values for each; a step of 0 gives nothing."""
    values = torch.tensor([[0.3, 5.0], [1.0, 2.0]], requires_grad=True)
    step = torch.tensor([[1.0], [0.0]], requires_grad=True)
    found = learned_step(values, step, -1, 1, 2)
    assert found.tolist() == [[0.0, 1.0], [0.0, 0.0]]
    found.sum().backward()
    assert step.grad[0].item() == pytest.approx((-0.3 + 1) / math.sqrt(2))
    assert values.grad.tolist() == [[1, 0], [0, 0]] and bool(step.grad.isfinite().all())


def test_signs():
    values = torch.tensor([-2.0, -1.0, -0.1, 0.0, 0.5, 1.5], requires_grad=True)
    found = binary_sign(values)
    assert found.tolist() == [-1, -1, -1, 1, 1, 1]
    found.sum().backward()
    assert values.grad.tolist() == [0, 1, 1, 1, 1, 0]


def test_weights_pass_all_gradients():
    weight = torch.tensor([[0.26, 3.0]], requires_grad=True)
    form = WeightFormat(bits=4, step=torch.tensor([0.25]).double())
    found = fake_weight(weight, form)
    assert found.tolist() == [[0.25, 1.75]]
    found.sum().backward()
    assert weight.grad.tolist() == [[1, 1]]


def test_activations_pass_gradients_in_their_range():
    form = TensorFormat(low=-1.0, high=14.0, bits=4)
    assert integer_limits(form) == (1.0, -1, 14)
    values = torch.tensor([-3.0, 0.4, 20.0], requires_grad=True)
    found = fake_activation(values, form)
    assert found.tolist() == [-1, 0, 14]
    found.sum().backward()
    assert values.grad.tolist() == [0, 1, 0]
