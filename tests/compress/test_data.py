"""Data sets: how they are split, and told apart."""

import dataclasses

import pytest
import torch

from sparrow.compress.data import noise, split

IMAGES, LABELS = torch.arange(40.0).view(20, 1, 1, 2), torch.arange(20) % 3


def test_split():
    """Each image is in one part, with its label; each class is in both in proportion."""
    data = split(IMAGES, LABELS, test=6)
    images = torch.cat([data.train_images, data.test_images])
    labels = torch.cat([data.train_labels, data.test_labels])
    places = images[:, 0, 0, 0].long() // 2
    assert places.sort().values.tolist() == list(range(20))
    assert torch.equal(labels, LABELS[places])
    assert data.test_labels.bincount().tolist() == [2, 2, 2]


@pytest.mark.parametrize("settings, text", [
    ({"test": 2}, "test must be an integer from 3 to 17, not 2"),
    ({"test": 18}, "test must be an integer from 3 to 17, not 18"),
    ({"test": True}, "test must be an integer from 3 to 17, not True"),
    ({"test": 5, "seed": -1}, "seed must be an integer from 0 to 4294967295, not -1"),
    ({"test": 5, "labels": torch.arange(20) // 19},
     "every class must have two images or more, to be split, but class 1 has one"),
])
def test_splits_that_are_refused(settings, text):
    with pytest.raises(ValueError) as caught:
        split(**{"images": IMAGES, "labels": LABELS, **settings})
    assert str(caught.value) == text


def test_digests():
    """The same for the same tensors; another one for any other values, shape or absence."""
    data = split(IMAGES, LABELS, test=6)
    assert data.digest() == split(IMAGES, LABELS, test=6).digest()
    others = [split(IMAGES, LABELS, test=6, seed=1), dataclasses.replace(data, train_labels=None),
              dataclasses.replace(data, test_images=data.test_images + 1),
              dataclasses.replace(data, test_images=data.test_images.flatten(1)),
              noise((1, 1, 2))]
    assert len({data.digest(), *(other.digest() for other in others)}) == 6
