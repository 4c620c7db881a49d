"""The bus and the engines as processes, for predictions."""

import collections
import itertools
from collections.abc import Callable, Generator, Iterator

from sparrow.hw.spec.accelerator import AcceleratorSpec
from sparrow.hw.spec.commands import TOKEN_MAXIMUM, TOKENS

from .events import Change, Process, Simulation
from .timing import Timing

__all__ = ["Burst", "Pending", "Queue", "ReadClient", "ReadPort", "Step", "Tokens", "bursts",
           "run_offsets"]

Values = dict[str, int]
Step = Generator["int | Change", None, Process | None]
"""What an engine does until it releases a command; gives what then is left of it."""


def bursts(spec: AcceleratorSpec, offset: int, words: int) -> Iterator[int]:
    """Words of each burst of a request; bursts end at multiples of their largest size."""
    position = offset // spec.bus.word_bytes
    while words > 0:
        size = min(spec.bus.burst_words - position % spec.bus.burst_words, words)
        yield size
        position, words = position + size, words - size


def run_offsets(values: Values) -> list[int]:
    """The first byte of each run of a transfer."""
    pitch = (values["runs"] - 1) * values["run_stride"] + values["plane_stride"]
    return [values["offset"] + plane * pitch + run * values["run_stride"]
            for plane in range(values["planes"]) for run in range(values["runs"])]


class Burst:
    """A burst that is read: how many words, and when the first and the last are on the bus.

    ``delay``, if any, says by how many cycles words that are due from one cycle to another are
    late, because who takes them can't: as far as known in its first cycle, and for good when the
    last word is due.
    """

    def __init__(self, words: int):
        self.words = words
        self.first = self.last = -1
        self.delay: Callable[[int, int], int] | None = None

    @property
    def granted(self) -> bool:
        """Whether its times are known."""
        return self.first >= 0

    @property
    def end(self) -> int:
        """The cycle of the last word, as far as known now."""
        last = self.first + self.words - 1
        return last + (self.delay(self.first, last + 1) if self.delay is not None else 0)


class ReadClient:
    """What one reader has asked for.

    Parameters
    ----------
    room : int or None
        Bursts that fit its FIFO; None where words are taken at once.
    """

    def __init__(self, port: "ReadPort", room: int | None):
        self._port = port
        self._room = room
        self._wanted: collections.deque[Burst] = collections.deque()
        self.granted = Change(port.simulation)
        port.clients.append(self)

    @property
    def willing(self) -> bool:
        """Whether there is a burst to read, and room for it."""
        return bool(self._wanted) and (self._room is None or self._room > 0)

    def ask(self, offset: int, words: int) -> list[Burst]:
        """Ask for successive words."""
        wanted = [Burst(size) for size in bursts(self._port.spec, offset, words)]
        self._wanted.extend(wanted)
        self._port.change.happen()
        return wanted

    def take(self) -> Burst:
        """The burst whose turn it is."""
        if self._room is not None:
            self._room -= 1
        return self._wanted.popleft()

    def free(self) -> None:
        """A burst has left the FIFO."""
        if self._room is not None:
            self._room += 1
            self._port.change.happen()

    def consume(self, wanted: collections.deque[Burst], words: int, cycles: int,
                taken: int = 0) -> Process:
        """Take words out of a FIFO, each ``cycles`` after the other.

        ``taken`` are words of the first burst that were taken before.
        """
        while words > 0:
            burst = wanted[0]
            while not burst.granted:
                yield self.granted
            count = min(words, burst.words - taken)
            arrival = burst.first + taken + self._port.timing.fifo
            yield max(0, arrival - self._port.simulation.now)
            yield count * cycles
            words, taken = words - count, taken + count
            if taken == burst.words:
                wanted.popleft()
                self.free()
                taken = 0


class ReadPort:
    """The bus's reads: clients take turns, burst by burst; a word per cycle."""

    def __init__(self, simulation: Simulation, spec: AcceleratorSpec, timing: Timing):
        self.simulation, self.spec, self.timing = simulation, spec, timing
        self.change = Change(simulation)
        self.clients: list[ReadClient] = []
        self._outstanding: collections.deque[Burst] = collections.deque()
        self._free = 0  # first cycle without a word yet
        simulation.resume(self._serve())

    def _serve(self) -> Process:
        turn = 0
        while True:
            order = [(turn + number) % len(self.clients) for number in range(len(self.clients))]
            client = next((number for number in order if self.clients[number].willing), None)
            if client is None:
                yield self.change
                continue
            turn = client + 1  # the choice stands, though there may be no room for a burst yet
            while len(self._outstanding) == self.spec.outstanding:
                yield self.change
            yield self.timing.request
            burst = self.clients[client].take()
            burst.first = max(self._free, self.simulation.now + self.timing.memory_read
                              + self.timing.arrival)
            burst.last = burst.end
            self._outstanding.append(burst)
            self._free = burst.last + 1
            if len(self._outstanding) == 1:
                self.simulation.at(burst.last, self._ended)
            self.clients[client].granted.happen()

    def _ended(self) -> None:
        """The last word of the first outstanding burst is due."""
        late = self._outstanding[0].end - self._outstanding[0].last
        if late > 0:
            self._outstanding[0].last += late
            for burst in itertools.islice(self._outstanding, 1, None):
                burst.first, burst.last = burst.first + late, burst.last + late
            self._free += late
        else:
            self._outstanding.popleft()
            self.change.happen()
        if self._outstanding:
            self.simulation.at(self._outstanding[0].last, self._ended)


class Tokens:
    """Counters that commands take from and give to."""

    def __init__(self, simulation: Simulation):
        self._counts = [0] * TOKENS
        self._change = Change(simulation)

    def take(self, mask: int) -> Process:
        """Wait until all are there, and take them."""
        chosen = [token for token in range(TOKENS) if mask >> token & 1]
        while not all(self._counts[token] for token in chosen):
            yield self._change
        for token in chosen:
            self._counts[token] -= 1
        self._change.happen()

    def give(self, mask: int) -> Process:
        """Wait until all fit, and give them."""
        chosen = [token for token in range(TOKENS) if mask >> token & 1]
        while any(self._counts[token] == TOKEN_MAXIMUM for token in chosen):
            yield self._change
        for token in chosen:
            self._counts[token] += 1
        self._change.happen()


class Queue:
    """The commands in front of an engine."""

    def __init__(self, simulation: Simulation, depth: int):
        self._depth = depth
        self._commands: collections.deque[tuple[int, Values]] = collections.deque()
        self.change = Change(simulation)

    @property
    def full(self) -> bool:
        """Whether there is no room."""
        return len(self._commands) >= self._depth

    @property
    def empty(self) -> bool:
        """Whether no command waits."""
        return not self._commands

    def push(self, number: int, values: Values) -> None:
        """Add a command."""
        self._commands.append((number, values))
        self.change.happen()

    def pop(self) -> tuple[int, Values]:
        """The next command."""
        command = self._commands.popleft()
        self.change.happen()
        return command


class Pending:
    """Whether an engine has a released command that isn't complete."""

    def __init__(self, simulation: Simulation):
        self.busy = False
        self.change = Change(simulation)
