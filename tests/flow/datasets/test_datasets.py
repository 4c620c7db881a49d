"""Data by name, and what is refused."""

import pytest
import torch

from sparrow.flow.data import VARIABLE
from sparrow.flow.datasets import dataset
from sparrow.flow.errors import UserError

IDX = ("train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte, "
       "t10k-labels-idx1-ubyte, each as it is or with .gz")
CONTENTS = {"mnist": IDX, "fashion-mnist": IDX, "kws01": "kws01_int8.npz"}


def test_random_numbers():
    data = dataset("random:3x5x4", test=2, train=7)
    assert data.train_images.shape == (7, 3, 5, 4) and data.test_images.shape == (2, 3, 5, 4)
    assert data.train_labels is None and data.test_labels is None
    assert torch.equal(data.test_images, dataset("random:3x5x4", test=2, train=7).test_images)
    assert not torch.equal(data.test_images,
                           dataset("random:3x5x4", test=2, train=7, seed=1).test_images)


def test_digits_have_options():
    assert len(dataset("digits", test=7, seed=3).test_images) == 7


@pytest.mark.parametrize("name, options, text", [
    *((name, {}, f"data {name!r}: the shape must be 1 to 3 sizes from 1 to 4096, such as 3x32x32")
      for name in ("random:", "random:3x", "random:0x4", "random:1x2x3x4", "random:4097",
                   "random:-1", "random:²")),
    ("random:4", {"test": 0}, "data 'random:4': test must be an integer of at least 1, not 0"),
    ("random:4", {"train": 0}, "data 'random:4': train must be an integer of at least 1, not 0"),
    ("digits", {"train": 5}, "options of data 'digits' must be among test, seed, not 'train'"),
    ("mnist", {"test": 5}, "options of data 'mnist' must be among none, not 'test'"),
    ("none", {}, "data must be one of digits, mnist, fashion-mnist, kws01, random:SHAPE, "
     "smooth:SHAPE, FILE.py:function, or an existing .safetensors file or folder, not 'none'"),
])
def test_names_that_are_refused(name, options, text):
    with pytest.raises(UserError) as caught:
        dataset(name, **options)
    assert str(caught.value) == text


@pytest.mark.parametrize("name, content", CONTENTS.items())
def test_shared_data_that_are_missing(tmp_path, monkeypatch, name, content):
    monkeypatch.delenv(VARIABLE, raising=False)
    with pytest.raises(UserError) as caught:
        dataset(name)
    assert str(caught.value) == (f"data {name!r} must lie in $SPARROW_DATA/models/{name} "
                                 f"({content}), but SPARROW_DATA is not set")
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    with pytest.raises(UserError) as caught:
        dataset(name)
    folder = tmp_path / "models" / name
    assert str(caught.value) == (f"data {name!r} must lie in {folder} ({content}), but there is "
                                 "no such folder")
    folder.mkdir(parents=True)
    with pytest.raises(UserError) as caught:
        dataset(name)
    assert str(caught.value).startswith(f"{folder} must hold {content}, but has no")
