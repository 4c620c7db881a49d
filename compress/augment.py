"""Training images changed at random."""

import torch
import torch.nn.functional as F

from .scales import QuantizeError

__all__ = ["shifted"]


def shifted(images: torch.Tensor, most: int) -> torch.Tensor:
    """Images moved by up to so many pixels each way, zeros moving in; a batch in four parts.

    Parameters
    ----------
    images : torch.Tensor, shape (images, channels, height, width), or (images, channels, length)
    most : int
        Pixels; the images themselves with 0.

    Raises
    ------
    QuantizeError
        If they are to be moved, but have other dimensions.
    """
    if not most:
        return images
    if images.dim() not in (3, 4):
        raise QuantizeError("shift must be 0 for data that are no images or signals, "
                            f"of shape {tuple(images.shape[1:])}, not {most}")
    axes = images.dim() - 2
    parts = []
    for part in images.split(-(-len(images) // 4)):
        starts = [most - int(torch.randint(-most, most + 1, ())) for _ in range(axes)]
        found = F.pad(part, (most, most) * axes)
        for axis, start in enumerate(starts, start=2):
            found = found.narrow(axis, start, images.shape[axis])
        parts.append(found)
    return torch.cat(parts)
