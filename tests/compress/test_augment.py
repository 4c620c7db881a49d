"""Training images changed at random."""

import torch

from sparrow.compress.augment import shifted


def test_shifts():
    images = torch.ones(8, 1, 6, 6)
    torch.manual_seed(0)
    sums = shifted(images, 2).flatten(1).sum(1)
    assert {float(each) for each in sums} <= {float(a * b) for a in (4, 5, 6) for b in (4, 5, 6)}
    assert len(sums.unique()) > 1
    assert shifted(images, 0) is images
