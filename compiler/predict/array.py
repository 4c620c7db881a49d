"""The array, the requantizer and what waits between them, for predictions."""

import collections
import dataclasses
from collections.abc import Callable, Generator

from sparrow.hw.spec.accelerator import AcceleratorSpec

from .events import Change, Process, Simulation
from .timing import Timing

__all__ = ["SETS_AHEAD", "STALLS", "Array", "Post", "Results", "Uses", "post_cycles"]

STALLS = ("weights", "decoding", "results", "buffer", "tokens")
"""What the array waits for, as the accelerator counts it."""

SETS_AHEAD = 2  # parameter sets in the requantizer and in front of it, without the one in use
ADDITION = 4  # cycles after which a result comes back to the requantizer
RECENT = 32  # output blocks whose results a burst on its way can still meet


def post_cycles(spec: AcceleratorSpec, *, added: bool) -> int:
    """Cycles of the requantizer for a vector, also if something is added to it."""
    steps = max(1, spec.columns // spec.post_lanes)
    return steps + ADDITION * -(-steps // ADDITION) if added else steps


class Stalls:
    """Cycles in which the array waits, by cause."""

    def __init__(self, simulation: Simulation):
        self._simulation = simulation
        self._cycles = dict.fromkeys(STALLS, 0.0)
        self._since: dict[str, int] = {}

    def add(self, cause: str, cycles: float) -> None:
        """It has waited."""
        self._cycles[cause] += cycles

    def begin(self, cause: str) -> None:
        """It begins to wait."""
        self._since[cause] = self._simulation.now

    def end(self, cause: str) -> None:
        """It goes on."""
        self.add(cause, self._simulation.now - self._since.pop(cause))

    def now(self) -> dict[str, float]:
        """Cycles up to now, those of waits that go on included."""
        return {cause: cycles + (self._simulation.now - self._since[cause]
                                 if cause in self._since else 0)
                for cause, cycles in self._cycles.items()}


@dataclasses.dataclass(frozen=True)
class Uses:
    """How often a bank is used by somebody, evenly spread from ``begin`` to ``end``."""
    bank: int
    begin: int
    end: int
    count: float

    def within(self, begin: int, end: float) -> float:
        """How often in a part of that time."""
        common = max(0, min(end, self.end) - max(begin, self.begin))
        return self.count * common / (self.end - self.begin)


class Array:
    """What the array and the requantizer have been given, and have used."""

    def __init__(self, simulation: Simulation):
        self._simulation = simulation
        self.change = Change(simulation)
        self.reading: set[int] = set()  # banks, at least until ``reading_until``
        self.reading_until = 0
        self.reading_since = 0  # were it not for those that others have taken
        self.outside: tuple[int, ...] = ()  # cycles from then on that leave them alone
        self.operands: collections.deque[Uses] = collections.deque()  # what results are added to
        self.owed = 0.0  # part of a cycle that they have taken
        self.stolen = [0, 0]  # vectors that STORE has taken from a bank while the array read it
        self.writes: collections.deque[Uses] = collections.deque(maxlen=RECENT)  # of results
        self.blocks = self.blocks_used = self.sets = self.sets_used = 0
        self.ready = 0  # when the latest block can be used
        self.maps: collections.deque[list[bool]] = collections.deque()  # of output blocks
        self.decoding = False  # whether compressed weights are at work, and words are there
        self.stalls = Stalls(simulation)

    def take_block(self) -> Process:
        """Wait for the next weight block, and use it."""
        yield from self._wait_for_weights(lambda: self.blocks > self.blocks_used)
        self.stalls.begin("weights")
        yield max(0, self.ready - self._simulation.now)
        self.stalls.end("weights")
        self.blocks_used += 1
        self.change.happen()

    def wait_for_blocks(self, count: int) -> Process:
        """Wait for some weight blocks, without using them."""
        yield from self._wait_for_weights(lambda: self.blocks - self.blocks_used >= count)

    def take_map(self) -> "Generator[int | Change, None, list[bool]]":
        """Wait for the block map of an output block: whether each step has weights."""
        yield from self._wait_for_weights(lambda: bool(self.maps))
        return self.maps.popleft()

    def _wait_for_weights(self, there: Callable[[], bool]) -> Process:
        while not there():
            cause = "decoding" if self.decoding else "weights"
            self.stalls.begin(cause)
            yield self.change
            self.stalls.end(cause)

    def added(self, begin: int, end: int, banks: set[int]) -> float:
        """Vectors that were read from some banks in the meantime, to be added to results."""
        while self.operands and self.operands[0].end <= begin:
            self.operands.popleft()
        return sum(use.within(begin, end) for use in self.operands if use.bank in banks)

    def written(self, bank: int, begin: int, end: int) -> int:
        """Cycles by which results keep words, due from ``begin`` to ``end``, from their bank."""
        delay, total = -1.0, 0.0
        while total - delay >= 1:
            delay = total
            total = sum(use.within(begin, end + delay) for use in self.writes if use.bank == bank)
        return int(total)


class Results:
    """The sums of an output block on their way through the requantizer.

    Parameters
    ----------
    pixels : int
    bank : int
        Where the results go.
    cycles : int
        That the requantizer takes for each.
    added : bool
        Whether something that is read there is added to each.
    fresh : bool
        Whether they take a parameter set of their own.

    Attributes
    ----------
    began : int
        When the array began to put out sums.
    started : int
        When the requantizer took the first of them, -1 before.
    """

    def __init__(self, simulation: Simulation, pixels: int, bank: int, cycles: int, *,
                 added: bool, fresh: bool = True):
        self._simulation = simulation
        self.pixels, self.bank, self.fresh = pixels, bank, fresh
        self.cycles, self.added = cycles, added
        self.began = simulation.now
        self.started = self.arrived = -1
        self.finished = False
        self.change = Change(simulation)

    def start(self) -> None:
        """The requantizer takes the first."""
        self.started = self._simulation.now
        self.change.happen()

    def arrive(self) -> None:
        """The array has put out the last."""
        self.arrived = self._simulation.now
        self.change.happen()

    def finish(self) -> None:
        """The requantizer has taken the last."""
        self.finished = True
        self.change.happen()


class Post:
    """The FIFO behind the accumulators, and the requantizer."""

    def __init__(self, simulation: Simulation, spec: AcceleratorSpec, timing: Timing,
                 array: Array):
        self._simulation, self._timing, self._array = simulation, timing, array
        self._room = spec.result_fifo_depth
        self._waiting: collections.deque[Results] = collections.deque()
        self._change = Change(simulation)
        simulation.resume(self._serve())

    def take(self, results: Results) -> None:
        """The array begins to put out an output block."""
        self._waiting.append(results)
        self._change.happen()

    def _serve(self) -> Process:
        array, timing, simulation = self._array, self._timing, self._simulation
        while True:
            while not self._waiting:
                yield self._change
            results = self._waiting[0]
            yield max(0, results.began + timing.results - simulation.now)
            while results.fresh and array.sets == array.sets_used:
                yield array.change
            array.sets_used += results.fresh
            array.change.happen()
            results.start()
            begin, time = simulation.now, results.pixels * results.cycles
            uses = Uses(results.bank, begin, begin + time, results.pixels)
            array.writes.append(uses)
            if results.added:
                array.operands.append(uses)
            yield time
            while results.arrived < 0:
                yield results.change
            yield max(0, results.arrived + timing.results + results.cycles - simulation.now)
            self._waiting.popleft()
            results.finish()

    def wait_for_room(self, results: Results) -> Process:
        """Until the last sums of an output block, all others put out, fit the FIFO."""
        self._array.stalls.begin("results")
        while results.started < 0 and (over := self._count(results) - self._room) > 0:
            first = self._waiting[0]
            left = first.pixels - self._taken(first)
            if first.started >= 0 and left > 0:
                yield min(over, left) * first.cycles
            else:
                yield first.change
        if results.started >= 0:
            free = results.started + (results.pixels - self._room) * results.cycles
            yield max(0, free - self._simulation.now)
        self._array.stalls.end("results")

    def _count(self, results: Results) -> int:
        """Sums up to those of an output block that the requantizer hasn't taken, about."""
        ahead = 0
        for other in self._waiting:
            ahead += other.pixels - self._taken(other)
            if other is results:
                break
        return ahead

    def _taken(self, results: Results) -> int:
        """Sums of an output block that the requantizer has taken, about."""
        if results.started < 0:
            return 0
        return min(results.pixels, (self._simulation.now - results.started) // results.cycles)

    def wait_for(self, results: Results, cycles: int) -> Process:
        """Until some cycles after the requantizer has taken all of an output block."""
        while not results.finished:
            yield results.change
        yield cycles
