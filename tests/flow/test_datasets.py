"""Data by name and from files, and what is refused."""

import gzip

import pytest
import safetensors.torch
import torch

from sparrow.flow.datasets import data_files, dataset
from sparrow.flow.errors import UserError

NAMES = ["train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz", "t10k-images-idx3-ubyte.gz",
         "t10k-labels-idx1-ubyte.gz"]


def tensors(shape=(1, 2, 2), **changes):
    return {"train_images": torch.ones(3, *shape), "train_labels": torch.arange(3),
            "test_images": torch.ones(2, *shape), "test_labels": torch.arange(2)} | changes


@pytest.mark.parametrize("values, text", [
    (tensors(train_images=torch.full((3, 1, 2, 2), float("nan"))),
     "train_images must be finite, but one has an infinity or NaN"),
    (tensors(test_images=torch.full((2, 1, 2, 2), float("inf"))),
     "test_images must be finite, but one has an infinity or NaN"),
    (tensors(test_labels=torch.tensor([0, -1])), "test_labels must be 0 or more, not -1"),
    (tensors(test_images=torch.ones(2, 1, 3, 2)), "train_images and test_images must be of one "
     "shape that isn't empty, not (1, 2, 2) and (1, 3, 2)"),
    (tensors(shape=(1, 0, 2)), "train_images and test_images must be of one shape that isn't "
     "empty, not (1, 0, 2) and (1, 0, 2)"),
])
def test_data_that_is_refused(tmp_path, values, text):
    path = tmp_path / "d.safetensors"
    safetensors.torch.save_file(values, path)
    with pytest.raises(UserError) as caught:
        dataset(str(path))
    assert str(caught.value) == f"{path}: {text}"


def test_data_from_a_file(tmp_path):
    path = tmp_path / "d.safetensors"
    safetensors.torch.save_file(tensors(), path)
    assert data_files(str(path)) == [path]
    assert dataset(str(path)).train_images.shape == (3, 1, 2, 2)


def test_random_numbers():
    data = dataset("random:3x5x4", test=2, train=7)
    assert data.train_images.shape == (7, 3, 5, 4) and data.test_images.shape == (2, 3, 5, 4)
    assert data.train_labels is None and data.test_labels is None
    assert torch.equal(data.test_images, dataset("random:3x5x4", test=2, train=7).test_images)
    assert not torch.equal(data.test_images,
                           dataset("random:3x5x4", test=2, train=7, seed=1).test_images)
    assert data_files("random:3x5x4") == data_files("digits") == []


@pytest.mark.parametrize("name, options, text", [
    *((name, {}, f"data {name!r}: the shape must be 1 to 3 sizes from 1 to 4096, such as 3x32x32")
      for name in ("random:", "random:3x", "random:0x4", "random:1x2x3x4", "random:4097",
                   "random:-1", "random:²")),
    ("random:4", {"test": 0}, "data 'random:4': test must be an integer of at least 1, not 0"),
    ("random:4", {"train": 0}, "data 'random:4': train must be an integer of at least 1, not 0"),
    ("none", {}, "data must be one of digits, random:SHAPE, or an existing .safetensors file or "
                 "folder, not 'none'"),
])
def test_names_that_are_refused(name, options, text):
    with pytest.raises(UserError) as caught:
        dataset(name, **options)
    assert str(caught.value) == text


def idx(*sizes, values=None):
    """The content of a file of MNIST's form."""
    head = bytes([0, 0, 8, len(sizes)]) + b"".join(size.to_bytes(4, "big") for size in sizes)
    count = torch.Size(sizes).numel()
    return head + bytes(value % 256 for value in (range(count) if values is None else values))


@pytest.fixture
def mnist(tmp_path):
    """A folder of five images, three of them for training; and how to change a file of it."""
    def write(name, content):
        (tmp_path / name).write_bytes(gzip.compress(content))
    for name, content in zip(NAMES, (idx(3, 4, 6), idx(3), idx(2, 4, 6), idx(2))):
        write(name, content)
    return tmp_path, write


def test_mnist(mnist):
    data = dataset(str(mnist[0]))
    assert data.train_images.shape == (3, 1, 4, 6) and data.test_images.shape == (2, 1, 4, 6)
    assert torch.equal(data.train_images.flatten(), torch.arange(72) / 255)
    assert data.test_labels.tolist() == [0, 1] and data.test_labels.dtype == torch.int64


@pytest.mark.parametrize("place, content, text", [
    (0, idx(3), "must be an IDX file of bytes in 3 dimensions"),
    (1, idx(3, values=[1, 2]), "must be an IDX file of bytes in 1 dimensions"),
    (1, b"", "must be an IDX file of bytes in 1 dimensions"),
    (3, idx(3), "must hold a label for each image, 2, not 3"),
])
def test_mnist_that_is_refused(mnist, place, content, text):
    folder, write = mnist
    write(NAMES[place], content)
    with pytest.raises(UserError) as caught:
        dataset(str(folder))
    assert str(caught.value) == f"{folder / NAMES[place]} {text}"


def test_mnist_in_part(mnist):
    folder, _ = mnist
    (folder / NAMES[2]).write_bytes(b"no gzip")
    with pytest.raises(UserError, match=NAMES[2]):
        dataset(str(folder))
    (folder / NAMES[2]).unlink()
    with pytest.raises(UserError) as caught:
        dataset(str(folder))
    assert str(caught.value) == f"{folder} must hold {', '.join(NAMES)}, but has no {NAMES[2]}"


def test_real_mnist(data_file):
    data = dataset(str(data_file("models/mnist")))
    assert data.train_images.shape == (60_000, 1, 28, 28)
    assert data.test_labels.bincount().tolist()[:3] == [980, 1135, 1032]
