"""Layers for a unit for Winograd convolution: random ones and those of extreme numbers."""

import dataclasses
import math
import random

import torch

from sparrow.golden.winograd import (
    ConvLayer,
    ConvPass,
    ConvScales,
    conv_results,
    output_width,
    plan,
)
from sparrow.golden.winograd.transforms import signed_range
from sparrow.hw.spec.winograd import WinogradConvSpec

__all__ = ["STYLES", "Sample", "Source"]

STYLES = ("random", "sparse", "extremes", "lowest", "highest", "zero")
_SIDE = 9  # the longest of an image


@dataclasses.dataclass(frozen=True, kw_only=True)
class Sample:
    """A layer, what it computes with, and how it is cut.

    Parameters
    ----------
    layer : ConvLayer
    channel_blocks : int
        Of the image.
    passes : list of ConvPass
    activations : int64 tensor, shape (channel blocks · lanes, height, width)
        Noise in channels that aren't there.
    weights : int64 tensor, shape (output blocks · columns, channel blocks · lanes, 3, 3)
        0 for those.
    scales : ConvScales
        Of all columns.
    zero_point : int
        Of the activations.
    dense : bool
        Weights come lane by lane, all columns side by side.
    gaps : (int, int)
        Rows of memory that are free behind a row of pixels, and behind a channel block.
    results : int64 tensor, shape (output blocks · columns, out_height, out_width)
    """
    layer: ConvLayer
    channel_blocks: int
    passes: list[ConvPass]
    activations: torch.Tensor
    weights: torch.Tensor
    scales: ConvScales
    zero_point: int
    dense: bool
    gaps: tuple[int, int]
    results: torch.Tensor

    @property
    def row_step(self) -> int:
        """Rows of memory from a pixel to the one below it."""
        return self.layer.width + self.gaps[0]

    @property
    def block_step(self) -> int:
        """Rows of memory from a channel block to the next."""
        return self.layer.height * self.row_step + self.gaps[1]


class Source:
    """Seeded layers.

    Parameters
    ----------
    spec : WinogradConvSpec
    seed : int
    """

    def __init__(self, spec: WinogradConvSpec, seed: int):
        self.spec = spec
        self.random = random.Random(seed)
        self._generator = torch.Generator().manual_seed(seed)

    def sample(self, *, style: str | None = None, layer: ConvLayer | None = None,
               dense: bool | None = None, planned: bool | None = None) -> Sample:
        """A layer of a style; what isn't given is drawn."""
        chance = self.random.random
        style = style or self.random.choice(STYLES[:3] + STYLES)
        layer = layer or self._layer()
        dense = chance() < 0.5 if dense is None else dense
        planned = chance() < 0.5 if planned is None else planned
        blocks = layer.blocks(self.spec)
        low, high = signed_range(self.spec.activation_width)
        zero_point = self.random.choice((low, high, 0, self.random.randint(low, high)))
        channels = blocks[0] * self.spec.lanes
        activations = self._draw(self.spec.activation_width,
                                 style if style in ("extremes", "lowest", "highest") else "random",
                                 channels, layer.height, layer.width)
        weights = self._weights(style, layer, channels)
        scales = self._scales(activations, weights, layer, zero_point)
        room = self.spec.rows // blocks[0] - layer.height * layer.width
        gap = self.random.randint(0, min(3, room // layer.height))
        gaps = (gap, self.random.randint(0, min(5, room - gap * layer.height)))
        return Sample(layer=layer, channel_blocks=blocks[0],
                      passes=(plan if planned else self._cut)(self.spec, layer),
                      activations=activations, weights=weights, scales=scales,
                      zero_point=zero_point, dense=dense, gaps=gaps,
                      results=conv_results(self.spec, activations, weights, scales,
                                           padding=layer.padding, zero_point=zero_point))

    def _layer(self) -> ConvLayer:
        """Any that fits the memory, with 1 to 3 blocks of channels, the last seldom full."""
        spec, draw = self.spec, self.random.randint
        padding = (draw(0, 2), draw(0, 2), draw(0, 2), draw(0, 2))
        least = [max(1, 3 - padding[side] - padding[side + 2]) for side in range(2)]
        blocks = draw(1, min(3, spec.rows // math.prod(least))), draw(1, 3)
        width = self._side(least[1], spec.rows // blocks[0] // least[0])
        height = self._side(least[0], spec.rows // blocks[0] // width)
        return ConvLayer(height=height, width=width, padding=padding,
                         in_channels=(blocks[0] - 1) * spec.lanes + draw(1, spec.lanes),
                         out_channels=(blocks[1] - 1) * spec.columns + draw(1, spec.columns))

    def _side(self, least: int, most: int) -> int:
        """Of an image, the smallest possible more often than others."""
        if self.random.random() < 0.2:
            return least
        return self.random.randint(least, min(most, _SIDE))

    def _cut(self, spec: WinogradConvSpec, layer: ConvLayer) -> list[ConvPass]:
        """Passes of any size, as no plan has them."""
        tile = spec.tile
        width, height = -(-layer.out_width // tile), -(-layer.out_height // tile)
        tiles_x = self.random.randint(1, min(width, spec.tiles))
        tiles_y = self.random.randint(1, min(height, spec.tiles // tiles_x))
        passes = []
        for y in range(0, height, tiles_y):
            for x in range(0, width, tiles_x):
                down, across = min(tiles_y, height - y), min(tiles_x, width - x)
                passes.append(ConvPass(
                    y * tile, x * tile, down, across,
                    min(down * tile, layer.out_height - y * tile),
                    min(across * tile, layer.out_width - x * tile)))
        self.random.shuffle(passes)
        return passes

    def _draw(self, width: int, style: str, *shape: int) -> torch.Tensor:
        low, high = signed_range(width)
        if style in ("lowest", "highest"):
            return torch.full(shape, low if style == "lowest" else high)
        values = torch.randint(low, high + 1, shape, generator=self._generator)
        return torch.where(values < 0, low, high) if style == "extremes" else values

    def _weights(self, style: str, layer: ConvLayer, channels: int) -> torch.Tensor:
        spec, shape = self.spec, (layer.out_channels, layer.in_channels, 3, 3)
        if style in ("extremes", "lowest", "highest"):  # of either sign, whole kernels or taps
            weights = self._draw(spec.weight_width, "extremes", *shape)
            if style != "extremes":
                weights = weights[:, :1, :1, :1].expand(shape).clone()
        else:
            weights = self._draw(spec.weight_width, "random", *shape)
        kept = {"sparse": self.random.choice((0.05, 0.3)), "zero": 0}.get(style, 1)
        weights[torch.rand(shape, generator=self._generator) >= kept] = 0
        limits = signed_range(spec.activation_width), signed_range(spec.weight_width)
        missing = max(0, output_width(layer.in_channels, 9, *limits) - spec.output_width)
        padded = torch.zeros((layer.blocks(spec)[1] * spec.columns, channels, 3, 3),
                             dtype=torch.int64)
        padded[:layer.out_channels, :layer.in_channels] = weights >> missing
        return padded

    def _scales(self, activations, weights, layer, zero_point) -> ConvScales:
        """Biases up to what sums bear; scales that give results around the limits."""
        spec, draw = self.spec, self.random.randint
        top, left, bottom, right = layer.padding
        padded = torch.nn.functional.pad(activations, (left, right, top, bottom), value=zero_point)
        sums = torch.nn.functional.conv2d(padded, weights).flatten(1)
        ends = signed_range(spec.output_width)
        biases, mantissas, shifts = [], [], []
        for low, high in zip(sums.amin(1).tolist(), sums.amax(1).tolist(), strict=True):
            least, most = max(ends[0], ends[0] - low), min(ends[1], ends[1] - high)
            bias = self.random.choice((least, most, draw(least, most)))
            if self.random.random() < 0.6:  # as with a zero point: the sums go around 0
                bias = min(max(-(low + high) // 2, least), most)
            biases.append(bias)
            mantissas.append(draw(0, (1 << draw(1, spec.mantissa_width)) - 1))
            size = (max(abs(low + bias), abs(high + bias)) * mantissas[-1]).bit_length()
            shifts.append(min(max(0, size - spec.activation_width + draw(-2, 2)), 63))
        limits = signed_range(spec.activation_width)
        low, high = sorted((draw(*limits), draw(*limits)))
        if self.random.random() < 0.6:
            low, high = limits
        return ConvScales(bias=torch.tensor(biases), mantissa=torch.tensor(mantissas),
                          shift=torch.tensor(shifts), zero_point=draw(*limits), minimum=low,
                          maximum=high)
