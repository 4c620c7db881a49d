"""Images and labels by name, or from files that the user brings."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sparrow.flow.errors import UserError

from .idx import IDX, read_idx
from .kws import KWS, kws01
from .own import FACTORY, own
from .shared import shared_folder
from .tensors import read_tensors

if TYPE_CHECKING:
    from sparrow.compress.data import Dataset

__all__ = ["DATASETS", "FACTORY", "NOISE", "SMOOTH", "dataset"]

DATASETS = ("digits", "mnist", "fashion-mnist", "kws01")
"""Data with names: the first comes with the environment, the others lie in the folder of shared
data."""

NOISE = "random:"
"""Begins the name of images of random numbers; their shape follows."""

SMOOTH = "smooth:"
"""Begins the name of images of random numbers that neighbours share; their shape follows."""


def dataset(name: str, **options: Any) -> "Dataset":
    """Data by name, or from files.

    Parameters
    ----------
    name
        One of ``DATASETS``; ``random:`` and a shape, such as ``random:3x32x32``, for images of
        random numbers without labels; ``smooth:`` and a shape for images of 8 × 8 such numbers,
        upsampled bicubically; ``FILE.py:function``, a function that gives a
        ``torch.utils.data.Dataset``, or two, for training and for testing; a ``.safetensors``
        file with the tensors ``train_images``, ``train_labels``, ``test_images`` and
        ``test_labels``; or a folder with the four files of MNIST, whose pixels become 0 to 1.
    options
        Of the data set: ``test``, ``train`` and ``seed``, where it has them.

    Raises
    ------
    UserError
        If there is none of the name, the file isn't of the kind, or an option isn't one that the
        data set has.
    """
    known, read = _reader(name)
    for option in options:
        if option not in known:
            raise UserError(f"options of data {name!r} must be among {', '.join(known) or 'none'}, "
                            f"not {option!r}")
    try:
        return read(**options)
    except (TypeError, ValueError) as error:
        raise UserError(f"data {name!r}: {error}") from None


def _reader(name: str) -> tuple[tuple[str, ...], Callable[..., "Dataset"]]:
    """The options of data of a name, and the function that reads them."""
    path = Path(name)
    if name == "digits":
        return ("test", "seed"), _digits
    if name in ("mnist", "fashion-mnist"):
        return (), lambda: read_idx(shared_folder(name, IDX))
    if name == "kws01":
        return ("test", "seed"), lambda **options: kws01(shared_folder(name, KWS), **options)
    if name.startswith(NOISE):
        return ("test", "train", "seed"), lambda **options: _noise(name, **options)
    if name.startswith(SMOOTH):
        return ("test", "train", "seed"), lambda **options: _smooth_noise(name, **options)
    if FACTORY in name:
        return ("test", "seed"), lambda **options: own(name, **options)
    if path.suffix == ".safetensors" and path.is_file():
        return (), lambda: read_tensors(path)
    if path.is_dir() or ("/" in name and not path.suffix):
        return (), lambda: read_idx(path)
    raise UserError(f"data must be one of {', '.join(DATASETS)}, {NOISE}SHAPE, {SMOOTH}SHAPE, "
                    f"FILE.py:function, or an existing .safetensors file or folder, not {name!r}")


def _digits(**options: Any) -> "Dataset":
    from sparrow.compress.data import digits
    return digits(**options)


def _noise(name: str, **options: Any) -> "Dataset":
    from sparrow.compress.data import noise
    return noise(_shape(name.removeprefix(NOISE)), **options)


def _smooth_noise(name: str, **options: Any) -> "Dataset":
    from sparrow.compress.data import smooth_noise
    return smooth_noise(_shape(name.removeprefix(SMOOTH)), **options)


def _shape(text: str) -> list[int]:
    sizes = text.split("x")
    if not (len(sizes) <= 3 and all(size.isascii() and size.isdigit() and 1 <= int(size) <= 4096
                                    for size in sizes)):
        raise ValueError("the shape must be 1 to 3 sizes from 1 to 4096, such as 3x32x32")
    return [int(size) for size in sizes]
