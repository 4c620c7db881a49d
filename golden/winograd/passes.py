"""How a layer is cut into passes of a unit for Winograd convolution, and what they are told."""

import dataclasses
import itertools
from collections.abc import Iterable

from sparrow.hw.spec.winograd import WinogradConvSpec

__all__ = ["MOST_BLOCKS", "MOST_PIXELS", "ConvLayer", "ConvPass", "block_cycles",
           "pass_fields", "plan"]

MOST_PIXELS = 2047
"""Of a side of an image, and of a result."""

MOST_BLOCKS = 1023
"""Channel blocks, of an image and of a result."""

_TAPS = 3


@dataclasses.dataclass(frozen=True, kw_only=True)
class ConvLayer:
    """A convolution with 3×3 kernels of stride 1.

    Parameters
    ----------
    height, width : int, 1 to 2047
        Of the image, in pixels.
    padding : (int, int, int, int)
        Top, left, bottom, right, from 0; the result is to have 1 to 2047 pixels a side.
    in_channels, out_channels : int, from 1

    Raises
    ------
    ValueError
        If a size is out of range.
    """
    height: int
    width: int
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)
    in_channels: int = 1
    out_channels: int = 1

    def __post_init__(self) -> None:
        for name in ("height", "width", "out_height", "out_width"):
            if not 1 <= getattr(self, name) <= MOST_PIXELS:
                raise ValueError(f"{name} must be from 1 to {MOST_PIXELS}, "
                                 f"not {getattr(self, name)}")
        if min(self.padding) < 0:
            raise ValueError(f"padding must be at least 0, not {min(self.padding)}")
        for name in ("in_channels", "out_channels"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")

    @property
    def out_height(self) -> int:
        """Pixels of a column of the result."""
        return self.height + self.padding[0] + self.padding[2] - _TAPS + 1

    @property
    def out_width(self) -> int:
        """Pixels of a row of the result."""
        return self.width + self.padding[1] + self.padding[3] - _TAPS + 1

    def blocks(self, spec: WinogradConvSpec) -> tuple[int, int]:
        """Channel blocks of the image, and output blocks; raises ``ValueError`` above 1023."""
        found = -(-self.in_channels // spec.lanes), -(-self.out_channels // spec.columns)
        for name, number in zip(("in_channels", "out_channels"), found, strict=True):
            if number > MOST_BLOCKS:
                raise ValueError(f"{name} must make at most {MOST_BLOCKS} blocks, not {number}")
        return found


@dataclasses.dataclass(frozen=True)
class ConvPass:
    """A rectangle of a result.

    Parameters
    ----------
    row, column : int
        Of its upper left pixel in the result, multiples of the tile.
    tiles_y, tiles_x : int
        Tiles in a column and in a row of it.
    out_height, out_width : int
        Pixels in a column and in a row; the last tiles may have fewer than the others.
    """
    row: int
    column: int
    tiles_y: int
    tiles_x: int
    out_height: int
    out_width: int

    @property
    def tiles(self) -> int:
        """All its tiles."""
        return self.tiles_x * self.tiles_y


def plan(spec: WinogradConvSpec, layer: ConvLayer) -> list[ConvPass]:
    """The passes of a layer: of those that cut it into strips and these into parts, the fastest.

    Strips are as wide as each other but for one tile, and so are the parts of a strip. Where
    full rows of tiles are as fast as anything else, it is these.
    """
    height, width = -(-layer.out_height // spec.tile), -(-layer.out_width // spec.tile)
    upright = [_strips(spec, height, width, number) for number in range(1, width + 1)]
    flat = [_strips(spec, width, height, number) for number in range(1, height + 1)]
    found = [(_cost(spec, cut), len(cut), turned, cut)
             for turned, cuts in enumerate((upright, flat)) for cut in cuts if cut]
    _, _, turned, cut = min(found, key=lambda entry: entry[:3])
    return [_rectangle(spec, layer, *(part[::-1] if turned else part)) for part in cut]


_Span = tuple[int, int]  # first tile, tiles


def _balanced(length: int, number: int) -> list[_Span]:
    """``number`` spans that make up a length."""
    ends = [length * part // number for part in range(number + 1)]
    return [(begin, end - begin) for begin, end in itertools.pairwise(ends)]


def _strips(spec: WinogradConvSpec, length: int, width: int,
            number: int) -> list[tuple[_Span, _Span]]:
    """A number of strips, in as few parts as they fit: spans along and across; [] if too wide."""
    strips = _balanced(width, number)
    if max(tiles for _, tiles in strips) > spec.tiles:
        return []
    return [(part, strip) for strip in strips
            for part in _balanced(length, -(-length // (spec.tiles // strip[1])))]


def _cost(spec: WinogradConvSpec, cut: Iterable[tuple[_Span, _Span]]) -> int:
    return sum(block_cycles(spec, along[1] * across[1]) for along, across in cut)


def _rectangle(spec: WinogradConvSpec, layer: ConvLayer, rows: _Span, columns: _Span) -> ConvPass:
    row, column = rows[0] * spec.tile, columns[0] * spec.tile
    return ConvPass(row, column, rows[1], columns[1],
                    min(rows[1] * spec.tile, layer.out_height - row),
                    min(columns[1] * spec.tile, layer.out_width - column))


def pass_fields(spec: WinogradConvSpec, layer: ConvLayer, part: ConvPass, *, base: int = 0,
                row_step: int | None = None, block_step: int | None = None,
                zero_point: int = 0) -> dict[str, int]:
    """The fields of ``pass_layout`` for a pass.

    Parameters
    ----------
    base : int
        Row of memory of the image's first pixel.
    row_step, block_step : int, optional
        Rows from a pixel to the one below it, and to that of the next channel block; those of an
        image without gaps otherwise.
    zero_point : int
        Of the activations.
    """
    row_step = layer.width if row_step is None else row_step
    block_step = layer.height * row_step if block_step is None else block_step
    x, y = part.column - layer.padding[1], part.row - layer.padding[0]
    channel_blocks, output_blocks = layer.blocks(spec)
    return {"source": (base + y * row_step + x) % spec.rows, "x": x, "y": y,
            "width": layer.width, "height": layer.height,
            "row_step": row_step % spec.rows, "block_step": block_step % spec.rows,
            "tiles_x": part.tiles_x, "tiles_y": part.tiles_y,
            "out_width": part.out_width, "out_height": part.out_height,
            "channel_blocks": channel_blocks, "output_blocks": output_blocks,
            "pad_value": zero_point}


def block_cycles(spec: WinogradConvSpec, tiles: int) -> int:
    """Of a channel block of a pass: its vectors, or what the array loads, a lane per cycle."""
    return spec.transform.positions * max(tiles, spec.lanes)
