"""Distillation: the formula, teachers of another architecture, refusals."""

import dataclasses

import pytest
import torch
from torch import nn

from sparrow.compress.data import Dataset, digits
from sparrow.compress.distill import distillation_loss, teacher_outputs
from sparrow.compress.draft import Draft
from sparrow.compress.finetune import Tuning, finetune
from sparrow.compress.graph import ConvNode, Graph, LinearNode
from sparrow.compress.quantize import QuantizeError
from sparrow.compress.trainable import Trainable


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def student(shape=(1, 8, 8), outputs=10):
    features = torch.Size(shape).numel()
    return Graph(name="student", shape=shape, output="fc", nodes=(
        LinearNode(name="fc", inputs=("input",), shape=(outputs, 1, 1),
                   weight=0.01 * random(outputs, features), bias=torch.zeros(outputs)),))


def teacher():
    """A convolution before the linear layer, more weights, other names."""
    return Graph(name="teacher", shape=(1, 8, 8), output="last", nodes=(
        ConvNode(name="conv", inputs=("input",), shape=(6, 6, 6), weight=random(6, 1, 3, 3),
                 bias=random(6), minimum=0.0),
        LinearNode(name="last", inputs=("conv",), shape=(10, 1, 1),
                   weight=0.1 * random(10, 216, seed=1), bias=random(10, seed=2))))


@pytest.fixture(scope="module")
def data() -> Dataset:
    found = digits()
    return dataclasses.replace(found, train_images=found.train_images[:256],
                               train_labels=found.train_labels[:256])


@pytest.mark.parametrize("temperature", (0.5, 1.0, 4.0))
def test_formula(temperature):
    outputs, wanted = 3 * random(7, 5), 3 * random(7, 5, seed=1)
    p, q = ((values.double() / temperature).softmax(1) for values in (wanted, outputs))
    expected = temperature**2 * (p * (p / q).log()).sum(1).mean()
    found = distillation_loss(outputs, wanted, temperature)
    assert float(found) == pytest.approx(float(expected), rel=1e-5)
    assert float(distillation_loss(wanted, wanted, temperature)) == pytest.approx(0, abs=1e-6)


def test_gradients_hardly_depend_on_a_high_temperature():
    wanted = random(7, 5, seed=1)
    sizes = []
    for temperature in (20.0, 80.0):
        outputs = random(7, 5).requires_grad_()
        distillation_loss(outputs, wanted, temperature).backward()
        sizes.append(float(outputs.grad.norm()))
    assert sizes[0] == pytest.approx(sizes[1], rel=0.05)


@pytest.mark.parametrize("share", (0.0, 0.3, 1.0))
def test_share_in_a_step(data, share):
    """The gradient of fine-tuning's only step against one of the formula."""
    found = {}

    def hook(model, step, steps):
        if step == steps:
            found["gradient"] = model.layers["fc"].weight.grad.clone()

    draft = Draft(graph=student())
    few = dataclasses.replace(data, train_images=data.train_images[:20],
                              train_labels=data.train_labels[:20])
    finetune(draft, few, Tuning(epochs=1, batch=20, distill=share, temperature=3.0),
             teacher=teacher(), hook=hook)
    model = Trainable(draft)
    outputs = model(few.train_images)
    soft = (teacher_outputs(teacher(), few.train_images) / 3.0).softmax(1)
    divergence = (soft * (soft.log() - (outputs / 3.0).log_softmax(1))).sum(1).mean()
    loss = share * 9.0 * divergence + (1 - share) * nn.functional.cross_entropy(
        outputs, few.train_labels)
    loss.backward()
    assert torch.allclose(found["gradient"], model.layers["fc"].weight.grad, atol=1e-5)


def test_without_labels_from_another_architecture(data):
    unlabeled = dataclasses.replace(data, train_labels=None)
    found = finetune(Draft(graph=student()), unlabeled,
                     Tuning(epochs=20, batch=64, learning_rate=0.02, distill=1.0),
                     teacher=teacher())
    wanted = teacher_outputs(teacher(), data.test_images).argmax(1)
    with torch.inference_mode():
        before, after = (float((Trainable(draft)(data.test_images).argmax(1) == wanted)
                               .float().mean()) for draft in (Draft(graph=student()), found))
    assert after > 0.8 > 0.5 > before


def test_refusals(data):
    with pytest.raises(QuantizeError, match="^distill must be 0 without a teacher, not 0.5$"):
        finetune(Draft(graph=student()), data, Tuning(epochs=1, distill=0.5))
    with pytest.raises(QuantizeError) as caught:
        finetune(Draft(graph=student((1, 4, 16))), data, Tuning(epochs=1, distill=0.5),
                 teacher=teacher())
    assert str(caught.value) == ("Teacher 'teacher': the input must be of shape (1, 4, 16), as "
                                 "that of 'student', not (1, 8, 8)")
    with pytest.raises(QuantizeError) as caught:
        finetune(Draft(graph=student(outputs=4)), data, Tuning(epochs=1, distill=0.5),
                 teacher=teacher())
    assert str(caught.value) == ("Teacher 'teacher': there must be 4 outputs, as of 'student', "
                                 "not 10")
    with pytest.raises(QuantizeError, match="^data must have labels, to be trained on, or distill "
                                            "must be 1; they have none$"):
        finetune(Draft(graph=student()), dataclasses.replace(data, train_labels=None),
                 Tuning(epochs=1, distill=0.5), teacher=teacher())
