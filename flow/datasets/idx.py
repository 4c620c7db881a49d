"""Folders with the four files of MNIST's form, as they are or compressed."""

import gzip
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

from sparrow.flow.errors import UserError

if TYPE_CHECKING:
    import torch

    from sparrow.compress.data import Dataset

__all__ = ["IDX", "read_idx"]

_FILES = tuple(f"{part}-{kind}-ubyte" for part in ("train", "t10k")
               for kind in ("images-idx3", "labels-idx1"))
IDX = f"{', '.join(_FILES)}, each as it is or with .gz"
"""What such a folder holds."""


def read_idx(folder: Path) -> "Dataset":
    """Grey images and labels; pixels become 0 to 1.

    Raises
    ------
    UserError
        If a file isn't there or isn't of the form.
    """
    import torch

    from sparrow.compress.data import Dataset

    if not folder.is_dir():
        raise UserError(f"{folder} must hold {IDX}, but there is no such folder")
    files = [_file(folder, name) for name in _FILES]
    tensors = [_idx(file, dimensions) for file, dimensions in zip(files, (3, 1, 3, 1))]
    for images, labels, file in ((tensors[0], tensors[1], files[1]),
                                 (tensors[2], tensors[3], files[3])):
        if not len(images) or len(images) != len(labels):
            raise UserError(f"{file} must hold a label for each image, {len(images)}, not "
                            f"{len(labels)}")
    if tensors[0].shape[1:] != tensors[2].shape[1:]:
        raise UserError(f"{files[2]} must hold images of the size of those for training, "
                        f"{tuple(tensors[0].shape[1:])}, not {tuple(tensors[2].shape[1:])}")
    train, test = (tensors[place].to(torch.float32).unsqueeze(1) / 255 for place in (0, 2))
    return Dataset(train_images=train, train_labels=tensors[1].long(),
                   test_images=test, test_labels=tensors[3].long())


def _file(folder: Path, name: str) -> Path:
    for path in (folder / name, folder / f"{name}.gz"):
        if path.is_file():
            return path
    raise UserError(f"{folder} must hold {IDX}, but has no {name}")


def _idx(file: Path, dimensions: int) -> "torch.Tensor":
    """A file of bytes of so many dimensions, each of whose sizes stands before them."""
    import torch

    try:
        content = file.read_bytes()
        if file.suffix == ".gz":
            content = gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"{file}: {error}") from None
    start = 4 + 4 * dimensions
    sizes = [int.from_bytes(content[place:place + 4], "big") for place in range(4, start, 4)]
    values = torch.frombuffer(bytearray(content[start:]) or bytearray(1), dtype=torch.uint8)
    if content[:4] != bytes([0, 0, 8, dimensions]) or torch.Size(sizes).numel() != len(values):
        raise UserError(f"{file} must be an IDX file of bytes in {dimensions} dimensions")
    return values.view(sizes)
