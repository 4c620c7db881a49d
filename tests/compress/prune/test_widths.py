"""How many channels stay, and that the best do."""

import pytest
import torch

from sparrow.compress.prune.channels import channel_groups
from sparrow.compress.prune.criteria import Criterion, scores_of
from sparrow.compress.prune.widths import (
    check_keep,
    removed_channels,
    rounded,
    unit_scores,
    wanted_counts,
)
from sparrow.compress.scales import QuantizeError
from sparrow.hw.spec.base import SpecError


@pytest.fixture
def groups(tied_draft):
    return [group for group in channel_groups(tied_draft.graph) if not group.units[0].fixed]


def named(counts):
    return {group.layers[0]: count for group, count in counts.items()}


@pytest.mark.parametrize("count, total, multiple, wanted", [
    (5, 20, 1, 5), (0, 20, 1, 1), (5, 20, 16, 16), (23, 50, 16, 16), (24, 50, 16, 32),
    (50, 50, 16, 48), (20, 20, 16, 16), (10, 12, 16, 12), (30, 31, 8, 31)])
def test_rounded(count, total, multiple, wanted):
    assert rounded(count, total, multiple) == wanted


def test_wanted_counts(groups):
    assert named(wanted_counts(groups, "density", {"*": 0.5})) == {
        "stem": 3, "left": 2, "right": 2, "hidden": 4}
    assert named(wanted_counts(groups, "keep", {"branch": 2, "hidden": 7})) == {
        "stem": 2, "hidden": 7}
    assert named(wanted_counts(groups, "keep", {"depthwise": 2, "branch": 2, "*": 5})) == {
        "stem": 2, "left": 4, "right": 5, "hidden": 5}


@pytest.mark.parametrize("option, values, text", [
    ("density", {"head": 0.5}, "density must name layers of which channels can be removed, stem, "
                               "branch, depthwise, left, right, hidden, not 'head'"),
    ("density", {"stem": 0.5, "branch": 0.25},
     "Layer 'branch': density must be that of 'stem', to which its channels are tied, 0.5, not "
     "0.25"),
    ("keep", {"left": 5}, "Layer 'left': keep must be at most its 4 channels, not 5"),
])
def test_refused(groups, option, values, text):
    with pytest.raises(QuantizeError, match=f"^{text}$"):
        wanted_counts(groups, option, values)


@pytest.mark.parametrize("keep, kind, text", [
    (0, SpecError, "keep must be an integer from 1 to 1000000, not 0"),
    (0.5, TypeError, "keep must be an integer from 1 to 1000000, not 0.5"),
    ({}, SpecError, "keep must be a number or name layers, not be empty"),
    ({"a": 0}, SpecError, "keep of 'a' must be an integer from 1 to 1000000, not 0"),
])
def test_bad_keep(keep, kind, text):
    check_keep({"a": 1})
    with pytest.raises(kind, match=f"^{text}$"):
        check_keep(keep)


def test_scores_are_summed(tied_draft, groups):
    """Over all layers that make the channels of a unit."""
    scores = scores_of(tied_draft, tied_draft.weighted, Criterion.MAGNITUDE)
    stem, branch, depthwise = (tied_draft.weighted[name].weight.abs().flatten(1).double().sum(1)
                               for name in ("stem", "branch", "depthwise"))
    wanted = stem + branch + depthwise.view(6, 2).sum(1)
    assert torch.allclose(unit_scores(groups[0], scores), wanted)
    removed = removed_channels(tied_draft, {groups[0]: 5}, scores)
    worst = int(wanted.argmin())
    assert removed == [("stem", worst), ("branch", worst), ("depthwise", 2 * worst),
                       ("depthwise", 2 * worst + 1)]


def test_ranked_together(tied_draft, groups):
    scores = scores_of(tied_draft, tied_draft.weighted, Criterion.MAGNITUDE)
    counts = dict.fromkeys(groups, 0)
    removed = removed_channels(tied_draft, counts, scores, overall=0.5)
    sizes = {name: sum(layer == name for layer, _ in removed) for name in tied_draft.weighted}
    units = sizes["stem"] + sizes["left"] + sizes["right"] + sizes["hidden"]
    assert units == 23 - 12 and len(set(sizes.values())) > 2
    assert sizes["stem"] == sizes["branch"] == sizes["depthwise"] / 2
    even = removed_channels(tied_draft, counts, scores, overall=0.5, multiple=2)
    left = {name: tied_draft.weighted[name].shape[0] - sum(layer == name for layer, _ in even)
            for name in tied_draft.weighted}
    assert all(left[name] % 2 == 0 for name in ("stem", "left", "hidden"))


def test_fixed_channels_stay(tied_draft):
    """Even if they are the worst."""
    graph = tied_draft.graph.replace(output="sum", nodes=tied_draft.graph.nodes[:4])
    draft = tied_draft.replace(graph=graph)
    group = channel_groups(graph)[0]
    scores = scores_of(draft, draft.weighted, Criterion.MAGNITUDE)
    assert removed_channels(draft, {group: 1}, scores) == []
