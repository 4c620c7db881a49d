"""Pruning along a cubic: fewer and fewer, never more, and in the end as many as asked."""

import dataclasses
import itertools

import pytest
import torch

from sparrow.compress.draft import WeightFormat
from sparrow.compress.finetune import Tuning, finetune
from sparrow.compress.prune.criteria import Criterion, scores_of
from sparrow.compress.prune.density import cubic
from sparrow.compress.prune.gradual import Gradual
from sparrow.compress.prune.masks import Layout, Target
from sparrow.compress.prune.pattern import Pattern
from sparrow.compress.scales import QuantizeError
from sparrow.compress.trainable import Trainable

LEARNING = Tuning(epochs=4, batch=8, learning_rate=0.02)  # 32 steps


@pytest.mark.parametrize("criterion", Criterion)
def test_density_falls(small_draft, small_data, criterion):
    scores = scores_of(small_draft, ["fc1"], criterion, data=small_data)
    gradual = Gradual(small_draft, Layout(), Target(layers={"fc1": 0.1}), scores,
                      criterion=criterion, interval=2, ramp=0.5)
    masks = []

    def hook(model, step, steps):
        gradual(model, step, steps)
        masks.append(model.layers["fc1"].mask.clone())

    found = finetune(small_draft, small_data, LEARNING, hook=hook)
    counts = [int(mask.sum()) for mask in masks]
    assert counts[:17:2] == [round(512 * cubic(1.0, 0.1, share / 8)) for share in range(9)]
    assert set(counts[16:]) == {51} == {int(found.mask("fc1").sum())}
    assert not any((later & ~earlier).any() for earlier, later in itertools.pairwise(masks))
    assert not found.weighted["fc1"].weight[~found.mask("fc1")].any()
    assert found.mask("fc2").all()


def test_gradient_follows_training(small_draft, small_data):
    """Scores to begin with are forgotten."""
    wrong = {"fc2": torch.arange(64.0).view(4, 16) / 1e6}
    gradual = Gradual(small_draft, Layout(), Target(layers={"fc2": 0.25}), wrong,
                      criterion=Criterion.GRADIENT, ramp=1.0, interval=1000)
    found = finetune(small_draft, small_data, LEARNING, hook=gradual)
    assert int(found.mask("fc2").sum()) > 0
    assert not torch.equal(found.mask("fc2"), wrong["fc2"] >= 48 / 1e6)


def test_scores_of_zero(small_draft):
    """What is pruned comes after what is kept, though neither does anything to the loss."""
    known = torch.arange(512).view(16, 32) >= 128
    draft = small_draft.with_masks({"fc1": known})
    gradual = Gradual(draft, Layout(), Target(layers={"fc1": 0.25}),
                      {"fc1": torch.zeros(16, 32)}, criterion=Criterion.RANDOM, interval=1)
    model, masks = Trainable(draft), [known]
    for step in range(7):
        gradual(model, step, 12)
        masks.append(model.layers["fc1"].mask.clone())
    assert [int(mask.sum()) for mask in masks[1:]] == [
        round(512 * cubic(0.75, 0.25, step / 6)) for step in range(7)]
    assert not any((later & ~earlier).any() for earlier, later in itertools.pairwise(masks))


@pytest.mark.parametrize("layout, count", [
    (Layout(pattern=Pattern.NM, n=1, m=4), 128),
    (Layout(pattern=Pattern.BLOCK, block=(4, 4)), 128)])
def test_patterns(small_draft, small_data, layout, count):
    scores = scores_of(small_draft, ["fc1"], Criterion.MAGNITUDE)
    gradual = Gradual(small_draft, layout, Target(layers={"fc1": 0.25}), scores, interval=3)
    found = finetune(small_draft, small_data, LEARNING, hook=gradual)
    assert int(found.mask("fc1").sum()) == count
    groups = found.mask("fc1").view(16, 2, 4, 4).sum(2)
    assert int(groups.max()) == (1 if layout.pattern is Pattern.NM else 4)


def test_codebook_is_refused(small_draft):
    form = WeightFormat(bits=8, step=torch.ones(1, dtype=torch.float64),
                        codebook=torch.tensor([-1.0, 1.0]))
    shared = dataclasses.replace(small_draft, formats={"fc1": form})
    scores = scores_of(shared, ["fc1"], Criterion.MAGNITUDE)
    Gradual(shared, Layout(), Target(layers={"fc1": 0.5}), scores)
    with pytest.raises(QuantizeError, match="^Layer 'fc1': weights must have no codebook yet, to "
                                            "be pruned gradually by gradient; share weights after "
                                            "pruning$"):
        Gradual(shared, Layout(), Target(layers={"fc1": 0.5}), scores,
                criterion=Criterion.GRADIENT)
