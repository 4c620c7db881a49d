"""Small networks of random numbers, one for each kind of layer, to run on an accelerator."""

from collections.abc import Callable
from typing import Any

import torch

from sparrow.golden.network import Network

from .builder import Builder

__all__ = ["INT4_SAMPLES", "LARGE_SAMPLES", "SAMPLES", "sample", "sample_images"]

Sample = tuple[tuple[int, int, int], Callable[[Builder], str]]
SAMPLES: dict[str, Sample] = {
    "pixel": ((3, 1, 1), lambda b: b.conv("input", 2, (1, 1))),
    "conv": ((5, 7, 6), lambda b: b.conv("input", 6, padding=(1, 1, 1, 1))),
    "strided": ((3, 9, 8), lambda b: b.conv("input", 5, (3, 2), stride=(2, 3),
                                            padding=(0, 1, 1, 0))),
    "padded": ((5, 4, 3), lambda b: b.conv("input", 6, (2, 3), padding=(9, 0, 0, 12),
                                           stride=(2, 1))),
    "dilated": ((4, 9, 9), lambda b: b.conv("input", 3, dilation=(2, 3))),
    "grouped": ((8, 5, 5), lambda b: b.conv("input", 8, groups=2, padding=(1, 1, 1, 1))),
    "depthwise": ((6, 6, 5), lambda b: b.conv("input", 6, groups=6, padding=(1, 1, 1, 1))),
    "window": ((6, 6, 7), lambda b: b.conv("input", 6, (2, 2), groups=6, padding=(1, 1, 0, 0))),
    "window_down": ((5, 8, 3), lambda b: b.conv("input", 5, (2, 2), groups=5, stride=(1, 2),
                                                padding=(1, 1, 0, 0))),
    "window_row": ((4, 3, 9), lambda b: b.conv("input", 4, (1, 4), groups=4, stride=(2, 2),
                                               padding=(0, 3, 0, 1))),
    "window_column": ((9, 9, 5), lambda b: b.conv("input", 9, (4, 1), groups=9, dilation=(2, 3),
                                                  padding=(2, 0, 2, 0))),
    "window_gaps": ((5, 5, 9), lambda b: b.conv("input", 5, (1, 2), groups=5, dilation=(1, 3),
                                                padding=(0, 2, 0, 0))),
    "linear": ((3, 3, 4), lambda b: b.linear("input", 10)),
    "max_pool": ((6, 7, 6), lambda b: b.max_pool("input", (3, 2), stride=(2, 2),
                                                 padding=(1, 0, 1, 0))),
    "average_pool": ((5, 6, 6), lambda b: b.average_pool("input", (3, 3), stride=(2, 2),
                                                         padding=(1, 1, 0, 0))),
    "add": ((5, 4, 5), lambda b: b.add("input", b.conv("input", 5, (1, 1)))),
    "residual": ((5, 9, 7), lambda b: _residual(b, padding=(1, 1, 1, 1))),
    "residual_pixels": ((9, 4, 5), lambda b: _residual(b, kernel=(1, 1))),
    "residual_rows": ((3, 8, 20), lambda b: _residual(b, padding=(1, 1, 1, 1), limits=(-20, 60))),
    "residual_window": ((6, 6, 7), lambda b: _residual(b, kernel=(2, 2), groups=6,
                                                       padding=(1, 1, 0, 0))),
    "residual_both": ((6, 6, 6), lambda b: b.residual_add(
        b.conv("input", 7, (1, 1), stride=(2, 2)), b.conv("input", 7, stride=(2, 2),
                                                          padding=(1, 1, 1, 1)))),
    "concat": ((3, 4, 4), lambda b: b.concat("input", b.conv("input", 6, (1, 1)), type_="input")),
    "image": ((1, 9, 11), lambda b: b.conv("input", 5, padding=(1, 1, 1, 1))),
    "image_rows": ((1, 12, 7), lambda b: b.conv("input", 6, (5, 2), stride=(2, 1),
                                                padding=(3, 1, 1, 0))),
    "image_dilated": ((1, 13, 6), lambda b: b.conv("input", 9, (5, 1), dilation=(2, 1),
                                                   padding=(4, 0, 4, 0))),
    "image_pair": ((2, 8, 9), lambda b: b.conv("input", 5, (3, 4), stride=(2, 1),
                                               padding=(1, 2, 1, 1))),
    "image_colour": ((4, 8, 9), lambda b: b.conv(b.conv("input", 7, (2, 2), stride=(2, 2)), 5,
                                                 (1, 1))),
    "tower": ((3, 8, 8), lambda b: _tower(b, 8)),
}
INT4_SAMPLES: dict[str, Sample] = {
    "conv_int4": ((9, 6, 5), lambda b: b.conv("input", 6, padding=(1, 1, 1, 1), weight_bits=4)),
    "window_int4": ((6, 6, 7), lambda b: b.conv("input", 6, (2, 2), groups=6, weight_bits=4)),
    "residual_int4": ((9, 6, 7), lambda b: _residual(b, padding=(1, 1, 1, 1), weight_bits=4)),
    "linear_int4": ((13, 2, 2), lambda b: b.linear("input", 9, weight_bits=4)),
    "image_int4": ((2, 8, 9), lambda b: b.conv("input", 5, (3, 3), padding=(1, 1, 1, 1),
                                                weight_bits=4)),
    "mixed": ((3, 8, 8), lambda b: _tower(b, 4)),
}
# too large for small accelerators
LARGE_SAMPLES: dict[str, Sample] = {
    "depthwise_large": ((64, 25, 5), lambda b: b.conv(
        b.conv("input", 64, groups=64, padding=(1, 1, 1, 1)), 64, groups=64, stride=(2, 2),
        padding=(1, 1, 1, 1))),
}


def _residual(b: Builder, *, kernel: tuple[int, int] = (3, 3), **more: Any) -> str:
    """Two blocks whose sums begin with the one operand and with the other."""
    channels = b.input.shape[0]
    first = b.conv("input", channels, kernel, **more)
    inner = b.residual_add("input", first, larger=0, minimum=-20)
    second = b.conv(inner, channels, kernel, **more)
    return b.residual_add(second, inner, larger=0)


def _tower(b: Builder, bits: int) -> str:
    first = b.conv("input", 8, padding=(1, 1, 1, 1))
    pooled = b.max_pool(first)
    inner = b.conv(pooled, 8, padding=(1, 1, 1, 1), weight_bits=bits)
    added = b.add(pooled, b.conv(inner, 8, (1, 1)))
    average = b.average_pool(b.concat(added, b.conv(added, 4, (1, 1), weight_bits=bits)),
                             (4, 4))
    return b.linear(average, 10)


def sample(name: str, *, seed: int = 0, **numbers: Any) -> Network:
    """A network of ``SAMPLES``, ``INT4_SAMPLES`` or ``LARGE_SAMPLES``, by a :class:`.Builder`."""
    shape, make = (SAMPLES | INT4_SAMPLES | LARGE_SAMPLES)[name]
    builder = Builder(shape, seed=seed, **numbers)
    make(builder)
    return builder.network(name=name)


def sample_images(network: Network, count: int, *, seed: int = 0) -> torch.Tensor:
    """Random images for a network, the first two of them all smallest and all largest."""
    kind = network.input
    images = torch.randint(kind.minimum, kind.maximum + 1, (count, *kind.shape),
                           generator=torch.Generator().manual_seed(seed)).to(torch.int8)
    for image, value in zip(images, (kind.minimum, kind.maximum)[:max(0, count - 1)]):
        image.fill_(value)
    return images
