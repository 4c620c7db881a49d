"""What a Winograd unit is told, and what it tells."""

from amaranth.hdl import signed
from amaranth.lib import data

from ..spec.fields import COORDINATE_WIDTH
from ..spec.winograd import WinogradConvSpec

__all__ = ["pass_layout", "result_layout"]

_BLOCK_WIDTH = 10  # of numbers of channel blocks


def pass_layout(spec: WinogradConvSpec) -> data.StructLayout:
    """A pass: the convolution of a rectangle of tiles, all channels of it.

    The image lies in memory as ``[channel block][row][column]``, a vector per pixel.

    ==============================  =============================================================
    ``source``                      row of the pixel at the first tile's upper left corner, in
                                    channel block 0, modulo the memory; it may be in the padding
    ``x``, ``y``                    column and row of that pixel in the image, signed
    ``width``, ``height``           of the image
    ``row_step``, ``block_step``    rows of memory from a pixel to that below it, to that of the
                                    next channel block
    ``tiles_x``, ``tiles_y``        tiles, from 1; their product is at most ``spec.tiles``
    ``out_width``, ``out_height``   pixels of the result, more than the tiles but the last ones
                                    have and no more than all have
    ``channel_blocks``              of the image, from 1
    ``output_blocks``               of the result, from 1
    ``pad_value``                   of the padding: the zero point
    ==============================  =============================================================
    """
    row = (spec.rows - 1).bit_length()
    tiles = spec.tiles.bit_length()
    pixels = (spec.tiles * spec.tile).bit_length()
    return data.StructLayout({
        "source": row, "x": signed(COORDINATE_WIDTH), "y": signed(COORDINATE_WIDTH),
        "width": COORDINATE_WIDTH - 1, "height": COORDINATE_WIDTH - 1,
        "row_step": row, "block_step": row, "tiles_x": tiles, "tiles_y": tiles,
        "out_width": pixels, "out_height": pixels,
        "channel_blocks": max(_BLOCK_WIDTH, row + 1),
        "output_blocks": max(_BLOCK_WIDTH, row + 1),
        "pad_value": signed(spec.activation_width),
    })


def result_layout(spec: WinogradConvSpec) -> data.StructLayout:
    """A result: ``values`` of all columns; ``x`` and ``y`` of its pixel among the pass's.

    ``first`` and ``last`` of an output block.
    """
    pixels = (spec.tiles * spec.tile - 1).bit_length()
    return data.StructLayout({
        "values": data.ArrayLayout(signed(spec.activation_width), spec.columns),
        "x": pixels, "y": pixels, "first": 1, "last": 1})
