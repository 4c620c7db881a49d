"""The user's own data: what a function of a Python file gives."""

from typing import TYPE_CHECKING, Any

from sparrow.flow.errors import UserError
from sparrow.flow.models import model_factory, split_reference

from .tensors import check_tensors

if TYPE_CHECKING:
    import torch

    from sparrow.compress.data import Dataset

__all__ = ["FACTORY", "own"]

FACTORY = ".py:"
"""In the name of such data."""

WHAT = "a torch.utils.data.Dataset with a length, or two of them, (train, test)"


def own(reference: str, **options: Any) -> "Dataset":
    """The data that ``FILE.py:function`` gives; the file is executed.

    The function gives two data sets of PyTorch's, for training and for testing, or one, which is
    split, each class in proportion. Their items are pairs of an image, a tensor or array of real
    numbers, and a class. All of them are read once and kept in memory.

    Parameters
    ----------
    reference : str
    options
        ``test``, how many are for testing, a fifth unless given, and ``seed``, which: of data
        that are split here.

    Raises
    ------
    UserError, ValueError
        If the function fails or gives something else, or an option is out of range.
    """
    from sparrow.compress.data import Dataset, split

    path, name = split_reference(reference, "data")
    factory = model_factory(path, name)
    try:
        given = factory()
    except (Exception, SystemExit) as error:
        raise UserError(f"data {reference!r} must be {WHAT}: {type(error).__name__}: "
                        f"{error}") from error
    parts = given if isinstance(given, tuple) and len(given) == 2 else (given,)
    read = [_read(f"data {reference!r}", part) for part in parts]
    if len(read) == 1:
        (images, labels), = read
        check_tensors(f"data {reference!r}", dict.fromkeys(("train_images", "test_images"), images)
                      | dict.fromkeys(("train_labels", "test_labels"), labels))
        return split(images, labels, **{"test": max(1, len(images) // 5)} | options)
    if options:
        raise UserError(f"data {reference!r} must be one data set to have the option "
                        f"{next(iter(options))!r}, not two that are split already")
    tensors = dict(zip(("train_images", "train_labels", "test_images", "test_labels"),
                       (*read[0], *read[1])))
    check_tensors(f"data {reference!r}", tensors)
    return Dataset(**tensors)


def _read(subject: str, data: Any) -> "tuple[torch.Tensor, torch.Tensor]":
    """All images and labels of a data set."""
    import torch

    if not isinstance(data, torch.utils.data.Dataset) or not hasattr(data, "__len__"):
        raise UserError(f"{subject} must be {WHAT}, not {type(data).__name__}")
    images: list[torch.Tensor] = []
    labels: list[int] = []
    try:
        items = [data[index] for index in range(len(data))]
    except (Exception, SystemExit) as error:
        raise UserError(f"{subject} must give its items by number: {type(error).__name__}: "
                        f"{error}") from error
    for index, item in enumerate(items):
        image, label = _item(f"{subject}, item {index}:", item)
        if images and image.shape != images[0].shape:
            raise UserError(f"{subject}, item {index}: images must be of one shape, "
                            f"{tuple(images[0].shape)}, not {tuple(image.shape)}")
        images.append(image)
        labels.append(label)
    if not images:
        raise UserError(f"{subject} must have one item or more, not none")
    return torch.stack(images), torch.tensor(labels)


def _item(subject: str, item: Any) -> "tuple[torch.Tensor, int]":
    import numpy as np
    import torch

    if not isinstance(item, tuple | list) or len(item) != 2:
        raise UserError(f"{subject} must be an image and a label, not {type(item).__name__}")
    image = torch.from_numpy(item[0]) if isinstance(item[0], np.ndarray) else item[0]
    if not isinstance(image, torch.Tensor) or not image.is_floating_point():
        kind = image.dtype if isinstance(image, torch.Tensor) else type(image).__name__
        raise UserError(f"{subject} the image must be a tensor or array of real numbers, "
                        f"not {kind}")
    label = item[1]
    if isinstance(label, np.generic) or (isinstance(label, torch.Tensor) and label.numel() == 1):
        label = label.item()
    if isinstance(label, bool) or not isinstance(label, int):
        raise UserError(f"{subject} the label must be an integer, not {label!r}")
    return image.detach().to(torch.float32), label
