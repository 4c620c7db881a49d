"""What all parts of a network are checked by: one-line errors that name the layer."""

import re
from collections.abc import Sequence

import torch

__all__ = ["NetworkError", "require_int", "require_ints", "require_name", "require_tensor",
           "shown"]

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z0-9_]+)*")


class NetworkError(ValueError):
    """An integer network, or a file that holds one, isn't well formed.

    The text is one line: the layer or file, the subject, what it must be, and what it is.
    """


def require_name(subject: str, value: object) -> None:
    """Check that a name is an identifier, or several joined by dots."""
    if not isinstance(value, str):
        raise TypeError(f"{subject} must be a string, not {value!r}")
    if not NAME.fullmatch(value) or len(value) > 200:
        raise NetworkError(f"{subject} must be letters, digits and underscores, in parts joined by "
                           f"dots, begin with no digit and have at most 200 characters, "
                           f"not {shown(value)}")


def require_int(subject: str, value: object, low: int, high: int) -> None:
    """Check that a number is an integer in ``low`` to ``high``, both included."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{subject} must be an integer from {low} to {high}, not {shown(value)}")
    if not low <= value <= high:
        raise NetworkError(f"{subject} must be an integer from {low} to {high}, not {value!r}")


def require_ints(subject: str, values: Sequence[int], count: int, low: int, high: int) -> None:
    """Check that a tuple has ``count`` integers in ``low`` to ``high``."""
    if not isinstance(values, tuple):
        raise TypeError(f"{subject} must be a tuple of {count} integers, not {shown(values)}")
    if len(values) != count:
        raise NetworkError(f"{subject} must have {count} values, not {len(values)}")
    for value in values:
        require_int(subject, value, low, high)


def require_tensor(subject: str, values: object, dtype: torch.dtype, shape: tuple[int, ...],
                   low: int, high: int) -> None:
    """Check a tensor's type, shape and values; -1 in a shape stands for any size from 1 on."""
    if not isinstance(values, torch.Tensor) or values.dtype != dtype:
        found = values.dtype if isinstance(values, torch.Tensor) else shown(values)
        raise TypeError(f"{subject} must be a tensor of {dtype}, not {found}")
    sizes = tuple(values.shape)
    if len(sizes) != len(shape) or any(size < 1 if wanted == -1 else size != wanted
                                       for size, wanted in zip(sizes, shape)):
        text = ", ".join("n" if size == -1 else str(size) for size in shape)
        raise NetworkError(f"{subject} must be of shape ({text}), not {sizes}")
    if values.device.type != "cpu":
        raise NetworkError(f"{subject} must be on the CPU, not on {values.device}")
    smallest, largest = int(values.min()), int(values.max())
    if smallest < low or largest > high:
        worst = smallest if smallest < low else largest
        raise NetworkError(f"{subject} must hold integers from {low} to {high}, not {worst}")


def shown(value: object) -> str:
    """A value as one short line."""
    text = " ".join(repr(value).split())
    return text if len(text) <= 80 else text[:77] + "..."
