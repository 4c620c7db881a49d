"""Weight streams on their way to the array, for predictions."""

import collections
from collections.abc import Mapping, Sequence

from sparrow.hw.spec.accelerator import AcceleratorSpec

from .array import SETS_AHEAD, Array
from .decoding import Decoding
from .decompress import decompress
from .engines import Burst, ReadClient, Step, Values
from .events import Change, Process, Simulation
from .tiled import TAPS_AHEAD
from .timing import Timing

__all__ = ["PARAMETER_BYTES", "Decoder"]

PARAMETER_BYTES = 8


class Decoder:
    """The weight engine: asks for streams, takes them apart, one after the other."""

    def __init__(self, simulation: Simulation, spec: AcceleratorSpec, timing: Timing,
                 client: ReadClient, array: Array, decodings: Mapping[int, Decoding]):
        self._simulation, self._spec, self._timing = simulation, spec, timing
        self._client, self._array = client, array
        self._decodings = decodings
        self._decoding, self._decoded = False, Change(simulation)

    def send(self, values: Values) -> Step:
        """Ask for a stream, and hand it to the decoder when that is free."""
        yield self._timing.weights_start
        wanted = self._client.ask(values["offset"], values["words"])
        while self._decoding:
            yield self._decoded
        self._decoding = True
        self._simulation.resume(self._hand_on(values, collections.deque(wanted)))
        while not wanted[-1].granted:
            yield self._client.granted
        return None

    def _hand_on(self, values: Values, wanted: collections.deque[Burst]) -> Process:
        """A stream, until the next one can begin."""
        if values["compressed"]:
            yield from decompress(self._simulation, self._spec, self._timing, self._client,
                                  self._array, values, self._decodings[values["offset"]], wanted)
        else:
            yield from self._decode(values, wanted)
        yield self._timing.weights_end
        self._decoding = False
        self._decoded.happen()

    def _decode(self, values: Values, wanted: collections.deque[Burst]) -> Process:
        """Parameter sets and weight blocks of a stream."""
        spec, array = self._spec, self._array
        word = spec.bus.word_bytes
        position = 0

        def take(count: int, cycles: int) -> Process:
            nonlocal position
            taken = position
            remaining = wanted[0].words - taken
            position = (taken + count if count < remaining
                        else _remainder(wanted, count - remaining))
            yield from self._client.consume(wanted, count, cycles, taken)

        for output_block in range(values["output_blocks"]):
            while array.sets - array.sets_used == SETS_AHEAD:
                yield array.change
            yield from take(spec.columns * PARAMETER_BYTES // word, max(1, word // PARAMETER_BYTES))
            array.sets += 1
            array.change.happen()
            for _ in range(values["blocks"] if output_block == 0 or not values["reuse"] else 0):
                while array.blocks - array.blocks_used >= (
                        TAPS_AHEAD if values["winograd"] else 1):
                    yield array.change
                yield from take(spec.lanes * spec.columns // word, max(1, word // spec.columns))
                array.blocks += 1
                array.ready = self._simulation.now + self._timing.block
                array.change.happen()


def _remainder(wanted: Sequence[Burst], words: int) -> int:
    """Words taken of the burst in which taking ends, ``words`` after the end of the first."""
    for burst in list(wanted)[1:]:
        if words < burst.words:
            return words
        words -= burst.words
    return 0
