"""Fine-tuning: what it trains, what it leaves, and what it is guided by."""

import dataclasses

import pytest
import torch
import torch.nn.functional as F

from sparrow.compress.draft import WeightFormat
from sparrow.compress.finetune import Tuning, finetune, graph_accuracy
from sparrow.compress.formats import weight_format
from sparrow.compress.scales import QuantizeError
from sparrow.compress.trainable import Trainable
from sparrow.hw.spec.base import SpecError

TUNING = Tuning(epochs=6, batch=16, learning_rate=0.02)


def test_it_learns(small_draft, small_data):
    before = graph_accuracy(small_draft, small_data.test_images, small_data.test_labels)
    found = finetune(small_draft, small_data, TUNING)
    after = graph_accuracy(found, small_data.test_images, small_data.test_labels)
    assert after > 0.9 > before


def test_the_same_seed_gives_the_same(small_draft, small_data):
    found = [finetune(small_draft, small_data, TUNING, seed=seed).weighted["fc1"].weight
             for seed in (1, 1, 2)]
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])


def test_global_random_numbers_and_threads_stay(small_draft, small_data):
    torch.manual_seed(3)
    wanted, threads = torch.rand(1), torch.get_num_threads()
    torch.manual_seed(3)
    finetune(small_draft, small_data, TUNING, threads=threads + 1)
    assert torch.equal(torch.rand(1), wanted)
    assert torch.get_num_threads() == threads


def test_masks_hold(small_draft, small_data):
    mask = torch.arange(512).view(16, 32) % 3 == 0
    found = finetune(small_draft.with_masks({"fc1": mask}), small_data, TUNING)
    weight = found.weighted["fc1"].weight
    assert bool((weight[~mask] == 0).all())
    assert int((weight != small_draft.weighted["fc1"].weight)[mask].sum()) == int(mask.sum())


def test_outputs_are_those_of_masked_weights(small_draft, small_data):
    """Also while the mask changes, and with pruned weights that are trained."""
    model, images = Trainable(small_draft), small_data.test_images
    mask = torch.arange(512).view(16, 32) % 3 == 0
    wanted = Trainable(small_draft.with_masks({"fc1": mask}))(images)
    assert not torch.allclose(model(images), wanted)
    layer = model.layers["fc1"]
    layer.mask.copy_(mask)
    for layer.revive in (False, True):
        torch.testing.assert_close(model(images), wanted)
        layer.weight.grad = None
        model(images).sum().backward()
        assert bool(layer.weight.grad[~mask].any()) == layer.revive


def test_the_gradient_goes_straight_through(small_draft, small_data):
    """Weights of few bits learn too, and the module computes with what they become."""
    forms = {name: weight_format(node, 4) for name, node in small_draft.weighted.items()}
    draft = small_draft.replace(formats=forms)
    found = finetune(draft, small_data, TUNING)
    assert graph_accuracy(found, small_data.test_images, small_data.test_labels) > 0.75
    layer = Trainable(found).layers["fc1"]
    form = forms["fc1"]
    wanted = form.integers(found.weighted["fc1"].weight) * form.around(layer.weight)
    assert torch.equal(layer.effective(), wanted)


def test_the_teacher_alone(small_draft, small_data):
    """Without labels, from other weights to the teacher's outputs."""
    teacher = finetune(small_draft, small_data, TUNING).graph
    unlabelled = dataclasses.replace(small_data, train_labels=None)
    tuning = dataclasses.replace(TUNING, distill=1.0, epochs=20)
    found = finetune(small_draft, unlabelled, tuning, teacher=teacher)
    assert graph_accuracy(found, small_data.test_images, small_data.test_labels) > 0.75


def test_loss_of_distillation(small_draft, small_data):
    """One step against Hinton et al.'s formula by hand."""
    from sparrow.compress.finetune import _loss

    teacher = finetune(small_draft, small_data, TUNING).graph
    tuning = Tuning(distill=0.3, temperature=2.5)
    images, labels = small_data.train_images[:8], small_data.train_labels[:8]
    model = Trainable(small_draft)
    student, guide = model(images), teacher.run(images)["fc2"].flatten(1)
    soft = F.softmax(guide / 2.5, 1)
    divergence = (soft * (soft.log() - F.log_softmax(student / 2.5, 1))).sum(1).mean()
    wanted = 0.7 * F.cross_entropy(student, labels) + 0.3 * 2.5**2 * divergence
    found = _loss(model, images, labels, tuning, teacher)
    torch.testing.assert_close(found, wanted)


def test_quantization_in_the_loss_draws_weights_to_the_grid(small_draft, small_data):
    step = torch.tensor([0.25], dtype=torch.float64)
    draft = small_draft.replace(formats={"fc1": WeightFormat(bits=4, step=step)})

    def error(tuning):
        found = finetune(draft, small_data, tuning)
        return float(Trainable(found).layers["fc1"].quantization_error().detach())

    assert error(dataclasses.replace(TUNING, quant_weight=100.0)) < 0.5 * error(TUNING)


def test_hooks_see_every_step_and_the_end(small_draft, small_data):
    seen = []
    finetune(small_draft, small_data, dataclasses.replace(TUNING, epochs=2),
             hook=lambda model, step, steps: seen.append((step, steps)))
    assert seen == [(step, 8) for step in range(9)]


@pytest.mark.parametrize("options, text", [
    ({"epochs": -1}, "epochs must be an integer from 0 to 100000, not -1"),
    ({"batch": 0}, "batch must be an integer from 1 to 100000, not 0"),
    ({"shift": 65}, "shift must be an integer from 0 to 64, not 65"),
    ({"learning_rate": -1}, "learning_rate must be a number from 0.0 to 10.0, not -1"),
    ({"distill": 1.1}, "distill must be a number from 0.0 to 1.0, not 1.1"),
    ({"temperature": 0}, "temperature must be a number from 0.01 to 1000.0, not 0"),
])
def test_refused(options, text):
    with pytest.raises(SpecError) as caught:
        Tuning(**options)
    assert str(caught.value) == text


def test_what_is_missing(small_draft, small_data):
    with pytest.raises(QuantizeError) as caught:
        finetune(small_draft, dataclasses.replace(small_data, train_labels=None), TUNING)
    assert str(caught.value) == ("data must have labels, to be trained on, or distill must be 1; "
                                 "they have none")
    with pytest.raises(QuantizeError) as caught:
        finetune(small_draft, small_data, dataclasses.replace(TUNING, distill=0.5))
    assert str(caught.value) == "distill must be 0 without a teacher, not 0.5"
