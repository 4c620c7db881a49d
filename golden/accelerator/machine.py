"""The accelerator as its commands define it: the twin of ``sparrow.hw.accelerator``."""

import collections
import dataclasses
import random

import numpy as np

from sparrow.hw.spec.accelerator import AcceleratorSpec
from sparrow.hw.spec.base import require_integer
from sparrow.hw.spec.commands import COMMAND_BYTES, Engine, compute_vectors

from .addition import Addition
from .addresses import destination_rows, transfer
from .clocks import Clock, Memory
from .compute import check_compute, compute
from .errors import MachineError
from .queues import CLOCKS, ENGINES, RESULTS, Queues, Waiting
from .unfold import check_unfold, unfold
from .weights import OutputBlock, read_weights, stream_bytes

__all__ = ["Machine", "Run"]

PRIORITIES = {
    "eager": (Engine.LOAD, Engine.WEIGHTS, Engine.COMPUTE, Engine.STORE),
    "lazy": (Engine.STORE, Engine.COMPUTE, Engine.WEIGHTS, Engine.LOAD),
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Run:
    """What a program did.

    Parameters
    ----------
    commands : int
        Commands fetched, END included.
    layers : int
        Commands with ``retire``.
    vectors : int
        Steps of the array.
    words_loaded, words_stored, words_of_weights : int
        Bus words of data and weights; commands not counted.
    tokens : tuple of int
        Tokens that were given and never taken.
    """

    commands: int
    layers: int
    vectors: int
    words_loaded: int
    words_stored: int
    words_of_weights: int
    tokens: tuple[int, ...]


class Machine:
    """Executes programs, command by command.

    Parameters
    ----------
    spec : AcceleratorSpec
    order : str or int
        Which of several engines goes on first: ``"eager"``, loads as early and stores as late as
        tokens allow; ``"lazy"``, the other way round; or the seed of a random order. A program
        whose tokens suffice gives the same in each. Weights that no COMPUTE has taken hold up the
        next WEIGHTS, except with ``"eager"``.
    """

    def __init__(self, spec: AcceleratorSpec, *, order: str | int = "eager"):
        if not isinstance(spec, AcceleratorSpec):
            raise TypeError(f"spec must be an AcceleratorSpec, not {spec!r}")
        if order not in PRIORITIES and (isinstance(order, (str, bool))
                                        or not isinstance(order, int)):
            raise ValueError(f"order must be 'eager', 'lazy' or an integer, not {order!r}")
        self._spec, self._order = spec, order

    def run(self, program: bytes, data: np.ndarray, *, start: int = 0) -> Run:
        """Execute a program to its END.

        Parameters
        ----------
        program : bytes
            The program window.
        data : numpy.ndarray, uint8 or int8, one dimension
            The data window, changed in place; a multiple of ``lanes`` bytes.
        start : int
            Byte offset of the first command.

        Raises
        ------
        MachineError
            On whatever a program must not do.
        """
        if (not isinstance(data, np.ndarray) or data.dtype.itemsize != 1 or data.ndim != 1
                or not data.flags.c_contiguous or data.size % self._spec.lanes):
            raise ValueError("data must be a contiguous array of bytes, one-dimensional, a "
                             f"multiple of {self._spec.lanes} long")
        require_integer("start", start, 0, max(len(program) - COMMAND_BYTES, 0))
        if start % COMMAND_BYTES:
            raise ValueError(f"start must be a multiple of {COMMAND_BYTES}, not {start!r}")
        return _Execution(self._spec, self._order, program, data, start).run()


class _Execution:
    """A run of a program: its queues, its buffers, its weights on the way."""

    def __init__(self, spec: AcceleratorSpec, order: str | int, program: bytes, data: np.ndarray,
                 start: int):
        self._spec, self._order, self._program = spec, order, program
        self._random = random.Random(order)
        self._queues = Queues(program, start, spec)
        self._data = Memory("the data window", data.view(np.int8).reshape(-1, spec.lanes),
                            known=True, engines=CLOCKS)
        self._buffer = [Memory(f"bank {bank} of the buffer",
                               np.zeros((spec.buffer_rows, spec.lanes), np.int8), known=False,
                               engines=CLOCKS) for bank in range(2)]
        self._weights: collections.deque[OutputBlock] = collections.deque()
        self._addition = Addition(spec)
        self._counts: collections.Counter[str] = collections.Counter()

    def run(self) -> Run:
        while True:
            self._queues.fetch()
            if self._queues.idle:
                break
            ready = [engine for engine in ENGINES if self._ready(engine)]
            if not ready:
                self._stuck()
            waiting, clock = self._queues.begin(self._choose(ready))
            try:
                self._execute(waiting, clock)
            except MachineError as error:
                if error.text.startswith(waiting.subject):
                    raise
                _, _, text = error.text.partition(": ")
                raise MachineError(error.code, f"{waiting.subject}: {text}",
                                   error.stream_error) from None
            self._counts["layers"] += waiting.values["retire"]
            self._queues.finish(waiting, clock)
        if self._weights:
            raise MachineError("STREAM", f"END: weights of {len(self._weights)} output blocks are "
                                         "left over")
        return Run(commands=self._queues.fetched, layers=self._counts["layers"],
                   vectors=self._counts["vectors"], words_loaded=self._counts["load"],
                   words_stored=self._counts["store"],
                   words_of_weights=self._counts["weights"], tokens=self._queues.counts)

    def _ready(self, engine: Engine) -> bool:
        if not self._queues.ready(engine):
            return False
        if engine is Engine.WEIGHTS:
            return self._order == "eager" or not self._weights
        head = self._queues.head(engine)
        assert head is not None
        return engine is not Engine.COMPUTE or len(self._weights) >= head.values["output_blocks"]

    def _choose(self, ready: list[Engine]) -> Engine:
        if isinstance(self._order, str):
            return min(ready, key=PRIORITIES[self._order].index)
        return self._random.choice(ready)

    def _stuck(self) -> None:
        heads = [self._queues.head(engine) for engine in ENGINES]
        waiting = "; ".join(f"{head.subject} waits for tokens {head.tokens('wait')}"
                            for head in heads if head is not None)
        raise MachineError("WATCHDOG", f"nothing moves: {waiting}; tokens given are "
                                       f"{list(self._queues.counts)}")

    def _execute(self, waiting: Waiting, clock: Clock) -> None:
        match waiting.kind.engine:
            case Engine.WEIGHTS:
                self._weights.extend(read_weights(self._spec, waiting.values,
                                                  self._stream(waiting)))
            case Engine.COMPUTE:
                self._compute(waiting, clock)
            case engine:
                self._transfer(waiting, clock, engine)

    def _transfer(self, waiting: Waiting, clock: Clock, kind: Engine) -> None:
        lanes = self._spec.lanes
        for name in ("offset", "run_stride", "plane_stride"):
            if waiting.values[name] % lanes:
                raise MachineError("ILLEGAL_COMMAND", f"{waiting.subject}: {name} must be a "
                                   f"multiple of {lanes}, not {waiting.values[name]}")
        if kind is Engine.LOAD and waiting.values["unfold"]:
            self._unfold(waiting, clock)
            return
        moves = transfer(self._spec, waiting.values)
        self._require_inside(waiting, int(moves.bytes.max()) + lanes)
        self._counts[kind.value] += moves.bytes.size * lanes // self._spec.bus.word_bytes
        engine = ENGINES.index(kind)
        places, banks, rows = (values.reshape(-1) for values in
                               (moves.bytes // lanes, moves.banks, moves.rows))
        for bank, memory in enumerate(self._buffer):
            here = banks == bank
            source, sink = (self._data, memory), (places[here], rows[here])
            if kind is Engine.STORE:
                source, sink = source[::-1], sink[::-1]
            vectors = source[0].read(waiting.subject, engine, clock, sink[0])
            source[1].write(waiting.subject, engine, clock, sink[1], vectors)

    def _require_inside(self, waiting: Waiting, end: int) -> None:
        size = self._data.size * self._spec.lanes
        if end > size:
            raise MachineError("WINDOW", f"{waiting.subject}: the data window has {size} bytes, "
                                         f"and byte {end - 1} is touched")

    def _unfold(self, waiting: Waiting, clock: Clock) -> None:
        spec, values, engine = self._spec, waiting.values, ENGINES.index(Engine.LOAD)
        check_unfold(spec, values)
        moves = transfer(spec, values)
        starts = moves.bytes[:, :, 0].reshape(-1)
        rows = np.zeros((len(starts), 0), np.int8)
        if values["row_bytes"]:
            self._require_inside(waiting, int(starts.max()) + values["row_bytes"])
            self._counts["load"] += values["words"] * (
                values["planes"] if values["joined"] else len(starts))
            places = (starts[:, None] // spec.lanes
                      + np.arange(-(-values["row_bytes"] // spec.lanes)))
            rows = self._data.read(waiting.subject, engine, clock,
                                   places.reshape(-1)).reshape(len(starts), -1)
        windows = unfold(spec, values, rows).reshape(moves.rows.size, -1, spec.lanes)
        for vector in range(windows.shape[1]):
            for bank, memory in enumerate(self._buffer):
                here = (moves.banks.reshape(-1) ^ vector) == bank
                memory.write(waiting.subject, engine, clock, moves.rows.reshape(-1)[here],
                             windows[here, vector], first=values["lane"])

    def _stream(self, waiting: Waiting) -> bytes:
        values, word = waiting.values, self._spec.bus.word_bytes
        if values["offset"] % word:
            raise MachineError("ILLEGAL_COMMAND", f"{waiting.subject}: offset must be a multiple "
                               f"of {word}, not {values['offset']}")
        if values["int4"] and not self._spec.int4:
            raise MachineError("ILLEGAL_COMMAND", f"{waiting.subject}: int4 must be 0 in an "
                                                  "accelerator of int8, not 1")
        found = values["words"] * word
        wanted = found if values["compressed"] else stream_bytes(self._spec, values)
        if found != wanted:
            raise MachineError("STREAM", f"{waiting.subject}: words must be {wanted // word}, "
                                         f"not {values['words']}")
        end = values["offset"] + wanted
        if end > len(self._program):
            raise MachineError("WINDOW", f"{waiting.subject}: the program window has "
                                         f"{len(self._program)} bytes, and byte {end - 1} is read")
        self._counts["weights"] += values["words"]
        return self._program[values["offset"]:end]

    def _compute(self, waiting: Waiting, clock: Clock) -> None:
        values, engine = waiting.values, ENGINES.index(Engine.COMPUTE)
        check_compute(self._spec, values)

        def read(bank: int, rows: np.ndarray) -> np.ndarray:
            return self._buffer[bank].read(waiting.subject, engine, clock, rows)

        weights = [self._weights.popleft() for _ in range(values["output_blocks"])]
        for block in weights:
            count = compute_vectors(values, self._spec.winograd_tile)
            if block.kept is not None:
                count = count // block.kept.size * int(block.kept.sum())
            self._counts["vectors"] += count
        ordered = (*clock[:RESULTS], clock[engine])  # results are written in order
        self._addition.begin(values)
        for results in compute(self._spec, values, weights, read):
            bank, rows = destination_rows(self._spec, values, results.output_block)
            memory, vectors = self._buffer[bank], results.vectors
            if values["add"]:
                operands = memory.read(waiting.subject, RESULTS, ordered, rows)
                vectors = self._addition.add(values, vectors, operands)
            memory.write(waiting.subject, RESULTS, ordered, rows, vectors, reader=engine)
