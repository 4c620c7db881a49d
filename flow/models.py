"""What the user brings: a PyTorch model in a Python file, weights, data."""

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sparrow.flow.errors import UserError

if TYPE_CHECKING:
    import torch

    from sparrow.compress.data import Dataset

__all__ = ["DATASETS", "dataset", "load_weights", "model_factory", "split_reference"]

DATASETS = ("digits",)
"""Data that comes with the environment."""

_TENSORS = ("train_images", "train_labels", "test_images", "test_labels")


def split_reference(reference: str, subject: str = "MODEL", *,
                    folder: Path | None = None) -> tuple[Path, str]:
    """The file and the function of ``FILE.py:function``.

    Parameters
    ----------
    reference
        What the user wrote.
    subject
        How errors call it.
    folder
        What a relative file is relative to.

    Raises
    ------
    UserError
        If it has another form, or there is no such file.
    """
    file, _, name = reference.rpartition(":")
    if not file or not name.isidentifier():
        raise UserError(f"{subject} must be FILE.py:function, not {reference!r}")
    path = Path(file) if folder is None else folder / file
    if not path.is_file():
        raise UserError(f"{subject} must name an existing file, not {str(path)!r}")
    return path, name


def model_factory(path: Path, name: str) -> Callable[[], Any]:
    """A function of a Python file, which is executed; its folder can be imported from.

    Raises
    ------
    UserError
        If the file fails, or has no such function.
    """
    spec = importlib.util.spec_from_file_location(f"sparrow_model_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise UserError(f"{path} must be a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(path.resolve().parent))
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise UserError(f"{path} must be a Python file that can be executed: "
                        f"{type(error).__name__}: {error}") from error
    finally:
        sys.path.pop(0)
    factory = getattr(module, name, None)
    if not callable(factory):
        raise UserError(f"{path} must have a function {name!r}, which it hasn't")
    return factory


def load_weights(model: "torch.nn.Module", path: Path) -> None:
    """Read a model's parameters and buffers from a safetensors file.

    Raises
    ------
    UserError
        If the file can't be read, or its tensors aren't those of the model.
    """
    import safetensors
    import safetensors.torch

    try:
        tensors = safetensors.torch.load_file(path)
        model.load_state_dict(tensors)
    except OSError as error:
        raise UserError(f"{path}: {error.strerror or error}") from None
    except safetensors.SafetensorError as error:
        raise UserError(f"{path} must be a safetensors file: {error}") from None
    except RuntimeError as error:
        raise UserError(f"{path} must hold the model's tensors: {error}") from None


def dataset(name: str, **options: Any) -> "Dataset":
    """Data by name, or from a safetensors file.

    Parameters
    ----------
    name
        One of ``DATASETS``, or a file with the tensors ``train_images``, ``train_labels``,
        ``test_images`` and ``test_labels``; images float32, (images, channels, height, width).
    options
        Of the data set.

    Raises
    ------
    UserError
        If there is none of the name, or the file isn't of the kind.
    """
    if name in DATASETS:
        from sparrow.compress import data

        try:
            return getattr(data, name)(**options)
        except (TypeError, ValueError) as error:
            raise UserError(f"data {name!r}: {error}") from None
    path = Path(name)
    if path.suffix != ".safetensors" or not path.is_file():
        raise UserError(f"data must be one of {', '.join(DATASETS)} or an existing .safetensors "
                        f"file, not {name!r}")
    if options:
        raise UserError(f"data from a file has no options, such as {next(iter(options))!r}")
    return _read_data(path)


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
    return Dataset(**{name: tensors[name] for name in _TENSORS})
