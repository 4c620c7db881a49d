"""The keyword spotting inputs, and what is refused."""

import numpy as np
import pytest
import torch

from sparrow.flow.data import VARIABLE
from sparrow.flow.datasets import dataset
from sparrow.flow.errors import UserError


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Where the file goes; with 48 images of 12 classes in it."""
    path = tmp_path / "models" / "kws01"
    path.mkdir(parents=True)
    images = np.random.default_rng(0).integers(-128, 128, (48, 49, 10)).astype(np.int8)
    np.savez(path / "kws01_int8.npz", x=images, y=np.repeat(np.arange(12, dtype=np.uint8), 4))
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    return path


def test_values(folder):
    data = dataset("kws01", test=24)
    assert data.train_images.shape == data.test_images.shape == (24, 1, 49, 10)
    assert data.test_labels.bincount().tolist() == [2] * 12
    with np.load(folder / "kws01_int8.npz") as arrays:
        images = torch.from_numpy(arrays["x"])
    found = torch.cat([data.train_images, data.test_images]).flatten(1) / 0.5847029 + 83
    expected = images.flatten(1).to(torch.float32)
    assert (found.sort(0).values - expected.sort(0).values).abs().max() < 1e-3


def test_the_split_is_seeded(folder):
    first, same, other = (dataset("kws01", test=24, seed=seed) for seed in (1, 1, 2))
    assert first.digest() == same.digest() != other.digest()


@pytest.mark.parametrize("options, text", [
    ({"test": 5}, "test must be an integer from 12 to 36, not 5"),
    ({"test": 37}, "test must be an integer from 12 to 36, not 37"),
    ({"test": 24, "seed": -1}, "seed must be an integer from 0 to 4294967295, not -1"),
])
def test_options_that_are_refused(folder, options, text):
    with pytest.raises(UserError) as caught:
        dataset("kws01", **options)
    assert str(caught.value) == f"data 'kws01': {text}"


@pytest.mark.parametrize("arrays, text", [
    ({"x": np.zeros((2, 49, 10), np.int8)}, "must be a file of numpy's with x and y: "),
    ({"x": np.zeros((2, 49, 9), np.int8), "y": np.zeros(2, int)},
     "must hold x, int8, of shape (images, 49, 10), and an integer y for each, not int8 (2, 49, 9) "
     "and int64 (2,)"),
    ({"x": np.zeros((2, 49, 10)), "y": np.zeros(2, int)},
     "must hold x, int8, of shape (images, 49, 10), and an integer y for each, "
     "not float64 (2, 49, 10) and int64 (2,)"),
    ({"x": np.array([{}]), "y": np.zeros(1, int)}, "must be a file of numpy's with x and y: "),
])
def test_files_that_are_refused(folder, arrays, text):
    np.savez(folder / "kws01_int8.npz", **arrays)
    with pytest.raises(UserError) as caught:
        dataset("kws01")
    assert str(caught.value).startswith(f"{folder / 'kws01_int8.npz'} {text}")


def test_a_file_that_is_none(folder):
    (folder / "kws01_int8.npz").write_bytes(b"nothing")
    with pytest.raises(UserError, match="must be a file of numpy's with x and y: "):
        dataset("kws01")


def test_real_data(data_file):
    data_file("models/kws01/kws01_int8.npz")
    data = dataset("kws01")
    assert data.train_images.shape == data.test_images.shape == (500, 1, 49, 10)
    both = torch.stack([data.train_labels.bincount(), data.test_labels.bincount()])
    assert both.sum(0).tolist() == [92, 92, 81, 89, 70, 84, 75, 78, 84, 89, 80, 86]
    assert int((both[0] - both[1]).abs().max()) <= 1
