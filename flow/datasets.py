"""Images and labels by name, or from files that the user brings."""

import gzip
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sparrow.flow.errors import UserError

if TYPE_CHECKING:
    import torch

    from sparrow.compress.data import Dataset

__all__ = ["DATASETS", "NOISE", "data_files", "dataset"]

DATASETS = ("digits",)
"""Data that comes with the environment."""

NOISE = "random:"
"""Begins the name of images of random numbers; their shape follows."""

_TENSORS = ("train_images", "train_labels", "test_images", "test_labels")
_IDX = tuple(f"{part}-{kind}-ubyte.gz" for part in ("train", "t10k")
             for kind in ("images-idx3", "labels-idx1"))


def dataset(name: str, **options: Any) -> "Dataset":
    """Data by name, or from files.

    Parameters
    ----------
    name
        One of ``DATASETS``; ``random:`` and a shape, such as ``random:3x32x32``, for images of
        random numbers without labels; a file with the tensors ``train_images``, ``train_labels``,
        ``test_images`` and ``test_labels``, images float32, (images, channels, height, width); or
        a folder with the four files of MNIST, whose pixels become 0 to 1.
    options
        Of the data set.

    Raises
    ------
    UserError
        If there is none of the name, or the file isn't of the kind.
    """
    if name in DATASETS or name.startswith(NOISE):
        from sparrow.compress import data

        try:
            if name.startswith(NOISE):
                return data.noise(_shape(name), **options)
            return getattr(data, name)(**options)
        except (TypeError, ValueError) as error:
            raise UserError(f"data {name!r}: {error}") from None
    files = data_files(name)
    if options:
        raise UserError(f"data from a file has no options, such as {next(iter(options))!r}")
    return _read_data(files[0]) if len(files) == 1 else _read_idx(files)


def data_files(name: str) -> list[Path]:
    """The files that data are read from; none of those that come with the environment.

    Raises
    ------
    UserError
        If there are no such data.
    """
    path = Path(name)
    if name in DATASETS or name.startswith(NOISE):
        return []
    if path.is_dir():
        files = [path / file for file in _IDX]
        missing = [file.name for file in files if not file.is_file()]
        if missing:
            raise UserError(f"{path} must hold {', '.join(_IDX)}, but has no {missing[0]}")
        return files
    if path.suffix != ".safetensors" or not path.is_file():
        raise UserError(f"data must be one of {', '.join(DATASETS)}, {NOISE}SHAPE, or an existing "
                        f".safetensors file or folder, not {name!r}")
    return [path]


def _shape(name: str) -> tuple[int, ...]:
    """Of ``random:3x32x32``."""
    sizes = name.removeprefix(NOISE).split("x")
    if not (len(sizes) <= 3 and all(size.isascii() and size.isdigit() and 1 <= int(size) <= 4096
                                    for size in sizes)):
        raise ValueError("the shape must be 1 to 3 sizes from 1 to 4096, such as 3x32x32")
    return tuple(int(size) for size in sizes)


def _read_idx(files: list[Path]) -> "Dataset":
    from sparrow.compress.data import Dataset

    tensors = [_idx(file, dimensions) for file, dimensions in zip(files, (3, 1, 3, 1))]
    for images, labels, file in ((tensors[0], tensors[1], files[1]),
                                 (tensors[2], tensors[3], files[3])):
        if not len(images) or len(images) != len(labels):
            raise UserError(f"{file} must hold a label for each image, {len(images)}, not "
                            f"{len(labels)}")
    values = [tensor.float().unsqueeze(1) / 255 if tensor.dim() == 3 else tensor.long()
              for tensor in tensors]
    return Dataset(**dict(zip(_TENSORS, values)))


def _idx(file: Path, dimensions: int) -> "torch.Tensor":
    """A file of MNIST's form: bytes of so many dimensions, each of whose sizes stands before."""
    import torch

    try:
        content = gzip.decompress(file.read_bytes())
    except (OSError, EOFError) as error:
        raise UserError(f"{file}: {error}") from None
    start = 4 + 4 * dimensions
    sizes = [int.from_bytes(content[place:place + 4], "big") for place in range(4, start, 4)]
    values = torch.frombuffer(bytearray(content[start:]) or bytearray(1), dtype=torch.uint8)
    if content[:4] != bytes([0, 0, 8, dimensions]) or torch.Size(sizes).numel() != len(values):
        raise UserError(f"{file} must be an IDX file of bytes in {dimensions} dimensions")
    return values.view(sizes)


def _read_data(path: Path) -> "Dataset":
    import safetensors
    import safetensors.torch
    import torch

    from sparrow.compress.data import Dataset

    try:
        tensors = safetensors.torch.load_file(path)
    except (OSError, safetensors.SafetensorError) as error:
        raise UserError(f"{path} must be a safetensors file: {error}") from None
    for name in _TENSORS:
        if name not in tensors:
            raise UserError(f"{path} must hold {', '.join(_TENSORS)}, but has no {name}")
    for part in ("train", "test"):
        images, labels = tensors[f"{part}_images"], tensors[f"{part}_labels"]
        if images.dtype != torch.float32 or images.dim() < 2 or not len(images):
            raise UserError(f"{path}: {part}_images must be float32 with one image or more, "
                            f"not {images.dtype} of shape {tuple(images.shape)}")
        if labels.dtype != torch.int64 or labels.shape != images.shape[:1]:
            raise UserError(f"{path}: {part}_labels must be int64, one for each image, "
                            f"not {labels.dtype} of shape {tuple(labels.shape)}")
        if not bool(images.isfinite().all()):
            raise UserError(f"{path}: {part}_images must be finite, but one has an infinity or NaN")
        if int(labels.min()) < 0:
            raise UserError(f"{path}: {part}_labels must be 0 or more, not {int(labels.min())}")
    shapes = [tuple(tensors[f"{part}_images"].shape[1:]) for part in ("train", "test")]
    if shapes[0] != shapes[1] or 0 in shapes[0]:
        raise UserError(f"{path}: train_images and test_images must be of one shape that isn't "
                        f"empty, not {shapes[0]} and {shapes[1]}")
    return Dataset(**{name: tensors[name] for name in _TENSORS})
