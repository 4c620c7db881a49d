"""COMPUTE commands with ``winograd``, for predictions."""

import collections
import dataclasses
import functools
import itertools
from collections.abc import Callable

from sparrow.hw.spec.accelerator import AcceleratorSpec
from sparrow.hw.spec.commands import tiles

from .array import Array, Post, Results, post_cycles
from .engines import Step, Values
from .events import Change, Process, Simulation
from .timing import Timing

__all__ = ["TAPS_AHEAD", "Tiles"]

TAPS = 9  # weight blocks of a channel block
TAPS_AHEAD = 2 * TAPS  # that can wait to be transformed
# Cycles from a channel block's last vector to the first one that the array takes, by tile.
TRANSFORM = {0: 0, 2: 23, 4: 47}
LOADED = 2  # cycles from a channel block's last tap, and its lanes, to the first vector
COMPLETE = (10, 11, 14, 15)  # of tiles of 2 × 2: positions with whose sums pixels are complete
# Of tiles of 4 × 4, from an output block's last vector, the sums being read then: cycles to the
# first result's arrival, and to the last one's beyond those that reading takes.
FIRST, LAST = 46, 33
_PLACES = ("height", "width", "out_height", "out_width", "pad_top", "pad_left")
HELD = 24  # results whose sums have been read, in the transform, in front of the FIFO


@dataclasses.dataclass
class _Block:
    """A channel block that has been read."""

    tiles: int
    ready: int  # when the array can begin with it
    first: bool  # of an output block
    parts: dict[int, Results]  # of the output block that it completes, by position
    holds: bool = True  # room that the one after the next will take


class Tiles:
    """What is read, transformed, multiplied, and put out, a channel block at a time.

    The array is at work on one channel block while the next one is read. A position takes as many
    cycles as there are tiles, or as it takes to load the weights of the next one, a lane per cycle.
    """

    def __init__(self, simulation: Simulation, spec: AcceleratorSpec, timing: Timing,
                 array: Array, post: Post):
        self._simulation, self._spec, self._timing = simulation, spec, timing
        self._array, self._post = array, post
        self._blocks: collections.deque[_Block] = collections.deque()
        self._tile = spec.winograd_tile
        self._positions = (self._tile + 2) ** 2
        self._drains: collections.deque[Results] = collections.deque()
        self._held = 0  # channel blocks that keep room from the one after the next
        self._swapped = 0  # when the array took its last weights
        self.busy = 0
        self.change = Change(simulation)
        simulation.resume(self._multiply())

    def compute(self, values: Values, read: Callable[[int, set[int]], Process]) -> Step:
        """A command; ``read`` takes vectors from banks."""
        yield self._timing.compute_start - 1
        count = tiles(values, self._tile)
        outside = _outside(self._tile, *(values[name] for name in _PLACES))
        last: Results | None = None
        for output_block in range(values["output_blocks"]):
            for channel in range(values["channel_blocks"]):
                while self._held >= 2:
                    yield self.change
                self._held += 1
                bank = values["source_bank"] ^ (channel & values["channel_alternate"])
                self._array.outside = outside
                yield from read(self._positions * count, {bank})
                parts: dict[int, Results] = {}
                if channel == values["channel_blocks"] - 1:
                    parts = self._parts(values, output_block)
                    last = parts[max(parts)]
                ready = self._simulation.now + TRANSFORM[self._tile]
                self._blocks.append(_Block(count, ready, not channel, parts))
                self.busy += 1
                self.change.happen()
        yield 1
        assert last is not None
        if values["drain"]:
            yield from self._post.wait_for(last, self._timing.compute_end)
            return None
        return self._post.wait_for(last, self._timing.compute_end)

    def _parts(self, values: Values, output_block: int) -> dict[int, Results]:
        """Even and odd columns of even rows, then of odd ones, as far as there are any.

        With tiles of 4 × 4, all of them with the last position.
        """
        height, width = values["out_height"], values["out_width"]
        bank = values["destination_bank"] ^ (output_block & 1)
        added = bool(values["add"])
        if self._tile == 4:
            return {self._positions - 1: Results(
                self._simulation, height * width, bank, post_cycles(self._spec, added=added),
                added=added)}
        sizes = [rows * columns for rows in (-(-height // 2), height // 2)
                 for columns in (-(-width // 2), width // 2)]
        return {position: Results(self._simulation, pixels, bank,
                                  post_cycles(self._spec, added=added), added=added,
                                  fresh=position == COMPLETE[0])
                for position, pixels in zip(COMPLETE, sizes, strict=True) if pixels}

    def _multiply(self) -> Process:
        """The array, a channel block after the other."""
        array, simulation, lanes = self._array, self._simulation, self._spec.lanes
        while True:
            while not self._blocks:
                yield self.change
            block = self._blocks.popleft()
            yield max(0, block.ready - simulation.now)
            yield from array.wait_for_blocks(TAPS)
            loaded = max(array.ready + LOADED, self._swapped) + lanes
            array.stalls.begin("weights")
            yield max(0, loaded - simulation.now)
            array.stalls.end("weights")
            if block.first:
                yield from self._wait_for_drains(1)
            period, positions = max(block.tiles, lanes), self._positions
            left = (positions - 1) * period + block.tiles
            for position in range(positions):
                if position == positions - 1:
                    self._swapped = simulation.now
                    array.blocks_used += TAPS  # all of it is loaded, and room for others is made
                    array.change.happen()
                yield from self._position(block, block.parts.get(position), left)
                left -= period
                if left > 0:
                    array.stalls.add("weights", period - block.tiles)
                    yield period - block.tiles
            if block.first and not block.parts:
                yield from self._wait_for_drains(0)
            if self._tile == 4 and block.parts:
                self._begin_drain(block.parts[positions - 1], block.tiles)
            self.busy -= 1
            self.change.happen()

    def _wait_for_drains(self, left: int) -> Process:
        """Until sums of no more than ``left`` output blocks are to be read."""
        while len(self._drains) > left:
            self._array.stalls.begin("results")
            yield self.change
            self._array.stalls.end("results")

    def _begin_drain(self, results: Results, count: int) -> None:
        """The sums of an output block are read, after those of the one before it."""
        self.busy += 1
        self._drains.append(results)
        self._simulation.resume(self._drain(results, count))

    def _drain(self, results: Results, count: int) -> Process:
        """Sums are read tile by tile, as fast as there is room for results."""
        while self._drains[0] is not results:
            yield self.change
        results.began = self._simulation.now + FIRST
        self._post.take(results)
        room = self._spec.result_fifo_depth + HELD
        yield max(self._positions * count, (results.pixels - room) * results.cycles)
        self._drains.popleft()
        self.change.happen()
        yield LAST
        results.arrive()
        self.busy -= 1
        self.change.happen()

    def _position(self, block: _Block, results: Results | None, left: int) -> Process:
        """A position's vectors; ``left``: cycles to the end of the last one's.

        Vectors that are read from some cycles before that on find room when they come.
        """
        if self._tile == 4:
            results = None
        if results is not None:
            results.began = self._simulation.now
            self._post.take(results)
        transform = TRANSFORM[self._tile]
        before = min(max(0, left - transform), block.tiles)
        yield before
        if block.holds and left - before <= transform:
            block.holds = False
            self._held -= 1
            self.change.happen()
        yield block.tiles - before
        if results is not None:
            yield from self._post.wait_for_room(results)
            results.arrive()


@functools.lru_cache(maxsize=1024)
def _outside(tile: int, height: int, width: int, out_height: int, out_width: int, pad_top: int,
             pad_left: int) -> tuple[int, ...]:
    """The vectors that meet padding, by number: tile by tile, rows of each."""
    rows, columns = (
        [[not 0 <= first + place - pad < size for place in range(tile + 2)]
         for first in range(0, count, tile)]
        for size, count, pad in ((height, out_height, pad_top), (width, out_width, pad_left)))
    vectors = (y or x for row, column in itertools.product(rows, columns)
               for y, x in itertools.product(row, column))
    return tuple(number for number, outside in enumerate(vectors) if outside)
