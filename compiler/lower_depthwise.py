"""Depthwise convolutions that fit the window of the array's columns."""

import numpy as np

from sparrow.hw.spec.accelerator import AcceleratorSpec

from .layout import TensorLayout

__all__ = ["fit_window", "window_block"]

Pair = tuple[int, int]


def fit_window(spec: AcceleratorSpec, weight: np.ndarray, groups: int, kernel: Pair, stride: Pair,
               dilation: Pair, source: TensorLayout, target: TensorLayout) -> bool:
    """Whether a convolution runs with a window, and in no more cycles than without one.

    A channel of its source has to lie in the lane of the output channel that it gives. A row of
    outputs takes all columns of the source that the kernel reaches, with a window, and as many
    vectors as the kernel has columns for each output, without.
    """
    reach = (kernel[1] - 1) * dilation[1] + 1
    same = (groups == len(weight) and weight.shape[1] == 1
            and np.array_equal(source.positions, target.positions))
    return (same and kernel[0] * reach <= spec.window
            and (target.width - 1) * stride[1] + reach <= target.width * kernel[1])


def window_block(weight: np.ndarray, block: int, dilation: int, columns: int) -> np.ndarray:
    """The weight block of an output block, bytes, shape (1, lanes, columns).

    Lane l of a column is for the operand l before the last; operands come kernel column by kernel
    column, from top to bottom.
    """
    own = weight[block * columns:(block + 1) * columns, 0]
    channels, height, width = own.shape
    wide = np.zeros((channels, height, (width - 1) * dilation + 1), np.int8)
    wide[:, :, ::dilation] = own
    result = np.zeros((1, columns, columns), np.uint8)
    taps = wide.transpose(2, 1, 0).reshape(-1, channels)[::-1]
    result[0, :len(taps), :channels] = np.ascontiguousarray(taps).view(np.uint8)
    return result
