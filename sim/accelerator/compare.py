"""What the accelerator computed beside what golden says, element by element."""

from collections.abc import Mapping

import torch

__all__ = ["first_difference", "tensor_difference"]


def tensor_difference(name: str, found: torch.Tensor, expected: torch.Tensor) -> str | None:
    """Where a layer's output first differs, in one line, or ``None``.

    Parameters
    ----------
    name : str
        The layer's.
    found, expected : torch.Tensor, int8, shape (channels, height, width)
        The first difference is that of the first row, then column, then channel.
    """
    if found.shape != expected.shape:
        return (f"Layer {name!r}: shape is {tuple(found.shape)}, golden says "
                f"{tuple(expected.shape)}")
    wrong = (found != expected).permute(1, 2, 0).nonzero()
    if not len(wrong):
        return None
    row, column, channel = wrong[0].tolist()
    return (f"Layer {name!r}: pixel ({row}, {column}), channel {channel} is "
            f"{int(found[channel, row, column])}, golden says "
            f"{int(expected[channel, row, column])}; {len(wrong)} of {found.numel()} elements "
            "differ")


def first_difference(found: Mapping[str, torch.Tensor],
                     expected: Mapping[str, torch.Tensor]) -> str | None:
    """The difference in the first layer that has one, in the order of ``expected``."""
    for name, tensor in expected.items():
        text = tensor_difference(name, found[name], tensor)
        if text is not None:
            return text
    return None
