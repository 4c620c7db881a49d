"""Data as four tensors in a file, and what is required of any images and labels."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from sparrow.flow.errors import UserError

if TYPE_CHECKING:
    import torch

    from sparrow.compress.data import Dataset

__all__ = ["check_tensors", "read_tensors"]

_TENSORS = ("train_images", "train_labels", "test_images", "test_labels")


def read_tensors(path: Path) -> "Dataset":
    """The data of a ``.safetensors`` file.

    Raises
    ------
    UserError
        If the file can't be read, or its tensors aren't images and labels.
    """
    import safetensors
    import safetensors.torch

    from sparrow.compress.data import Dataset

    try:
        tensors = safetensors.torch.load_file(path)
    except (OSError, safetensors.SafetensorError) as error:
        raise UserError(f"{path} must be a safetensors file: {error}") from None
    for name in _TENSORS:
        if name not in tensors:
            raise UserError(f"{path} must hold {', '.join(_TENSORS)}, but has no {name}")
    check_tensors(str(path), tensors)
    return Dataset(**{name: tensors[name] for name in _TENSORS})


def check_tensors(subject: str, tensors: "Mapping[str, torch.Tensor]") -> None:
    """Check the four tensors of a data set: types, shapes, that images are finite and labels 0 or
    more; raises ``UserError``, whose text begins with ``subject``."""
    import torch

    for part in ("train", "test"):
        images, labels = tensors[f"{part}_images"], tensors[f"{part}_labels"]
        if images.dtype != torch.float32 or images.dim() < 2 or not len(images):
            raise UserError(f"{subject}: {part}_images must be float32 with one image or more, "
                            f"not {images.dtype} of shape {tuple(images.shape)}")
        if labels.dtype != torch.int64 or labels.shape != images.shape[:1]:
            raise UserError(f"{subject}: {part}_labels must be int64, one for each image, "
                            f"not {labels.dtype} of shape {tuple(labels.shape)}")
        if not bool(images.isfinite().all()):
            raise UserError(f"{subject}: {part}_images must be finite, but one has an infinity or "
                            "NaN")
        if int(labels.min()) < 0:
            raise UserError(f"{subject}: {part}_labels must be 0 or more, not {int(labels.min())}")
    shapes = [tuple(tensors[f"{part}_images"].shape[1:]) for part in ("train", "test")]
    if shapes[0] != shapes[1] or 0 in shapes[0]:
        raise UserError(f"{subject}: train_images and test_images must be of one shape that isn't "
                        f"empty, not {shapes[0]} and {shapes[1]}")
