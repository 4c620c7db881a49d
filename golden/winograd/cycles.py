"""How long a unit for Winograd convolution takes."""

from collections.abc import Sequence

from sparrow.hw.spec.winograd import KernelForm, WinogradConvSpec

from .passes import ConvLayer, ConvPass, block_cycles
from .unit import result_order

__all__ = ["conv_cycles", "keeps_up"]

_LATENCY = 32  # of the unit without the array's stages
_TILE = 25  # of it, from a tile's first pixel to the array, but for what a weight takes, too


def conv_cycles(spec: WinogradConvSpec, layer: ConvLayer, passes: Sequence[ConvPass]) -> int:
    """Cycles from the offer of the first pass to the transfer of the last result, both included.

    Holds where kernels are dense, no stream waits, and the requantizer :func:`keeps_up`; it takes
    more cycles where this doesn't.

    A channel block of t tiles takes ``positions * t`` cycles to be read, and
    ``positions * max(t, lanes)`` in the array, while the next one is read. A result takes
    ``steps`` cycles of the requantizer.
    """
    channel_blocks, output_blocks = layer.blocks(spec)
    read = free = finished = results = 0
    loaded = spec.lanes - _TILE
    if spec.kernels is KernelForm.SPATIAL:
        loaded += spec.blocks * spec.lanes + 1
    for number, part in enumerate(passes):
        array, read = block_cycles(spec, part.tiles), read + (number > 0)
        arrivals = _arrivals(spec, part)
        for _ in range(output_blocks):
            for _ in range(channel_blocks):
                read = max(read, free) + spec.transform.positions * part.tiles
                begun = max(read, finished, loaded)
                free, finished = finished, begun + array
            for arrival in arrivals:
                results = max(results, begun + arrival) + spec.requantize.steps
    return results + _LATENCY + spec.pipeline_stages


def keeps_up(spec: WinogradConvSpec, layer: ConvLayer) -> bool:
    """Whether all results of an output block can wait, and are gone when the next ones come."""
    results = spec.tile ** 2
    channel_blocks, _ = layer.blocks(spec)
    return (spec.tiles * results <= spec.result_fifo_depth
            and spec.requantize.steps * results <= channel_blocks * spec.transform.positions)


def _arrivals(spec: WinogradConvSpec, part: ConvPass) -> list[int]:
    """When the results of an output block are complete, from the last channel block's begin on."""
    step = max(part.tiles, spec.lanes)
    return [((2 + y % 2) * 4 + 2 + x % 2) * step + y // 2 * part.tiles_x + x // 2
            for y, x in result_order(spec, part.out_height, part.out_width)]
