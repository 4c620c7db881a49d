"""Masks of a pattern with exactly the density that is asked."""

import pytest
import torch
from torch.nn.utils import prune

from sparrow.compress.prune.criteria import Criterion, scores_of
from sparrow.compress.prune.masks import Layout, Target, masks_of
from sparrow.compress.prune.pattern import Pattern

BLOCKS = Layout(pattern=Pattern.BLOCK, block=(4, 2))


def magnitudes(draft):
    return scores_of(draft, draft.weighted, Criterion.MAGNITUDE)


def counts(masks):
    return {name: int(mask.sum()) for name, mask in masks.items()}


@pytest.mark.parametrize("density", [0.0, 0.001, 0.3, 1.0])
def test_by_layer(small_draft, density):
    """The same that PyTorch keeps."""
    masks = masks_of(small_draft, magnitudes(small_draft), Layout(),
                     Target(layers={"fc1": density, "conv": 0.5}))
    kept = max(round(512 * density), density > 0)
    assert counts(masks) == {"fc1": kept, "conv": 72}
    module = torch.nn.Linear(32, 16)
    module.weight.data.copy_(small_draft.weighted["fc1"].weight)
    prune.l1_unstructured(module, "weight", amount=512 - kept)
    assert torch.equal(masks["fc1"], module.weight_mask.bool())


def test_overall(small_draft):
    """Scales of layers don't matter to magnitudes, and no layer goes empty."""
    target = Target(layers=dict.fromkeys(small_draft.weighted, 0.1), overall=0.1)
    masks = masks_of(small_draft, magnitudes(small_draft), Layout(), target)
    assert sum(counts(masks).values()) == 72
    scaled = small_draft.with_weights({"conv": {"weight": small_draft.weighted["conv"].weight
                                                * 2**-10}})
    again = masks_of(scaled, magnitudes(scaled), Layout(), target)
    assert all(torch.equal(mask, again[name]) for name, mask in masks.items())


def test_overall_of_other_criteria(small_draft):
    """Losses are compared as they are."""
    scores = {"conv": torch.zeros(8, 2, 3, 3), "fc1": torch.rand(16, 32) + 1}
    target = Target(layers={"conv": 0, "fc1": 0}, overall=100 / 656)
    masks = masks_of(small_draft, scores, Layout(), target, criterion=Criterion.GRADIENT)
    assert counts(masks) == {"conv": 0, "fc1": 100}


def test_blocks(small_draft):
    masks = masks_of(small_draft, magnitudes(small_draft), BLOCKS,
                     Target(layers={"fc1": 0.25, "conv": 0.5}))
    assert counts(masks) == {"fc1": 128, "conv": 72}
    parts = masks["fc1"].view(8, 2, 2, 4, 4).sum((1, 3)).flatten().tolist()
    assert sorted(parts) == [0] * 48 + [8] * 16
    overall = masks_of(small_draft, magnitudes(small_draft), BLOCKS, Target(
        layers=dict.fromkeys(small_draft.weighted, 0.0), overall=0.25))
    assert sum(counts(overall).values()) in (176, 180, 184) and min(counts(overall).values()) > 0


def test_n_of_m(small_draft):
    masks = masks_of(small_draft, magnitudes(small_draft), Layout(pattern=Pattern.NM, n=1, m=4),
                     Target(layers={"fc1": 1.0, "fc2": 1.0}))
    assert counts(masks) == {"fc1": 128, "fc2": 16}
    assert set(masks["fc1"].view(16, 2, 4, 4).sum(2).flatten().tolist()) == {1}


def test_on_the_way(small_draft):
    target = Target(layers={"fc1": 0.2})
    found = [counts(masks_of(small_draft, magnitudes(small_draft), Layout(), target,
                             share=share))["fc1"] for share in (0.0, 0.5, 1.0)]
    assert found == [512, round(512 * 0.3), round(512 * 0.2)]
    halves = [counts(masks_of(small_draft, magnitudes(small_draft),
                              Layout(pattern=Pattern.NM, n=1, m=4), target, share=share))["fc1"]
              for share in (0.0, 0.3, 0.9, 1.0)]
    assert halves == [512, 3 * 128, 2 * 128, 128]


def test_pruned_weights_stay_so(small_draft):
    known = torch.zeros(16, 32, dtype=torch.bool)
    known[:, :8] = True
    draft = small_draft.with_masks({"fc1": known})
    for layout, density, kept in ((Layout(), 0.125, 64), (Layout(), 0.5, 128), (BLOCKS, 0.5, 128),
                                  (Layout(pattern=Pattern.NM, n=1, m=4), 1.0, 64)):
        mask = masks_of(draft, magnitudes(draft), layout, Target(layers={"fc1": density}))["fc1"]
        assert not (mask & ~known).any()
        assert int(mask.sum()) == kept
