"""Drafts: what goes into them, and what is refused."""

import pytest
import torch

from sparrow.compress.draft import Draft, TensorFormat, WeightFormat
from sparrow.compress.scales import QuantizeError

STEP = torch.tensor([0.5], dtype=torch.float64)


def test_masks_make_zeros(small_draft):
    mask = torch.arange(64).view(4, 16) % 2 == 0
    found = small_draft.with_masks({"fc2": mask})
    weight = found.weighted["fc2"].weight
    assert torch.equal(weight, small_draft.weighted["fc2"].weight * mask)
    assert torch.equal(found.mask("fc2"), mask)
    assert bool(found.mask("fc1").all())
    total = 8 * 18 + 16 * 32 + 64
    assert found.kept == (total - 32) / total
    assert small_draft.kept == 1


def test_chosen(small_draft):
    assert list(small_draft.chosen(())) == ["conv", "fc1", "fc2"]
    assert list(small_draft.chosen(["fc2"])) == ["fc2"]
    with pytest.raises(QuantizeError) as caught:
        small_draft.chosen(["pool"])
    assert str(caught.value) == ("layers must name layers with weights, conv, fc1, fc2, "
                                 "not 'pool'")


@pytest.mark.parametrize("bits, expected", [
    (8, [-127, -3, 0, 0, 1, 127]), (4, [-7, -3, 0, 0, 1, 7]), (2, [-1, -1, 0, 0, 1, 1]),
])
def test_integers(bits, expected):
    weight = torch.tensor([-100.0, -1.5, -0.1, 0.0, 0.5, 100.0])
    assert WeightFormat(bits=bits, step=STEP).integers(weight).tolist() == expected


def test_binary_has_no_zero():
    form = WeightFormat(bits=1, step=STEP)
    assert form.integers(torch.tensor([-0.1, 0.0, 3.0])).tolist() == [-1, 1, 1]


def test_a_channel_without_step_is_zero():
    form = WeightFormat(bits=8, step=torch.tensor([0.0, 1.0], dtype=torch.float64))
    assert form.integers(torch.tensor([[0.0, 3.0], [2.0, 3.0]])).tolist() == [[0, 0], [2, 3]]


@pytest.mark.parametrize("make, text", [
    (lambda: WeightFormat(bits=3, step=STEP), "bits must be 8, 4, 2 or 1, not 3"),
    (lambda: WeightFormat(bits=True, step=STEP), "bits must be 8, 4, 2 or 1, not True"),
    (lambda: WeightFormat(bits=2, step=STEP, codebook=torch.ones(2)),
     "a codebook must have values of 8 or 4 bits with one step for the layer, not 2 bits with 1"),
    (lambda: TensorFormat(low=0.0, high=1.0, bits=2),
     "bits of activations must be 8 or 4, not 2"),
    (lambda: TensorFormat(low=0.5, high=1.0),
     "a range of activations must have 0 in it, not 0.5 to 1.0"),
])
def test_refused(make, text):
    with pytest.raises(QuantizeError) as caught:
        make()
    assert str(caught.value) == text


def test_copies_leave_the_first_as_it_was(small_draft):
    before = small_draft.weighted["conv"].weight.clone()
    small_draft.with_weights({"conv": {"weight": torch.zeros(8, 2, 3, 3)}})
    assert torch.equal(small_draft.weighted["conv"].weight, before)
    assert isinstance(small_draft, Draft)
