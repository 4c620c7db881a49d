"""The inputs of MLPerf Tiny's keyword spotting benchmark."""

import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from sparrow.flow.errors import UserError

if TYPE_CHECKING:
    from sparrow.compress.data import Dataset

__all__ = ["KWS", "kws01"]

KWS = "kws01_int8.npz"
"""What the folder holds: ``x`` int8, (images, 49, 10), and ``y``, classes."""

SCALE, ZERO_POINT = 0.5847029, 83  # of the input of the benchmark's INT8 network
SHAPE = (49, 10)


def kws01(folder: Path, *, test: int = 500, seed: int = 0) -> "Dataset":
    """1000 utterances of Speech Commands in 12 classes: 10 cepstral coefficients of 49 frames.

    The inputs that the energy benchmark's host sends to devices (github.com/eembc/energyrunner,
    kws01), as real numbers, ``(x − 83) · 0.5847029``, of shape (1, 49, 10). The benchmark has no
    labelled training data; here the inputs are split, each class in proportion.

    Parameters
    ----------
    folder : Path
        With ``kws01_int8.npz``.
    test : int, 12 to 988
        Images held out for testing; the others are for training.
    seed : int
        Which.

    Raises
    ------
    UserError, ValueError
        If the file isn't there or isn't of the form, or an option is out of range.
    """
    import numpy as np
    import torch

    from sparrow.compress.data import split

    file = folder / KWS
    if not file.is_file():
        raise UserError(f"{folder} must hold {KWS}, but has none")
    try:
        with np.load(file, allow_pickle=False) as arrays:
            images, labels = arrays["x"], arrays["y"]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise UserError(f"{file} must be a file of numpy's with x and y: {error}") from None
    if (images.dtype != np.int8 or images.shape[1:] != SHAPE or labels.dtype.kind not in "iu"
            or labels.shape != images.shape[:1]):
        raise UserError(f"{file} must hold x, int8, of shape (images, 49, 10), and an integer y "
                        f"for each, not {images.dtype} {images.shape} and {labels.dtype} "
                        f"{labels.shape}")
    values = (torch.from_numpy(images).to(torch.float32) - ZERO_POINT) * SCALE
    return split(values.unsqueeze(1), torch.from_numpy(labels.astype(np.int64)), test=test,
                 seed=seed)
