"""Scores of weights: magnitudes, what the loss does, chance."""

import dataclasses

import pytest
import torch
import torch.nn.functional as F

from sparrow.compress.prune.criteria import SMALLEST, Criterion, loss_changes, scores_of
from sparrow.compress.scales import QuantizeError


def test_magnitude(small_draft):
    draft = small_draft.with_masks({"fc1": torch.arange(512).view(16, 32) % 2 == 0})
    found = scores_of(draft, ["fc1"], Criterion.MAGNITUDE)
    assert list(found) == ["fc1"]
    assert torch.equal(found["fc1"], draft.weighted["fc1"].weight.abs())


def test_random(small_draft):
    draft = small_draft.with_masks({"fc1": torch.arange(512).view(16, 32) % 2 == 0})
    first, again, other = (scores_of(draft, ["fc1"], Criterion.RANDOM, seed=seed)["fc1"]
                           for seed in (1, 1, 2))
    assert torch.equal(first, again) and not torch.equal(first, other)
    assert torch.equal(first > 0, draft.mask("fc1"))


def test_gradient(small_draft, small_data):
    """Nearly the change of the loss when a small weight becomes 0; the same for the same seed."""
    changes = loss_changes(small_draft, small_data, batches=1, batch=64, seed=0)
    images, labels = small_data.train_images, small_data.train_labels

    def loss(draft):
        outputs = draft.graph.run(images)["fc2"].flatten(1)
        return float(F.cross_entropy(outputs.double(), labels))

    weight = small_draft.weighted["fc2"].weight
    for place in weight.abs().flatten().argsort()[:5].tolist():
        mask = torch.ones(64, dtype=torch.bool)
        mask[place] = False
        change = abs(loss(small_draft.with_masks({"fc2": mask.view(4, 16)})) - loss(small_draft))
        assert change == pytest.approx(float(changes["fc2"].flatten()[place]), rel=0.1, abs=1e-6)
    again = scores_of(small_draft, ["fc1"], Criterion.GRADIENT, data=small_data, batches=1,
                      batch=64)
    assert torch.equal(again["fc1"], changes["fc1"].clamp(min=SMALLEST))


def test_gradient_of_pruned_weights(small_draft, small_data):
    draft = small_draft.with_masks({"fc1": torch.arange(512).view(16, 32) % 2 == 0})
    found = loss_changes(draft, small_data, batches=2, batch=8, seed=0)["fc1"]
    assert not found[~draft.mask("fc1")].any() and found[draft.mask("fc1")].any()


def test_gradient_needs_labels(small_draft, small_data):
    data = dataclasses.replace(small_data, train_labels=None)
    with pytest.raises(QuantizeError, match="^data must have labels, for a ranking by gradient; "
                                            "they have none$"):
        scores_of(small_draft, ["fc1"], Criterion.GRADIENT, data=data)
