"""Stores, for predictions."""

import bisect
import collections

from sparrow.hw.spec.accelerator import AcceleratorSpec

from .array import Array
from .events import Process, Simulation
from .model import Step, Values, bursts, run_offsets
from .timing import Timing

__all__ = ["Storer"]


class Storer:
    """The store engine: reads vectors where the array leaves a bank alone, and writes bursts."""

    def __init__(self, simulation: Simulation, spec: AcceleratorSpec, timing: Timing,
                 array: Array):
        self._simulation, self._spec, self._timing = simulation, spec, timing
        self._array = array
        self._answers = collections.deque[int]()  # when outstanding writes are answered
        self._free = 0  # first cycle without a word

    def store(self, values: Values) -> Step:
        """A STORE: its bursts, one after the other."""
        simulation, timing, answers = self._simulation, self._timing, self._answers
        words = values["run"] * self._spec.lanes // self._spec.bus.word_bytes
        wanted = [(values["bank"] ^ (number // values["runs"] & values["alternate"]), size)
                  for number, offset in enumerate(run_offsets(values))
                  for size in bursts(self._spec, offset, words)]
        self._free = max(simulation.now + timing.store_start, self._free)
        for bank, size in wanted:
            if len(answers) == self._spec.outstanding:
                self._free = max(self._free, answers.popleft())
            yield max(0, self._free - simulation.now)
            self._free += size
            if bank in self._array.reading:
                yield from self._wait(bank, size, values["patience"])
            answers.append(self._free + timing.memory_write)
            self._free += timing.store_burst
        return self._finish(answers[-1] + timing.store_end)

    def _wait(self, bank: int, words: int, patience: int) -> Process:
        """The vectors of a burst wait for a bank, each until it has waited long enough."""
        simulation, array = self._simulation, self._array
        for _ in range(-(-words * self._spec.bus.word_bytes // self._spec.lanes)):
            limit = simulation.now + patience
            waited = False
            while bank in array.reading and simulation.now < limit and not waited:
                gap = self._gap()
                waited = gap <= min(limit, array.reading_until)
                yield max(1, min(limit, gap, array.reading_until) - simulation.now)
            if bank in array.reading and not waited:
                array.stolen[bank] += 1
                yield 1
        self._free = max(self._free, simulation.now)

    def _gap(self) -> int:
        """The next cycle in which the array meets padding, as far as known, or a later one."""
        array = self._array
        since = self._simulation.now - array.reading_since
        following = bisect.bisect_left(array.outside, since)
        return (array.reading_since + array.outside[following]
                if following < len(array.outside) else array.reading_until + 1)

    def _finish(self, time: int) -> Process:
        yield max(0, time - self._simulation.now)
