"""The unfolding of image rows as a process, for predictions."""

import collections
import dataclasses
import itertools

from sparrow.hw.spec.accelerator import AcceleratorSpec

from .array import Array
from .engines import Burst, ReadClient, Values
from .events import Change, Process, Simulation
from .timing import Timing

__all__ = ["Unfolder", "Unfolding"]


@dataclasses.dataclass(frozen=True)
class _Row:
    """A row of the source: vectors in the line memory; if it has any, its last burst, and words
    of others behind it."""
    vectors: int
    burst: Burst | None
    behind: int

    def arrival(self, burst: Burst) -> int:
        """The cycle of its last word, as far as known now."""
        return burst.first + burst.words - 1 - self.behind if self.behind else burst.last


class Unfolding:
    """A LOAD that unfolds.

    Attributes
    ----------
    begun, finished : bool
        Whether its vectors have been begun with, and all of them written.
    """

    def __init__(self, simulation: Simulation, values: Values, rows: list[_Row]):
        self.rows = rows
        self.cycles = values["run"] * (1 + values["pair"])
        self.banks = [values["bank"], 1 - values["bank"]][:1 + values["pair"]]
        self.begun = self.finished = False
        self.change = Change(simulation)

    def wait(self, cycles: int) -> Process:
        """Until some cycles after its last vector."""
        while not self.finished:
            yield self.change
        yield cycles


class Unfolder:
    """The line memory, and the vectors of one command after the other, one per cycle."""

    def __init__(self, simulation: Simulation, spec: AcceleratorSpec, timing: Timing,
                 array: Array, client: ReadClient):
        self._simulation, self._spec, self._timing = simulation, spec, timing
        self._array, self._client = array, client
        self._waiting: collections.deque[Unfolding] = collections.deque()
        self._rows: collections.deque[tuple[int, int]] = collections.deque()  # vectors, cycles
        self._asked = self._freed = self._end = 0
        self._change = Change(simulation)
        simulation.resume(self._serve())

    def take(self, values: Values, offsets: list[int]) -> Unfolding:
        """Ask for the rows of a command and put it behind those before it."""
        lanes, word = self._spec.lanes, self._spec.bus.word_bytes
        vectors = -(-values["row_bytes"] // lanes)
        rows = [_Row(0, None, 0)] * len(offsets)
        if vectors:
            requests = offsets[::values["runs"]] if values["joined"] else offsets
            each = values["words"] * len(requests) // len(offsets)  # words of a row
            bursts = [burst for offset in requests
                      for burst in self._client.ask(offset, values["words"])]
            rows = []
            ends = itertools.accumulate(burst.words for burst in bursts)
            for burst, end in zip(bursts, ends):
                whole, part = divmod(end, each)
                held = whole * vectors + -(-part * word // lanes)
                self._limit(burst, self._asked + held - self._spec.line_bytes // lanes)
                while (len(rows) + 1) * each <= end:
                    rows.append(_Row(vectors, burst, end - (len(rows) + 1) * each))
            self._asked += vectors * len(rows)
        unfolding = Unfolding(self._simulation, values, rows)
        self._rows.extend((row.vectors, unfolding.cycles) for row in rows)
        self._waiting.append(unfolding)
        self._change.happen()
        return unfolding

    def _limit(self, burst: Burst, wanted: int) -> None:
        """Let a burst wait until so many vectors in all have been freed."""
        last = self._spec.lanes // self._spec.bus.word_bytes - 1
        burst.delay = lambda _, end: max(0, self._free_at(wanted) + last - (end - 1))

    def _free_at(self, wanted: int) -> int:
        """The cycle from which on so many vectors are free, as far as known now."""
        if wanted <= self._freed:
            return 0
        time, freed = max(self._end, self._simulation.now), self._freed
        for number, (vectors, cycles) in enumerate(self._rows):
            time += cycles if number or self._end <= self._simulation.now else 0
            freed += vectors
            if freed >= wanted:
                break
        return time

    def _serve(self) -> Process:
        while True:
            while not self._waiting:
                yield self._change
            unfolding = self._waiting.popleft()
            unfolding.begun = True
            unfolding.change.happen()
            for row in unfolding.rows:
                yield from self._wait_for(row)
                begin = self._simulation.now
                self._end = begin + unfolding.cycles
                yield unfolding.cycles
                yield sum(self._array.written(bank, begin, self._end)
                          for bank in unfolding.banks) // len(unfolding.banks)
                self._rows.popleft()
                self._freed += row.vectors
            unfolding.finished = True
            unfolding.change.happen()
            yield self._timing.unfold

    def _wait_for(self, row: _Row) -> Process:
        """Until a row is there."""
        if row.burst is None:
            return
        while not row.burst.granted:
            yield self._client.granted
        while row.arrival(row.burst) >= self._simulation.now:
            yield row.arrival(row.burst) + 1 - self._simulation.now
