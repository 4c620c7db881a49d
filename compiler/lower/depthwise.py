"""Depthwise convolutions that fit the window of the array's columns."""

import dataclasses

import numpy as np

from sparrow.hw.spec.accelerator import AcceleratorSpec

from ..layout import TensorLayout
from ..passes import window_vectors

__all__ = ["Window", "fit_window", "window_block"]

Pair = tuple[int, int]


@dataclasses.dataclass(frozen=True)
class Window:
    """How a kernel slides over its source.

    Parameters
    ----------
    down : bool
        Down the columns of the source; if not, along its rows.
    kernel, dilation : (int, int)
        Those of a kernel that isn't dilated in the direction in which it slides: what lies between
        its elements has weights of 0.
    spacing : int
        The dilation in that direction.
    """

    down: bool
    kernel: Pair
    dilation: Pair
    spacing: int


def fit_window(spec: AcceleratorSpec, kernel: Pair, stride: Pair, dilation: Pair,
               source: TensorLayout, target: TensorLayout) -> Window | None:
    """How a depthwise convolution runs with the fewest vectors; None: without a window.

    A channel of the source has to lie in the lane of the output channel that it gives. A line of
    outputs takes all of the source that the kernel reaches, with a window; without, a vector for
    each element of the kernel and each output.
    """
    size = target.height, target.width
    best, fewest = None, size[0] * size[1] * kernel[0] * kernel[1]
    if not np.array_equal(source.positions, target.positions):
        return None
    for down, along in ((False, 1), (True, 0)):
        reach, spread = list(kernel), list(dilation)
        reach[along], spread[along] = (kernel[along] - 1) * dilation[along] + 1, 1
        window = Window(down, (reach[0], reach[1]), (spread[0], spread[1]), dilation[along])
        vectors = window_vectors(size, window.kernel, stride, down)
        if reach[0] * reach[1] <= spec.window and (vectors, best is None) <= (fewest, True):
            best, fewest = window, vectors
    return best


def window_block(weight: np.ndarray, block: int, window: Window, columns: int) -> np.ndarray:
    """The weight block of an output block, bytes, shape (1, lanes, columns).

    Lane l of a column is for the operand l before the last; operands come kernel column by kernel
    column, from top to bottom, or the other way round.
    """
    own = weight[block * columns:(block + 1) * columns, 0]
    wide = np.zeros((len(own), *window.kernel), np.int8)
    wide[:, ::window.spacing if window.down else 1, ::1 if window.down else window.spacing] = own
    taps = wide if window.down else wide.transpose(0, 2, 1)
    taps = taps.reshape(len(own), -1).T[::-1]
    result = np.zeros((1, columns, columns), np.int8)
    result[0, :len(taps), :len(own)] = taps
    return result.view(np.uint8)
