"""Networks of any shape that the accelerator may be given, drawn at random.

Nothing here decides by itself: ``choose(low, high)`` gives an integer between both, and where it is
Hypothesis' ``draw(integers(low, high))``, what fails shrinks towards the lowest of everything.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import torch

from sparrow.golden.network import Concat, Conv, Linear, Network

from .builder import Builder

__all__ = ["KINDS", "Choose", "random_network", "random_window", "sparse_network",
           "tiled_network"]

Choose = Callable[[int, int], int]
LARGEST_KERNEL, LARGEST_STRIDE, LARGEST_DILATION, LARGEST_PADDING = 7, 3, 3, 9


def random_window(choose: Choose, size: tuple[int, int], *, kernel: int = LARGEST_KERNEL,
                  dilation: int = LARGEST_DILATION,
                  wide: bool = False) -> dict[str, tuple[int, ...]]:
    """Kernel, stride, padding and dilation that fit an image, each side with its own.

    The image may be smaller than the kernel.

    Parameters
    ----------
    choose
    size : (int, int)
        Of the image.
    kernel, dilation : int
        The largest.
    wide : bool
        Let padding be as wide as the kernel's reach and wider, now and then.
    """
    values: dict[str, list[int]] = {name: [] for name in ("kernel", "stride", "dilation")}
    before, behind = [], []
    for length in size:
        taps, gap = choose(1, kernel), choose(1, dilation)
        reach = (taps - 1) * gap + 1
        largest = LARGEST_PADDING if wide and choose(0, 7) == 7 else min(reach - 1, 3)
        before.append(choose(0, largest))
        missing = max(0, reach - length - before[-1])
        behind.append(choose(missing, max(missing, largest)))
        for name, value in (("kernel", taps), ("dilation", gap),
                            ("stride", choose(1, LARGEST_STRIDE))):
            values[name].append(value)
    return {name: tuple(value) for name, value in values.items()} | {
        "padding": (*before, *behind)}


def _weights(choose: Choose) -> dict[str, Any]:
    """Bits of weights and results, and their limits."""
    bits = (8, 8, 8, 4)[choose(0, 3)]
    return {"weight_bits": (8, 4)[choose(0, 1)], "bits": bits,
            "limits": (None, (-10, 100))[choose(0, 1)] if bits == 8 else None}


def _conv(b: Builder, choose: Choose, source: str, kernel: int) -> str:
    return b.conv(source, choose(1, 11), **_weights(choose),
                  **random_window(choose, b.types[source].shape[1:], kernel=kernel, wide=True))


def _grouped(b: Builder, choose: Choose, source: str, kernel: int) -> str:
    channels = b.types[source].shape[0]
    divisors = [number for number in range(1, channels + 1) if channels % number == 0]
    groups = divisors[-1 - choose(0, len(divisors) - 1)]
    return b.conv(source, groups * choose(1, max(1, 12 // groups)), groups=groups,
                  **_weights(choose),
                  **random_window(choose, b.types[source].shape[1:], kernel=kernel, wide=True))


def _depthwise(b: Builder, choose: Choose, source: str, kernel: int) -> str:
    channels = b.types[source].shape[0]
    return b.conv(source, channels * choose(1, 2), groups=channels, **_weights(choose),
                  **random_window(choose, b.types[source].shape[1:], kernel=kernel, wide=True))


def _linear(b: Builder, choose: Choose, source: str, kernel: int) -> str:
    return b.linear(source, choose(1, 20), **_weights(choose))


def _pool(method: str) -> Callable[..., str]:
    def add(b: Builder, choose: Choose, source: str, kernel: int) -> str:
        window = random_window(choose, b.types[source].shape[1:], kernel=kernel, dilation=1)
        del window["dilation"]
        return getattr(b, method)(source, **window)
    return add


def _global_average(b: Builder, choose: Choose, source: str, kernel: int) -> str:
    return b.average_pool(source, b.types[source].shape[1:])


def _add(b: Builder, choose: Choose, source: str, kernel: int) -> str:
    """Two of a tensor and what pointwise convolutions make of it, or twice the tensor."""
    pairs = [(False, False), (True, True), (False, True), (True, False)]
    # channels of a concatenation are in another order than those of a convolution
    concats = any(isinstance(layer, Concat) for layer in b.layers)
    first, second = (
        b.conv(source, b.types[source].shape[0], (1, 1), **_weights(choose)) if made else source
        for made in pairs[choose(0, 1 if concats else 3)])
    shift, less = choose(16, 20), choose(0, 2)  # the second operand's scale may be larger
    return b.add(first, second, shifts=(shift, shift - less, 50 - shift),
                 mantissas=(b.integer(1, 32639), b.integer(1, 32639 >> less),
                            b.integer(1 << 14, 1 << 15)),
                 minimum=(-128, -5)[choose(0, 1)])


def _residual(b: Builder, choose: Choose, source: str, kernel: int) -> str:
    """Sums of two convolutions, of one and the tensor, with scales as quantization makes them."""
    channels, *size = b.types[source].shape
    groups = (1, channels)[choose(0, 1)]
    window = random_window(choose, (size[0], size[1]), kernel=kernel, wide=True)
    first = b.conv(source, channels, groups=groups, **_weights(choose), **window)
    second = b.conv(source, channels, **_weights(choose), **window)
    added = b.residual_add(*((first, second), (second, first))[choose(0, 1)],
                           larger=choose(0, 1), minimum=(-128, -5)[choose(0, 1)])
    if choose(0, 1):
        own = b.conv(added, channels, (1, 1), **_weights(choose))
        added = b.residual_add(*((added, own), (own, added))[choose(0, 1)], larger=choose(0, 1))
    return added


def _concat(b: Builder, choose: Choose, source: str, kernel: int) -> str:
    other = b.conv(source, choose(1, 9), (1, 1), **_weights(choose))
    sources = [(source, other), (other, source), (source, source), (source, other, source),
               (other, source, other)][choose(0, 4)]
    if other not in sources:
        b.layers.pop()
    return b.concat(*sources, type_=(None, *sources)[choose(0, len(sources))])


_LAYERS: dict[str, Callable[[Builder, Choose, str, int], str]] = {
    "conv": _conv, "grouped": _grouped, "depthwise": _depthwise, "linear": _linear,
    "max_pool": _pool("max_pool"), "average_pool": _pool("average_pool"),
    "global_average_pool": _global_average, "add": _add, "residual": _residual,
    "concat": _concat}
KINDS = (*_LAYERS, "chain")
"""Kinds of layer, and a chain of some of any kinds."""


def random_network(kind: str, choose: Choose, **numbers: Any) -> Network:
    """A network of one layer, and those that it needs, or of a chain of up to four.

    Parameters
    ----------
    kind : str
        One of ``KINDS``.
    choose
    numbers
        What is to be different from the defaults of ``Numbers``.
    """
    builder = Builder((choose(1, 11), choose(1, 9), choose(1, 9)), seed=choose(0, 999),
                      bits=(8, 8, 8, 4)[choose(0, 3)], **numbers)
    if kind != "chain":
        _LAYERS[kind](builder, choose, "input", LARGEST_KERNEL)
        return builder.network(name=kind)
    source, layers = "input", list(_LAYERS.values())
    for _ in range(choose(2, 4)):
        source = layers[choose(0, len(layers) - 1)](builder, choose, source, 3)
    return builder.network(name=kind)


def tiled_network(choose: Choose, **numbers: Any) -> Network:
    """A chain of up to four layers, most of them convolutions that Winograd's algorithm takes."""
    builder = Builder((choose(1, 11), choose(1, 9), choose(1, 9)), seed=choose(0, 999), **numbers)
    source = "input"
    for _ in range(choose(1, 4)):
        _, height, width = builder.types[source].shape
        kinds = ["conv", "conv", "conv", "residual", "residual", "other"]
        kind = kinds[choose(0, len(kinds) - 1)]
        padding = tuple(choose(low, 2) for low in (
            int(height < 3), int(width < 3), int(height < 2), int(width < 2)))
        if kind == "other":
            source = list(_LAYERS.values())[choose(0, len(_LAYERS) - 1)](builder, choose, source, 3)
        elif kind == "conv":
            source = builder.conv(source, choose(1, 11), padding=padding)
        else:
            channels = choose(1, 9)
            first, second = (builder.conv(source, channels, kernel, padding=around)
                             for kernel, around in (((3, 3), (1, 1, 1, 1)),
                                                    (((1, 1), (0,) * 4), ((3, 3), (1,) * 4))[
                                                        choose(0, 1)]))
            source = builder.residual_add(first, second, larger=choose(0, 1))
    return builder.network(name="tiled")


def sparse_network(network: Network, choose: Choose, *, values: int = 16) -> Network:
    """The same with some weights set to zero, alone and in whole tiles, and few others in layers.

    Parameters
    ----------
    network : Network
    choose
    values : int
        Different weights of a layer at most, where they are few.
    """
    layers = []
    for layer in network:
        if isinstance(layer, Conv | Linear):
            noise = torch.Generator().manual_seed(choose(0, 999))
            weight = layer.weight.clone()
            single = torch.rand(weight.shape, generator=noise)
            tiles = torch.rand([-(-size // 4) for size in weight.shape[:2]]
                               + list(weight.shape[2:]), generator=noise)
            whole = tiles.repeat_interleave(4, 0).repeat_interleave(4, 1)
            whole = whole[:len(weight), :weight.shape[1]]
            if choose(0, 1):
                weight = (weight % values - values // 2).clamp(-8, 7).to(torch.int8)
            weight[(single < (0, 0.5, 0.9, 1)[choose(0, 3)])
                   | (whole < (0, 0.5, 0.8)[choose(0, 2)])] = 0
            layer = dataclasses.replace(layer, weight=weight)
        layers.append(layer)
    return dataclasses.replace(network, layers=tuple(layers))
