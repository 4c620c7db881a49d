"""Data from a file of tensors, and what is refused."""

import pytest
import safetensors.torch
import torch

from sparrow.flow.datasets import dataset
from sparrow.flow.errors import UserError


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
    (tensors(train_images=torch.ones(3, 4, dtype=torch.float64)), "train_images must be float32 "
     "with one image or more, not torch.float64 of shape (3, 4)"),
    (tensors(train_labels=torch.arange(4)), "train_labels must be int64, one for each image, "
     "not torch.int64 of shape (4,)"),
])
def test_data_that_is_refused(tmp_path, values, text):
    path = tmp_path / "d.safetensors"
    safetensors.torch.save_file(values, path)
    with pytest.raises(UserError) as caught:
        dataset(str(path))
    assert str(caught.value) == f"{path}: {text}"


def test_a_file_in_part(tmp_path):
    path, values = tmp_path / "d.safetensors", tensors()
    del values["test_labels"]
    safetensors.torch.save_file(values, path)
    with pytest.raises(UserError) as caught:
        dataset(str(path))
    assert str(caught.value) == (f"{path} must hold train_images, train_labels, test_images, "
                                 "test_labels, but has no test_labels")
    path.write_bytes(b"nothing")
    with pytest.raises(UserError, match="must be a safetensors file: "):
        dataset(str(path))


def test_data_from_a_file(tmp_path):
    path = tmp_path / "d.safetensors"
    safetensors.torch.save_file(tensors(), path)
    assert dataset(str(path)).train_images.shape == (3, 1, 2, 2)
