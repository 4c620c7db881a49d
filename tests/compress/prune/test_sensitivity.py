"""The scan of layers, and densities of which each costs the same."""

import dataclasses

import pytest
import torch

from sparrow.compress.prune.criteria import Criterion, scores_of
from sparrow.compress.prune.masks import Layout, Target, masks_of
from sparrow.compress.prune.sensitivity import DENSITIES, Point, densities_for, scan


def masks(draft):
    scores = scores_of(draft, draft.weighted, Criterion.MAGNITUDE)
    return lambda name, density: masks_of(draft, scores, Layout(),
                                          Target(layers={name: density}))[name]


@pytest.mark.parametrize("labels", [True, False])
def test_scan(small_draft, small_data, labels):
    """With all weights the loss is the network's; the scan sees training images alone."""
    data = dataclasses.replace(small_data, test_images=torch.empty(0, 2, 6, 6))
    if not labels:
        data = dataclasses.replace(data, train_labels=None)
    found = scan(small_draft, ["conv", "fc2"], masks(small_draft), data, images=32)
    again = scan(small_draft, ["conv", "fc2"], masks(small_draft), data, images=32)
    assert found == again and list(found) == ["conv", "fc2"]
    for points in found.values():
        assert tuple(point.density for point in points) == DENSITIES
        assert points[0] == found["conv"][0]
        assert all((point.accuracy is not None) == labels for point in points)
        assert labels or all(point.loss >= points[0].loss - 1e-6 for point in points)
    empty = small_draft.with_masks({"fc2": torch.zeros(4, 16, dtype=torch.bool)})
    whole = scan(empty, ["conv"], masks(empty), data, images=32)["conv"][0]
    assert not labels or found["fc2"][-1] == dataclasses.replace(whole, density=0.0)


def test_densities():
    """Robust layers lose more; the sum is what was asked."""
    points = {"robust": [Point(1.0, 1.0, None), Point(0.5, 1.1, None), Point(0.0, 2.1, None)],
              "touchy": [Point(1.0, 1.0, None), Point(0.5, 1.4, None), Point(0.0, 9.0, None)]}
    found = densities_for(points, {"robust": 100, "touchy": 100}, 0.6875)
    assert found == pytest.approx({"robust": 0.5, "touchy": 0.875})  # the loss is 1.1
    found = densities_for(points, {"robust": 300, "touchy": 100}, 0.25)
    assert 300 * found["robust"] + 100 * found["touchy"] == pytest.approx(100)
    assert densities_for(points, {"robust": 1, "touchy": 1}, 1.0) == {"robust": 1, "touchy": 1}


def test_densities_where_nothing_matters():
    """A loss that doesn't change, or falls, leaves the density to the target."""
    points = {name: [Point(1.0, 1.0, None), Point(0.0, 0.5, None)] for name in "ab"}
    found = densities_for(points, {"a": 50, "b": 50}, 0.3)
    assert 50 * found["a"] + 50 * found["b"] == pytest.approx(30)
