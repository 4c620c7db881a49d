"""Data sets: how they are split, and told apart."""

import dataclasses

import pytest
import torch

from sparrow.compress.data import noise, smooth_noise, split

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


def test_smooth_noise():
    data = smooth_noise((3, 32, 32), test=5, train=4)
    assert data.train_images.shape == (4, 3, 32, 32) and data.test_images.shape == (5, 3, 32, 32)
    assert data.train_labels is None and data.test_labels is None
    assert torch.equal(data.test_images, smooth_noise((3, 32, 32), test=5, train=4).test_images)
    assert not torch.equal(data.train_images[0], data.test_images[0])
    images = data.test_images
    steps = (images[..., 1:] - images[..., :-1]).square().mean()
    assert float(steps) < float(images.var()) / 5
    assert smooth_noise((1, 6, 4), side=2, test=1, train=1).test_images.shape == (1, 1, 6, 4)


@pytest.mark.parametrize("shape, options, text", [
    ((3, 4), {}, "the shape must be channels, height and width, not (3, 4)"),
    ((3, 4, 4), {"side": 1}, "side must be an integer of at least 2, not 1"),
    ((3, 4, 4), {"test": 0}, "test must be an integer of at least 1, not 0")])
def test_smooth_noise_that_is_refused(shape, options, text):
    with pytest.raises(ValueError) as caught:
        smooth_noise(shape, **options)
    assert str(caught.value) == text
