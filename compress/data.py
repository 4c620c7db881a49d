"""Data sets; without files, the real handwritten digits of a package, and noise."""

import dataclasses
import hashlib
from collections.abc import Sequence

import torch
import torch.nn.functional as F

__all__ = ["Dataset", "digits", "noise", "smooth_noise", "split"]


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

    def digest(self) -> str:
        """A hash of the tensors: other data have another one."""
        found = hashlib.sha256()
        for field in dataclasses.fields(self):
            tensor = getattr(self, field.name)
            if tensor is not None:
                found.update(f"{field.name} {tensor.dtype} {tuple(tensor.shape)}".encode())
                found.update(tensor.contiguous().numpy())
        return found.hexdigest()


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


def split(images: torch.Tensor, labels: torch.Tensor, *, test: int, seed: int = 0) -> Dataset:
    """Labelled images in two parts, each class in both in proportion.

    Parameters
    ----------
    images : torch.Tensor, float32, shape (images, channels, height, width)
    labels : torch.Tensor, int64, shape (images,)
    test : int
        Images for testing; the others are for training. At least as many as classes, on both
        sides, each of which must have two images or more.
    seed : int, 0 to 2^32 − 1
        Which; the same for the same seed, everywhere.

    Raises
    ------
    ValueError
        If an option is out of range.
    """
    from sklearn.model_selection import train_test_split

    classes, counts = labels.unique(return_counts=True)
    least, most = len(classes), len(images) - len(classes)
    if int(counts.min()) < 2:
        raise ValueError("every class must have two images or more, to be split, but class "
                         f"{int(classes[counts.argmin()])} has one")
    for name, value, low, high in (("test", test, least, most), ("seed", seed, 0, 2**32 - 1)):
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise ValueError(f"{name} must be an integer from {low} to {high}, not {value!r}")
    train, held_out = train_test_split(torch.arange(len(images)).numpy(), test_size=test,
                                       stratify=labels.numpy(), random_state=seed)
    return Dataset(train_images=images[train], train_labels=labels[train],
                   test_images=images[held_out], test_labels=labels[held_out])


def smooth_noise(shape: Sequence[int], *, side: int = 8, test: int = 512, train: int = 256,
                 seed: int = 0) -> Dataset:
    """Normally distributed pixels of a small square, upsampled bicubically, without labels.

    Nearer to photographs than ``noise`` is: neighbours are alike.

    Parameters
    ----------
    shape : (int, int, int)
        Channels, height, width of an image.
    side : int, at least 2
        Of the square.
    test, train, seed : int
        As of ``noise``.
    """
    if len(shape) != 3:
        raise ValueError(f"the shape must be channels, height and width, not {tuple(shape)}")
    if isinstance(side, bool) or not isinstance(side, int) or side < 2:
        raise ValueError(f"side must be an integer of at least 2, not {side!r}")
    small = noise((shape[0], side, side), test=test, train=train, seed=seed)

    def upsampled(images: torch.Tensor) -> torch.Tensor:
        return F.interpolate(images, size=tuple(shape[1:]), mode="bicubic", align_corners=False)

    return Dataset(train_images=upsampled(small.train_images), train_labels=None,
                   test_images=upsampled(small.test_images), test_labels=None)
