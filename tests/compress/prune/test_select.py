"""Exactly as many as asked, and the best."""

import torch

from sparrow.compress.prune.select import best, best_overall, layer_adaptive

VALUES = torch.tensor([[3.0, -1.0, 2.0], [5.0, 4.0, 0.5]])


def test_best():
    assert best(VALUES, 3).tolist() == [[True, False, False], [True, True, False]]
    assert not best(VALUES, 0).any() and best(VALUES, 6).all()
    assert int(best(torch.zeros(4, 5), 7).sum()) == 7


def test_best_overall():
    masks = best_overall({"a": VALUES, "b": torch.tensor([4.5, 0.0])}, 3)
    assert masks["a"].tolist() == [[False, False, False], [True, True, False]]
    assert masks["b"].tolist() == [True, False]


def test_layer_adaptive():
    """Squares by the sum of those that aren't smaller; whatever the scale, the largest has 1."""
    found = layer_adaptive(torch.tensor([1.0, 3.0, 2.0]))
    assert torch.allclose(found, torch.tensor([1 / 14, 1.0, 4 / 13], dtype=torch.float64))
    assert torch.allclose(layer_adaptive(torch.tensor([100.0, 300.0, 200.0])), found)
    assert layer_adaptive(torch.zeros(3)).tolist() == [0.0, 0.0, 0.0]
