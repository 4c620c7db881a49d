"""Stores, for predictions."""

import bisect
import collections

from sparrow.hw.spec.accelerator import AcceleratorSpec

from .array import Array
from .engines import Step, Values, bursts, run_offsets
from .events import Process, Simulation
from .timing import Timing

__all__ = ["Storer"]

DEPTH = 16  # vectors that wait for the bus
UNSEEN = 8  # vectors that are read without a look at what the array does, if it leaves the first


class Storer:
    """The store engine: reads vectors where the array leaves a bank alone, and writes bursts.

    Vectors are read ahead of the bus into a FIFO, those of the next command, too: a command is
    released when its last vector has been read and its last burst can begin.
    """

    def __init__(self, simulation: Simulation, spec: AcceleratorSpec, timing: Timing,
                 array: Array):
        self._simulation, self._spec, self._timing = simulation, spec, timing
        self._array = array
        # of the latest bursts when they are answered, of vectors when their place is free
        self._answers = collections.deque([0] * spec.outstanding, maxlen=spec.outstanding)
        self._left = collections.deque([0] * DEPTH, maxlen=DEPTH)
        self._free = 0  # first cycle without a word

    def store(self, values: Values) -> Step:
        """A STORE: its vectors, one after the other."""
        simulation, timing, spec = self._simulation, self._timing, self._spec
        words = spec.lanes // spec.bus.word_bytes
        delay = timing.store_start - timing.store_read
        begins, read = 0, simulation.now + timing.store_read - 1
        for number, offset in enumerate(run_offsets(values)):
            bank = values["bank"] ^ (number // values["runs"] & values["alternate"])
            word = unseen = 0  # of the run; vectors
            for size in bursts(spec, offset, values["run"] * words):
                self._free = begins = max(begins, self._free, self._answers[0])
                for _ in range(size):
                    if word % words == 0:
                        read = read + 1 if self._left[0] <= read + 1 else self._left[1]
                        if not unseen:
                            yield max(0, read - simulation.now)
                            unseen = UNSEEN
                            if bank in self._array.reading:
                                yield from self._wait(bank, values["patience"])
                                read, unseen = simulation.now, 1
                        unseen -= 1
                        self._free = max(self._free, read + delay)
                    self._free += 1
                    word += 1
                    if word % words == 0:
                        self._left.append(self._free)
                self._answers.append(self._free + timing.memory_write)
                self._free += timing.store_burst
        yield max(0, max(begins, read + timing.store_read) - simulation.now)
        return self._finish(self._answers[-1] + timing.store_end)

    def _wait(self, bank: int, patience: int) -> Process:
        """A vector waits for a bank, until it has waited long enough."""
        simulation, array = self._simulation, self._array
        limit = simulation.now + patience
        while bank in array.reading:
            gap = self._gap()
            if gap == simulation.now:
                return
            if simulation.now >= limit:
                array.stolen[bank] += 1
                return
            yield max(1, min(limit, gap, array.reading_until) - simulation.now)

    def _gap(self) -> int:
        """The next cycle in which the array meets padding, as far as known, or a later one."""
        array = self._array
        since = self._simulation.now - array.reading_since
        following = bisect.bisect_left(array.outside, since)
        return (array.reading_since + array.outside[following]
                if following < len(array.outside) else array.reading_until + 1)

    def _finish(self, time: int) -> Process:
        yield max(0, time - self._simulation.now)
