"""Compressed weight streams on their way to the array, for predictions."""

import collections
import dataclasses

from sparrow.hw.spec.accelerator import AcceleratorSpec

from .array import SETS_AHEAD, Array
from .decoding import HEADER, SET_CYCLES, Decoding
from .engines import Burst, ReadClient, Values
from .events import Change, Process, Simulation
from .tiled import TAPS_AHEAD
from .timing import Timing

__all__ = ["decompress"]


def decompress(simulation: Simulation, spec: AcceleratorSpec, timing: Timing, client: ReadClient,
               array: Array, values: Values, decoding: Decoding,
               wanted: collections.deque[Burst]) -> Process:
    """A stream from its first word to its last block; ``wanted`` are its bursts."""
    work = _Work(simulation, spec, timing, client, array, decoding)
    simulation.resume(work.fill(values["words"], wanted))
    return work.run(values)


@dataclasses.dataclass(eq=False)
class _Work:
    """A stream in the decoder: granules that have come, and those that are used up."""

    simulation: Simulation
    spec: AcceleratorSpec
    timing: Timing
    client: ReadClient
    array: Array
    decoding: Decoding

    def __post_init__(self) -> None:
        self._change = Change(self.simulation)
        self._came = self._used = 0
        decoder = self.spec.decompressor
        assert decoder is not None
        self._granules, self._window = decoder.granules, decoder.window
        self._fifo_words = decoder.fifo_words

    def fill(self, words: int, wanted: collections.deque[Burst]) -> Process:
        """Take words, each a cycle after the other, as far as there is room for them."""
        taken, left = 0, words
        while left > 0:
            room = self._fifo_words + (self._used - self._came) // self._granules
            if room <= 0:
                yield self._change
                continue
            count = min(room, left, wanted[0].words - taken)
            ends = taken + count == wanted[0].words
            yield from self.client.consume(wanted, count, 1, taken)
            taken, left = 0 if ends else taken + count, left - count
            self._came += count * self._granules
            self._change.happen()

    def run(self, values: Values) -> Process:
        """Header, parameter sets and weight blocks."""
        array, decoding, timing = self.array, self.decoding, self.timing
        yield from self._use(decoding.header, decoding.header // HEADER)
        first = True
        for output_block in range(values["output_blocks"]):
            while array.sets - array.sets_used == SETS_AHEAD:
                yield array.change
            last = output_block == values["output_blocks"] - 1
            yield from self._use(
                self._used + (decoding.last_parameters if last else decoding.parameters),
                self.spec.columns + SET_CYCLES)
            array.sets += 1
            array.change.happen()
            if output_block and values["reuse"]:
                continue
            own = slice(output_block * decoding.blocks, (output_block + 1) * decoding.blocks)
            steps, dealt = decoding.steps[own], decoding.dealt[own]
            if decoding.map:
                array.maps.append([count > 0 for count in steps])
                array.change.happen()
            for place, (count, end) in enumerate(zip(steps, dealt, strict=True)):
                yield decoding.map_cycles(place)
                if not count:
                    continue
                if first:
                    yield timing.stream_start
                    first = False
                while array.blocks - array.blocks_used >= (
                        TAPS_AHEAD if values["winograd"] else 1):
                    yield array.change
                yield from self._use(end, count)
                array.blocks += 1
                array.ready = self.simulation.now + timing.block
                array.change.happen()
        self._used = self._came
        self._set_decoding(False)

    def _use(self, end: int, cycles: int) -> Process:
        """Use up granules, to ``end`` from the beginning of the stream, in some cycles at least."""
        pieces = max(1, -(-(end - self._used) // self._window))
        first, begun = self._used, self.simulation.now
        for piece in range(1, pieces + 1):
            here = first + (end - first) * piece // pieces
            while self._came < here:
                self._set_decoding(False)
                yield self._change
            self._set_decoding(True)
            yield max(0, begun + cycles * piece // pieces - self.simulation.now)
            self._used = here
            self._change.happen()

    def _set_decoding(self, value: bool) -> None:
        if self.array.decoding != value:
            self.array.decoding = value
            self.array.change.happen()
