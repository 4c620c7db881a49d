"""Convolutions of few channels: kernel columns, and rows, side by side in the lanes.

A position of the unfolded source holds ``window`` bytes of an image row, all that the kernel's row
takes for an output column. If several windows fit a vector, each lane group has that of another
image row. So the kernel becomes one column wide and as many times lower.
"""

import dataclasses
import math
import typing

import numpy as np

from sparrow.golden.network import Conv, Network
from sparrow.hw.spec.accelerator import AcceleratorSpec

if typing.TYPE_CHECKING:
    from .layout import TensorLayout

__all__ = ["Unfolding", "unfolding_choices"]

CHANNELS = 4  # at most
ALONE = 8  # cycles at least of a row that doesn't lie beside the one before
TRIED = 3
LARGEST = 255  # of a step from pixel to pixel


@dataclasses.dataclass(frozen=True, kw_only=True)
class Unfolding:
    """How a source is made out of an image.

    Parameters
    ----------
    image : TensorLayout
        In memory.
    rows : int
        Kernel rows, hence image rows, in a position: 1 unless their windows fit a vector.
    window, pixel_step, left : int
        Bytes that a kernel row takes, bytes from a position to the next, bytes of padding left of
        the image.
    top : int
        Rows of padding above the image: row 0 of the source begins there.
    base_step, group_step : int
        Image rows from one row of the source to the next, from one lane group to the next.
    fill_value : int
        Of padding.
    """

    image: "TensorLayout"
    rows: int
    window: int
    pixel_step: int
    left: int
    top: int
    base_step: int
    group_step: int
    fill_value: int

    @classmethod
    def of(cls, conv: Conv, image: "TensorLayout", rows: int, *, fill_value: int) -> "Unfolding":
        """The unfolding of a convolution's source with some kernel rows in a position."""
        return cls(image=image, rows=rows, window=conv.kernel[1] * image.channels,
                   pixel_step=conv.stride[1] * image.channels,
                   left=conv.padding[1] * image.channels, top=conv.padding[0],
                   base_step=_base_step(conv, rows), group_step=conv.dilation[0],
                   fill_value=fill_value)

    @property
    def vectors(self) -> int:
        """Vectors of a position."""
        return -(-self.window // self.image.lanes)

    def window_of(self, conv: Conv) -> tuple[tuple[int, int], tuple[int, int], tuple[int, int]]:
        """Kernel, stride and dilation of the convolution over the source."""
        return ((-(-conv.kernel[0] // self.rows), 1), (conv.stride[0] // self.base_step, 1),
                (max(1, self.rows * conv.dilation[0] // self.base_step), 1))

    def source(self, target: "TensorLayout", conv: Conv) -> "TensorLayout":
        """The source, as it would lie in memory."""
        kernel, stride, dilation = self.window_of(conv)
        height = (target.height - 1) * stride[0] + (kernel[0] - 1) * dilation[0] + 1
        return dataclasses.replace(
            self.image, height=height, width=target.width, format="blocks",
            segments=(self.vectors * self.image.lanes,))

    def weight(self, weight: np.ndarray) -> np.ndarray:
        """Weights over the source: int8, shape (outputs, lanes, kernel height, 1)."""
        outputs, channels, height, width = weight.shape
        steps = -(-height // self.rows)
        result = np.zeros((outputs, self.vectors * self.image.lanes, steps, 1), np.int8)
        for row in range(height):
            lane = row % self.rows * self.window
            result[:, lane:lane + self.window, row // self.rows, 0] = (
                weight[:, :, row].transpose(0, 2, 1).reshape(outputs, width * channels))
        return result


def _base_step(conv: Conv, rows: int) -> int:
    """The largest step with which a source has all rows that the kernel meets."""
    if conv.kernel[0] <= rows:
        return conv.stride[0]
    return math.gcd(conv.stride[0], rows * conv.dilation[0])


def unfolding_choices(network: Network, spec: AcceleratorSpec) -> tuple[int, ...]:
    """Numbers of kernel rows in a position that are worth trying for the network's input.

    There are none unless its only reader is a convolution of few channels that is faster for it.
    The first is best by a rough estimate.
    """
    readers = network.consumers(network.input_name)
    if len(readers) != 1 or not isinstance(readers[0], Conv):
        return ()
    conv, (channels, _, width) = readers[0], network.input.shape
    window = conv.kernel[1] * channels
    if (conv.groups != 1 or channels > CHANNELS or conv.dilation[1] != 1
            or window > 2 * spec.lanes or width * channels >= spec.line_bytes
            or conv.stride[1] * channels > LARGEST):
        return ()
    cycles = {rows: _cycles(conv, network, spec, rows)
              for rows in range(1, max(1, spec.lanes // window) + 1)
              if rows <= conv.kernel[0] <= rows * LARGEST and rows * conv.dilation[0] <= LARGEST}
    plain = _cycles(conv, network, spec, 0)
    return tuple(sorted((rows for rows in cycles if cycles[rows] < plain), key=cycles.__getitem__)
                 )[:TRIED]


def _cycles(conv: Conv, network: Network, spec: AcceleratorSpec, rows: int) -> float:
    """Roughly the cycles of the convolution: of its loads and its steps, which overlap but for
    the first tile's loads."""
    (channels, height, width), (outputs, out_height, out_width) = (network.input.shape,
                                                                  conv.output.shape)
    word, pixels = spec.bus.word_bytes, out_height * out_width
    vectors = -(-conv.kernel[1] * channels // spec.lanes) if rows else 1
    if rows:
        step = _base_step(conv, rows)
        source = ((out_height - 1) * conv.stride[0]
                  + (-(-conv.kernel[0] // rows) - 1) * rows * conv.dilation[0]) // step + 1
        loads = source * rows * max(out_width * vectors, -(-width * channels // word),
                                    1 if step == 1 else ALONE)
        pairs = vectors == 2 and conv.weight_bits == 4 and spec.int4
        steps = -(-conv.kernel[0] // rows) * (1 if pairs else vectors)
    else:
        loads = height * width * spec.lanes // word
        steps = conv.kernel[0] * conv.kernel[1]
    tiles = -(-pixels // spec.accumulator_depth)
    blocks = -(-outputs // spec.columns)
    block = spec.lanes * spec.columns // word
    busy = blocks * max(steps * max(pixels / tiles, block),
                        pixels / tiles * spec.columns / spec.post_lanes)
    load = loads / tiles
    return load + (tiles - 1) * max(load, busy) + busy
