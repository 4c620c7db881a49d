"""How long a unit for Winograd convolution takes."""

from collections.abc import Sequence

from sparrow.hw.spec.winograd import KernelForm, WinogradConvSpec

from .passes import ConvLayer, ConvPass, block_cycles
from .unit import result_order

__all__ = ["conv_cycles", "keeps_up"]

_LATENCY = 32  # of the unit without the array's stages
_TILE = {2: 25, 4: 49}  # of it, from a tile's first pixel to the array, beyond that of a weight
_TRANSFORM = 33  # from a tile's last sum to its first result


def conv_cycles(spec: WinogradConvSpec, layer: ConvLayer, passes: Sequence[ConvPass]) -> int:
    """Cycles from the offer of the first pass to the transfer of the last result, both included.

    Holds where kernels are dense, no stream waits, and the way of results :func:`keeps_up`; where
    it doesn't, it takes at least as many.

    A channel block of t tiles takes ``positions * t`` cycles to be read, and
    ``positions * max(t, lanes)`` in the array, while the next one is read. A result takes
    ``steps`` cycles of the requantizer.
    """
    channel_blocks, output_blocks = layer.blocks(spec)
    sums = (_PixelSums if spec.tile == 2 else _PositionSums)(spec)
    read = free = before = results = 0
    finished = spec.lanes - _TILE[spec.tile]
    if spec.kernels is KernelForm.SPATIAL:
        finished += spec.blocks * spec.lanes + 1
    for number, part in enumerate(passes):
        read, array = read + (number > 0), block_cycles(spec, part.tiles)
        idle = max(0, spec.lanes - part.tiles)  # of a position, when all its tiles are through
        for _ in range(output_blocks):
            finished = max(finished, sums.free - idle)
            begins: list[int] = []
            for _ in range(channel_blocks):
                read = max(read, free) + spec.transform.positions * part.tiles
                begins.append(max(read, finished))
                finished = begins[-1] + array
                # a vector is read when the one before it is taken
                free, before = before, finished - idle - (idle if part.tiles == 1 else 0)
            for arrival in sums.arrivals(part, begins):
                results = max(results, arrival) + spec.requantize.steps
    return results + _LATENCY + spec.pipeline_stages


def keeps_up(spec: WinogradConvSpec, layer: ConvLayer, passes: Sequence[ConvPass]) -> bool:
    """Whether the array never waits for results but in cycles that :func:`conv_cycles` knows.

    All results of an output block can wait, and are gone when the next ones come; with ``tile`` 4,
    no pass of fewer tiles than lanes comes after a larger one.
    """
    results = spec.tile ** 2
    channel_blocks, _ = layer.blocks(spec)
    tiles = [part.tiles for part in passes]
    return (spec.tiles * results <= spec.result_fifo_depth
            and spec.requantize.steps * results <= channel_blocks * spec.transform.positions
            and (spec.tile == 2 or min(tiles) >= min(spec.lanes, max(tiles))))


class _PixelSums:
    """Pixels that are complete with the last position that counts for them."""

    free = 0  # from when on the sums of an output block can be taken

    def __init__(self, spec: WinogradConvSpec):
        self._spec = spec

    def arrivals(self, part: ConvPass, begins: list[int]) -> list[int]:
        """When results are there, in order; ``begins`` are those of the channel blocks."""
        step = max(part.tiles, self._spec.lanes)
        return [begins[-1] + (2 + y % 2) * 4 * step + (2 + x % 2) * step
                + y // 2 * part.tiles_x + x // 2
                for y, x in result_order(self._spec, part.out_height, part.out_width)]


class _PositionSums(_PixelSums):
    """Sums by position, which are read tile by tile when all are complete.

    They are read while those of the first channel block of the next output block are made, and
    what is left then, before the one after it begins.
    """

    def __init__(self, spec: WinogradConvSpec):
        super().__init__(spec)
        self._reading, self._left = 0, 0

    def arrivals(self, part: ConvPass, begins: list[int]) -> list[int]:
        """As the other one's."""
        spec, positions = self._spec, self._spec.transform.positions
        last = (positions - 1) * max(part.tiles, spec.lanes) + part.tiles
        if len(begins) > 1:
            self._left -= min(self._left, begins[0] + last - 1 - self._reading)
        else:
            self._left -= min(self._left, begins[0] + last - self._reading)
        complete = begins[-1] + last
        self._reading = self.free = complete + self._left
        self._left = positions * part.tiles
        read = [(y // spec.tile * part.tiles_x + x // spec.tile + 1) * positions
                + x % spec.tile * spec.transform.side + y % spec.tile
                for y, x in result_order(spec, part.out_height, part.out_width)]
        return [self._reading + cycles + _TRANSFORM for cycles in read]
