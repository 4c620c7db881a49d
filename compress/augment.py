"""Training images changed at random."""

import torch
import torch.nn.functional as F

__all__ = ["shifted"]


def shifted(images: torch.Tensor, most: int) -> torch.Tensor:
    """Images moved by up to so many pixels each way, zeros moving in; a batch in four parts.

    Parameters
    ----------
    images : torch.Tensor, shape (images, channels, height, width)
    most : int
        Pixels; the images themselves with 0.
    """
    if not most:
        return images
    parts = []
    for part in images.split(-(-len(images) // 4)):
        down, right = (int(torch.randint(-most, most + 1, ())) for _ in range(2))
        padded = F.pad(part, (most, most, most, most))
        height, width = images.shape[-2:]
        parts.append(padded[..., most - down:most - down + height,
                            most - right:most - right + width])
    return torch.cat(parts)
