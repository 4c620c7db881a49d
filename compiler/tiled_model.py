"""COMPUTE commands with ``winograd``, for predictions."""

import collections
import dataclasses
from collections.abc import Callable

from sparrow.hw.spec.accelerator import AcceleratorSpec
from sparrow.hw.spec.commands import POSITIONS, tiles

from .array import Array, Post, Results, post_cycles
from .events import Change, Process, Simulation
from .model import Step, Values
from .timing import Timing

__all__ = ["TAPS_AHEAD", "Tiles"]

TAPS = 9  # weight blocks of a channel block
TAPS_AHEAD = 2 * TAPS  # that can wait to be transformed
TRANSFORM = 23  # cycles from a channel block's last vector to the first one that the array takes
LOADED = 2  # cycles from a channel block's last tap, and its lanes, to the first vector
COMPLETE = (10, 11, 14, 15)  # the positions with whose sums pixels are complete


@dataclasses.dataclass
class _Block:
    """A channel block that has been read."""

    tiles: int
    ready: int  # when the array can begin with it
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
        self._held = 0  # channel blocks that keep room from the one after the next
        self._swapped = 0  # when the array took its last weights
        self.busy = 0
        self.change = Change(simulation)
        simulation.resume(self._multiply())

    def compute(self, values: Values, read: Callable[[int, set[int]], Process]) -> Step:
        """A command; ``read`` takes vectors from banks."""
        yield self._timing.compute_start - 1
        count = tiles(values)
        last: Results | None = None
        for output_block in range(values["output_blocks"]):
            for channel in range(values["channel_blocks"]):
                while self._held >= 2:
                    yield self.change
                self._held += 1
                bank = values["source_bank"] ^ (channel & values["channel_alternate"])
                self._array.outside = ()
                yield from read(POSITIONS * count, {bank})
                parts: dict[int, Results] = {}
                if channel == values["channel_blocks"] - 1:
                    parts = self._parts(values, output_block)
                    last = parts[max(parts)]
                self._blocks.append(_Block(count, self._simulation.now + TRANSFORM, parts))
                self.busy += 1
                self.change.happen()
        yield 1
        assert last is not None
        if values["drain"]:
            yield from self._post.wait_for(last, self._timing.compute_end)
            return None
        return self._post.wait_for(last, self._timing.compute_end)

    def _parts(self, values: Values, output_block: int) -> dict[int, Results]:
        """Even and odd columns of even rows, then of odd ones, as far as there are any."""
        height, width = values["out_height"], values["out_width"]
        bank = values["destination_bank"] ^ (output_block & 1)
        added = bool(values["add"])
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
            period = max(block.tiles, lanes)
            left = (POSITIONS - 1) * period + block.tiles
            for position in range(POSITIONS):
                if position == POSITIONS - 1:
                    self._swapped = simulation.now
                    array.blocks_used += TAPS  # all of it is loaded, and room for others is made
                    array.change.happen()
                yield from self._position(block, block.parts.get(position), left)
                left -= period
                if left > 0:
                    array.stalls.add("weights", period - block.tiles)
                    yield period - block.tiles
            self.busy -= 1
            self.change.happen()

    def _position(self, block: _Block, results: Results | None, left: int) -> Process:
        """A position's vectors; ``left``: cycles to the end of the last one's.

        Vectors that are read from some cycles before that on find room when they come.
        """
        if results is not None:
            results.began = self._simulation.now
            self._post.take(results)
        before = min(max(0, left - TRANSFORM), block.tiles)
        yield before
        if block.holds and left - before <= TRANSFORM:
            block.holds = False
            self._held -= 1
            self.change.happen()
        yield block.tiles - before
        if results is not None:
            yield from self._post.wait_for_room(results)
            results.arrive()
