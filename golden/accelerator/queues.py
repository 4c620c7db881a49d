"""Commands in front of the engines, and the tokens by which they wait for each other."""

import collections
import dataclasses

from sparrow.hw.spec.accelerator import AcceleratorSpec
from sparrow.hw.spec.base import SpecError
from sparrow.hw.spec.commands import (
    COMMAND_BYTES,
    TOKEN_MAXIMUM,
    TOKENS,
    Command,
    Engine,
    Opcode,
    decode,
)

from .clocks import Clock
from .errors import MachineError

__all__ = ["CLOCKS", "ENGINES", "RESULTS", "Queues", "Waiting"]

ENGINES = (Engine.LOAD, Engine.STORE, Engine.WEIGHTS, Engine.COMPUTE)
RESULTS = len(ENGINES)  # in a clock: COMPUTE commands whose results are in the buffer
CLOCKS = len(ENGINES) + 1
IN_FLIGHT = 2  # COMPUTE commands that are started and incomplete at most


@dataclasses.dataclass(frozen=True)
class Waiting:
    """A command in a queue: its number in the program, its kind, its fields."""

    number: int
    kind: Command
    values: dict[str, int]

    @property
    def subject(self) -> str:
        """The command, as errors call it."""
        return f"command {self.number} ({self.kind.name})"

    def tokens(self, field: str) -> list[int]:
        """Numbers of the tokens in ``wait`` or ``signal``."""
        return [token for token in range(TOKENS) if self.values[field] >> token & 1]


class Queues:
    """Fetches commands in order, as far as queues have room, and counts tokens.

    Parameters
    ----------
    program : bytes
        The program window.
    start : int
        First byte of the first command, a multiple of 64.
    spec : AcceleratorSpec
        Of the queues, and of what counts can be.
    """

    def __init__(self, program: bytes, start: int, spec: AcceleratorSpec):
        self._program, self._next, self._room = program, start, spec.queue_depth + 1
        self._sizes = spec.field_sizes
        self._queues: dict[Engine, collections.deque[Waiting]] = {
            engine: collections.deque() for engine in ENGINES}
        self._tokens: list[collections.deque[Clock]] = [collections.deque()
                                                        for _ in range(TOKENS)]
        self._clocks: dict[Engine, Clock] = dict.fromkeys(ENGINES, (0,) * CLOCKS)
        self._blocked: Waiting | None = None
        self.fetched = 0
        self.ended = False

    @property
    def counts(self) -> tuple[int, ...]:
        """How many of each token have been given and not taken."""
        return tuple(map(len, self._tokens))

    @property
    def idle(self) -> bool:
        """Whether the program has been fetched and executed to its end."""
        return self.ended and not any(self._queues.values())

    def fetch(self) -> None:
        """Fetch commands until one has no room or the program ends.

        Raises
        ------
        MachineError
            ``ILLEGAL_COMMAND`` or ``WINDOW``.
        """
        while not self.ended:
            if self._blocked is None:
                self._blocked = self._decode()
                self.fetched += 1
            waiting = self._blocked
            if waiting.kind.opcode is Opcode.END:
                self.ended = True
            elif len(self._queues[waiting.kind.engine]) >= self._room:
                return
            else:
                self._queues[waiting.kind.engine].append(waiting)
            self._blocked = None

    def _decode(self) -> Waiting:
        data = self._program[self._next:self._next + COMMAND_BYTES]
        if len(data) < COMMAND_BYTES:
            raise MachineError("WINDOW", f"command {self.fetched}: byte {self._next} must be in "
                                         f"the program window of {len(self._program)} bytes")
        self._next += COMMAND_BYTES
        try:
            kind, values = decode(data, **self._sizes)
        except SpecError as error:
            raise MachineError("ILLEGAL_COMMAND", f"command {self.fetched}: {error}") from None
        return Waiting(self.fetched, kind, values)

    def head(self, engine: Engine) -> Waiting | None:
        """The command that an engine executes next, whether it has its tokens or not."""
        queue = self._queues[engine]
        return queue[0] if queue else None

    def ready(self, engine: Engine) -> bool:
        """Whether the next command of an engine has its tokens, and those it gives have room.

        A token that the command itself takes makes room for one.
        """
        head = self.head(engine)
        if head is None:
            return False
        takes = head.tokens("wait")
        return (all(self._tokens[token] for token in takes)
                and all(len(self._tokens[token]) - (token in takes) < TOKEN_MAXIMUM
                        for token in head.tokens("signal")))

    def begin(self, engine: Engine) -> tuple[Waiting, Clock]:
        """Take the next command off its queue, and its tokens.

        Returns
        -------
        The command, and what came before it: for each engine the number of its commands, itself
        included, and the number of COMPUTE commands that were complete.
        """
        waiting = self._queues[engine].popleft()
        clocks = [self._clocks[engine]]
        clocks += [self._tokens[token].popleft() for token in waiting.tokens("wait")]
        merged = [max(numbers) for numbers in zip(*clocks, strict=True)]
        merged[ENGINES.index(engine)] += 1
        if engine is Engine.COMPUTE:
            unknown = 1 if waiting.values["ordered"] else IN_FLIGHT
            merged[RESULTS] = max(merged[RESULTS], merged[ENGINES.index(engine)] - unknown)
        self._clocks[engine] = tuple(merged)
        return waiting, self._clocks[engine]

    def finish(self, waiting: Waiting, clock: Clock) -> None:
        """Give the tokens of a command that is complete."""
        if waiting.kind.engine is Engine.COMPUTE:
            clock = (*clock[:RESULTS], clock[ENGINES.index(Engine.COMPUTE)])
        for token in waiting.tokens("signal"):
            self._tokens[token].append(clock)
