"""Data and training: the same every time."""

import pytest
import torch
from torch import nn

from sparrow.compress.data import digits
from sparrow.compress.train import float_accuracy, initialized, train


def test_digits():
    data = digits()
    assert data.train_images.shape == (1437, 1, 8, 8) and data.test_images.shape == (360, 1, 8, 8)
    assert data.train_images.dtype == torch.float32 and data.train_labels.dtype == torch.int64
    assert float(data.train_images.min()) == 0 and float(data.train_images.max()) == 1
    assert data.test_labels[:10].tolist() == digits().test_labels[:10].tolist()
    assert not torch.equal(data.test_labels, digits(seed=1).test_labels)
    everything = torch.cat([data.train_labels, digits().test_labels]).bincount()
    assert everything.sum() == 1797 and everything.min() >= 174
    with pytest.raises(ValueError, match="^test must be an integer from 1 to 1796, not 0$"):
        digits(test=0)


def test_training_is_repeatable():
    data = digits()
    before = torch.random.get_rng_state()
    results = []
    for _ in range(2):
        model = initialized(lambda: nn.Sequential(nn.Flatten(), nn.Dropout(0.1),
                                                  nn.Linear(64, 10)), seed=3)
        results.append((train(model, data, epochs=3), model[2].weight))
    assert results[0][0] == results[1][0] > 0.8
    assert torch.equal(results[0][1], results[1][1]) and not model.training
    assert float_accuracy(model, data.test_images, data.test_labels) == results[1][0]
    assert torch.equal(torch.random.get_rng_state(), before)
    other = initialized(lambda: nn.Linear(64, 10), seed=4)
    assert not torch.equal(other.weight, initialized(lambda: nn.Linear(64, 10), seed=5).weight)
