"""Data without files: the real handwritten digits of a package, and noise."""

import dataclasses
from collections.abc import Sequence

import torch

__all__ = ["Dataset", "digits", "noise"]


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Dataset:
    """Images and labels, split for training and testing.

    Parameters
    ----------
    train_images, test_images : torch.Tensor, float32, shape (images, channels, height, width)
    train_labels, test_labels : torch.Tensor, int64, shape (images,), or None
        Classes; ``None`` where there is nothing to be right about.
    """

    train_images: torch.Tensor
    train_labels: torch.Tensor | None
    test_images: torch.Tensor
    test_labels: torch.Tensor | None


def digits(*, test: int = 360, seed: int = 0) -> Dataset:
    """scikit-learn's copy of the test set of the UCI Optical Recognition of Handwritten Digits.

    1797 grey images of 8 × 8 pixels, from 0 to 1 in steps of 1/16, in 10 classes.

    Parameters
    ----------
    test : int, 1 to 1796
        Images for testing; the others are for training.
    seed : int
        Which; the same for the same seed, everywhere.
    """
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    if isinstance(test, bool) or not isinstance(test, int) or not 1 <= test < len(images):
        raise ValueError(f"test must be an integer from 1 to {len(images) - 1}, not {test!r}")
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(seed))
    values = torch.from_numpy(images).to(torch.float32).view(-1, 1, 8, 8)[order] / 16
    classes = torch.from_numpy(labels).to(torch.int64)[order]
    return Dataset(train_images=values[test:], train_labels=classes[test:],
                   test_images=values[:test], test_labels=classes[:test])


def noise(shape: Sequence[int], *, test: int = 10, train: int = 32, seed: int = 0) -> Dataset:
    """Normally distributed pixels without labels, for networks whose data aren't at hand.

    Parameters
    ----------
    shape : sequence of int
        Of an image.
    test, train : int
        Images of each kind.
    seed : int
    """
    for name, value in (("test", test), ("train", train)):
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise ValueError(f"{name} must be an integer of at least 1, not {value!r}")
    generator = torch.Generator().manual_seed(seed)
    images = torch.randn(train + test, *shape, generator=generator)
    return Dataset(train_images=images[:train], train_labels=None,
                   test_images=images[train:], test_labels=None)
