"""Folders of MNIST's form, and what is refused."""

import gzip

import pytest
import torch

from sparrow.flow.data import VARIABLE
from sparrow.flow.datasets import dataset
from sparrow.flow.errors import UserError

NAMES = ["train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte",
         "t10k-labels-idx1-ubyte"]
HELD = f"must hold {', '.join(NAMES)}, each as it is or with .gz, but"


def idx(*sizes, values=None):
    """The content of a file of MNIST's form."""
    head = bytes([0, 0, 8, len(sizes)]) + b"".join(size.to_bytes(4, "big") for size in sizes)
    count = torch.Size(sizes).numel()
    return head + bytes(value % 256 for value in (range(count) if values is None else values))


@pytest.fixture
def mnist(tmp_path):
    """A folder of five images, three of them for training; and how to change a file of it."""
    folder = tmp_path / "models" / "fashion-mnist"
    folder.mkdir(parents=True)

    def write(name, content):
        (folder / f"{name}.gz").write_bytes(gzip.compress(content, mtime=0))
    for name, content in zip(NAMES, (idx(3, 4, 6), idx(3), idx(2, 4, 6), idx(2))):
        write(name, content)
    return folder, write


@pytest.mark.parametrize("plain", [[], NAMES, NAMES[1:2]])
def test_a_folder(mnist, plain):
    for name in plain:
        file = mnist[0] / f"{name}.gz"
        (mnist[0] / name).write_bytes(gzip.decompress(file.read_bytes()))
        file.unlink()
    data = dataset(str(mnist[0]))
    assert data.train_images.shape == (3, 1, 4, 6) and data.test_images.shape == (2, 1, 4, 6)
    assert torch.equal(data.train_images.flatten(), torch.arange(72) / 255)
    assert data.test_labels.tolist() == [0, 1] and data.test_labels.dtype == torch.int64


def test_by_name(mnist, monkeypatch):
    monkeypatch.setenv(VARIABLE, str(mnist[0].parents[1]))
    assert dataset("fashion-mnist").digest() == dataset(str(mnist[0])).digest()


@pytest.mark.parametrize("place, content, text", [
    (0, idx(3), "must be an IDX file of bytes in 3 dimensions"),
    (1, idx(3, values=[1, 2]), "must be an IDX file of bytes in 1 dimensions"),
    (1, b"", "must be an IDX file of bytes in 1 dimensions"),
    (3, idx(3), "must hold a label for each image, 2, not 3"),
    (2, idx(2, 6, 4), "must hold images of the size of those for training, (4, 6), not (6, 4)"),
])
def test_files_that_are_refused(mnist, place, content, text):
    folder, write = mnist
    write(NAMES[place], content)
    with pytest.raises(UserError) as caught:
        dataset(str(folder))
    assert str(caught.value) == f"{folder / NAMES[place]}.gz {text}"


@pytest.mark.parametrize("content", [b"no gzip", gzip.compress(idx(2, 4, 6), mtime=0)[:-9],
                                     gzip.compress(bytes(99), mtime=0)[:10] + b"\xff" * 20],
                         ids=["no gzip", "cut off", "no deflate"])
def test_files_that_are_broken(mnist, content):
    folder, _ = mnist
    (folder / f"{NAMES[2]}.gz").write_bytes(content)
    with pytest.raises(UserError) as caught:
        dataset(str(folder))
    assert str(caught.value).startswith(f"{folder / NAMES[2]}.gz: ")


def test_folders_that_are_refused(mnist):
    folder, _ = mnist
    (folder / f"{NAMES[2]}.gz").unlink()
    with pytest.raises(UserError) as caught:
        dataset(str(folder))
    assert str(caught.value) == f"{folder} {HELD} has no {NAMES[2]}"
    with pytest.raises(UserError) as caught:
        dataset(str(folder / "none"))
    assert str(caught.value) == f"{folder / 'none'} {HELD} there is no such folder"


@pytest.mark.parametrize("name, counts", [("mnist", [980, 1135, 1032]),
                                          ("fashion-mnist", [1000, 1000, 1000])])
def test_real_data(data_file, name, counts):
    data_file(f"models/{name}")
    data = dataset(name)
    assert data.train_images.shape == (60_000, 1, 28, 28)
    assert data.test_labels.bincount().tolist()[:3] == counts
