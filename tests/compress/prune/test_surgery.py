"""Surgery: exact densities, a band in which nothing changes, and weights that come back."""

import dataclasses

import pytest
import torch

from sparrow.compress.draft import WeightFormat
from sparrow.compress.finetune import Tuning, finetune
from sparrow.compress.prune.surgery import Surgery
from sparrow.compress.scales import QuantizeError
from sparrow.compress.trainable import Trainable

LEARNING = Tuning(epochs=6, batch=8, learning_rate=0.02)
LAYERS = {"conv": 144, "fc1": 512, "fc2": 64}


def counts(draft):
    return {name: int(draft.mask(name).sum()) for name in draft.weighted}


def test_density_by_layer(small_draft, small_data):
    surgery = Surgery(small_draft, {"fc1": 0.1, "conv": 0.5}, interval=4)
    found = finetune(small_draft, small_data, LEARNING, hook=surgery)
    assert counts(found) == {"conv": 72, "fc1": 51, "fc2": 64}
    for name, node in found.weighted.items():
        assert not node.weight[~found.mask(name)].any()
        assert node.weight[found.mask(name)].all()


def test_density_overall(small_draft, small_data):
    surgery = Surgery(small_draft, 0.25, interval=4)
    found = finetune(small_draft, small_data, LEARNING, hook=surgery)
    assert sum(counts(found).values()) == 180 and min(counts(found).values()) > 0
    found = finetune(small_draft, small_data, LEARNING,
                     hook=Surgery(small_draft, 0.25, layers=("fc1",)))
    assert counts(found) == {**LAYERS, "fc1": 128}


def test_band(small_draft):
    """What a mask does between the two thresholds depends on what it did before."""
    model = Trainable(small_draft)
    layer = model.layers["fc2"]
    with torch.no_grad():
        layer.weight.copy_(torch.linspace(1, 2, 64).view(4, 16))
    layer.mask.view(-1)[40:] = False
    kept = {}
    for band in (0.0, 0.1, 0.3):
        copy = Trainable(model.trained())
        copy.layers["fc2"].weight.data.copy_(layer.weight.data)
        surgery = Surgery(small_draft, {"fc2": 24 / 64}, band=band)
        surgery(copy, 10, 10)  # nothing: the masks stay
        assert torch.equal(copy.layers["fc2"].mask, layer.mask)
        surgery(copy, 7, 10)
        kept[band] = copy.layers["fc2"].mask.view(-1)
        assert int(kept[band].sum()) == 24 == 40 - surgery.pruned + surgery.returned
    assert kept[0.0][40:].all() and kept[0.3][16:40].all()
    # (1 − band) t ≤ |w| keeps what is kept, (1 + band) t ≤ |w| brings back
    weights = layer.weight.detach().view(-1)
    old, new = kept[0.1][:40], kept[0.1][40:]
    lowest = weights[:40][old].min() / 0.9, weights[40:][new].min() / 1.1
    highest = weights[:40][~old].max() / 0.9, weights[40:][~new].max() / 1.1
    assert max(highest) <= min(lowest)


def test_weights_return(small_draft, small_data):
    """With what matters pruned, training finds it again; without surgery it stays away."""
    wrong = small_draft.with_masks({"fc2": torch.zeros(4, 16, dtype=torch.bool)})
    stays = finetune(wrong, small_data, LEARNING)
    assert not stays.mask("fc2").any()
    surgery, hidden = Surgery(wrong, {"fc2": 0.5}, interval=2, band=0.0), []

    def hook(model, step, steps):
        surgery(model, step, steps)
        layer = model.layers["fc2"]
        hidden.append(int(layer.weight[~layer.mask].count_nonzero()))

    found = finetune(wrong, small_data, LEARNING, hook=hook)
    assert hidden[0] == 0 and hidden[1] > 32  # trained as if they were there
    assert counts(found)["fc2"] == 32
    assert surgery.returned >= 32 and surgery.pruned > 0
    assert surgery.returned - surgery.pruned == 32


def test_masks_stop(small_draft, small_data):
    """After ``stop`` neither masks nor pruned weights change."""
    surgery, seen = Surgery(small_draft, {"fc1": 0.2}, interval=1, stop=0.5), {}

    def hook(model, step, steps):
        surgery(model, step, steps)
        layer = model.layers["fc1"]
        seen[step] = layer.mask.clone(), layer.revive

    found = finetune(small_draft, small_data, LEARNING, hook=hook)
    masks, revive = zip(*(seen[step] for step in range(49)))
    assert revive == (True,) * 24 + (False,) * 25
    assert len({int(mask.sum()) for mask in masks[:20]}) > 3
    assert all(torch.equal(mask, found.mask("fc1")) for mask in masks[24:])


def test_decay(small_draft):
    model = Trainable(small_draft)
    layer = model.layers["fc1"]
    layer.mask[0] = False
    before = layer.weight.detach().clone()
    Surgery(small_draft, {"fc1": 0.5}, decay=0.01, interval=100)(model, 1, 10)
    assert torch.allclose(layer.weight[0], before[0] * 0.99)
    assert torch.equal(layer.weight[1:], before[1:])


def test_codebook_is_refused(small_draft):
    form = WeightFormat(bits=8, step=torch.ones(1, dtype=torch.float64),
                        codebook=torch.tensor([-1.0, 1.0]))
    shared = dataclasses.replace(small_draft, formats={"fc1": form})
    Surgery(shared, {"fc2": 0.5})
    with pytest.raises(QuantizeError, match="^Layer 'fc1': weights must have no codebook yet, if "
                                            "pruned ones are to return; share weights after "
                                            "surgery$"):
        Surgery(shared, 0.5)
