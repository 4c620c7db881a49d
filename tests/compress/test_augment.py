"""Training images changed at random."""

import pytest
import torch

from sparrow.compress.augment import shifted
from sparrow.compress.scales import QuantizeError


def test_shifts():
    images = torch.ones(8, 1, 6, 6)
    torch.manual_seed(0)
    sums = shifted(images, 2).flatten(1).sum(1)
    assert {float(each) for each in sums} <= {float(a * b) for a in (4, 5, 6) for b in (4, 5, 6)}
    assert len(sums.unique()) > 1
    assert shifted(images, 0) is images


def test_signals():
    """Along time alone."""
    signals = torch.arange(1.0, 7).repeat(4, 3, 1) * torch.tensor([1.0, 10.0, 100.0])[:, None]
    torch.manual_seed(1)
    found = shifted(signals, 2)
    assert found.shape == signals.shape
    assert not torch.equal(found, signals)
    assert torch.equal(found[:, 1], 10 * found[:, 0])


def test_features_are_refused():
    with pytest.raises(QuantizeError) as caught:
        shifted(torch.ones(8, 5), 1)
    assert str(caught.value) == ("shift must be 0 for data that are no images or signals, "
                                 "of shape (5,), not 1")
