"""Predicted cycles of a program, from its commands alone."""

import collections
import dataclasses
import functools
import itertools
from collections.abc import Callable, Generator, Sequence

from sparrow.hw.spec.accelerator import AcceleratorSpec
from sparrow.hw.spec.commands import (
    COMMAND_BYTES,
    COMMANDS_AHEAD,
    Command,
    Engine,
    Opcode,
    compute_vectors,
)

from .array import Array, Post, Results, Uses
from .events import Change, Process, Simulation
from .model import Burst, Pending, Queue, ReadClient, ReadPort, Tokens, Values, bursts
from .timing import Timing

__all__ = ["Prediction", "predict"]

PARAMETER_BYTES = 8
Step = Generator["int | Change", None, Process | None]
LOOK = 32  # cycles after which the array looks back at what STORE took


@dataclasses.dataclass(frozen=True)
class Prediction:
    """Cycles of a run.

    Parameters
    ----------
    layers : tuple of int
        For each layer that has commands, from the retirement of the one before to its own; the
        first from the start on.
    total : int
        From the start to the end.
    """

    layers: tuple[int, ...]
    total: int


def predict(commands: Sequence[tuple[Command, Values]], spec: AcceleratorSpec, *, start: int = 0,
            timing: Timing | None = None) -> Prediction:
    """Play a program's commands through a model of queues, tokens, bus, weights and array.

    The bus gives a word per cycle; its reads are shared by commands, loads and weights, burst by
    burst. A weight block is loaded while the one before is in use: a word per cycle and at least a
    lane per cycle. A block of T pixels takes T cycles. Sums wait in a FIFO for the requantizer,
    which takes one every ``columns / post_lanes`` cycles; while that is full, the array waits. A
    vector that STORE takes from a bank which the array reads costs the array a cycle, a result that
    is written to a bank that LOAD writes costs LOAD a cycle.

    Parameters
    ----------
    commands : sequence of (Command, fields)
        END last.
    start : int
        Byte offset of the first one in the program window.
    timing : Timing
        Latencies.

    Raises
    ------
    ValueError
        If the commands wait for one another forever.
    """
    model = _Model(commands, spec, start, timing or Timing())
    return model.run()


class _Model:
    def __init__(self, commands: Sequence[tuple[Command, Values]], spec: AcceleratorSpec,
                 start: int, timing: Timing):
        self.simulation = Simulation()
        self.spec, self.timing = spec, timing
        self.tokens = Tokens(self.simulation)
        self._commands, self._start = commands, start
        self._retired: list[int] = []
        self._done = self._last = 0
        port = ReadPort(self.simulation, spec, timing)
        burst_bytes = spec.bus.burst_words * spec.bus.word_bytes
        self._fetches = ReadClient(port, COMMANDS_AHEAD)
        self._loads = ReadClient(port, None)
        self._weights = ReadClient(port, spec.weight_fifo_bytes // burst_bytes)
        self._array = Array(self.simulation)
        self._post = Post(self.simulation, spec, timing, self._array)
        self._answers = collections.deque[int]()  # when outstanding writes are answered
        self._write_free = 0
        self._decoding, self._decoded = False, Change(self.simulation)
        runs: dict[Engine, Callable[[Values], Step]] = {
            Engine.LOAD: self._load, Engine.STORE: self._store,
            Engine.WEIGHTS: self._send_weights, Engine.COMPUTE: self._compute}
        self._queues = {engine: Queue(self.simulation, spec.queue_depth) for engine in runs}
        for engine, run in runs.items():
            self.simulation.resume(self._execute(self._queues[engine], run))
        self.simulation.resume(self._fetch())

    def run(self) -> Prediction:
        self.simulation.run()
        wanted = len(self._commands) - 1
        if self._done < wanted:
            raise ValueError(f"Commands must be executed to the end, not {self._done} of {wanted}")
        times = [0, *self._retired]
        return Prediction(tuple(after - before for before, after in itertools.pairwise(times)),
                          self._last + self.timing.end)

    def _fetch(self) -> Process:
        """The sequencer."""
        spec = self.spec
        words = COMMAND_BYTES // spec.bus.word_bytes
        yield self.timing.start
        wanted = [self._fetches.ask(self._start + number * COMMAND_BYTES, words)
                  for number in range(len(self._commands) + COMMANDS_AHEAD)]
        for number, (kind, values) in enumerate(self._commands):
            queue = None if kind.opcode is Opcode.END else self._queues[kind.engine]
            while queue is not None and queue.full:
                yield queue.change
            yield from self._consume(self._fetches, collections.deque(wanted[number]), words, 1)
            if queue is not None:
                queue.push(number, values)
        self._last = max(self._last, self.simulation.now)

    def _execute(self, queue: Queue, run: Callable[[Values], Step]) -> Process:
        """An engine: its commands, one after the other.

        ``run`` ends when the command is released and gives what then is left of it. The next
        command runs while one that is released isn't complete.
        """
        pending = Pending(self.simulation)
        while True:
            while queue.empty:
                yield queue.change
            _, values = queue.pop()
            yield self.timing.queue
            if values["wait"]:
                yield from self.tokens.take(values["wait"])
                yield self.timing.token
            rest = yield from run(values)
            while pending.busy:
                yield pending.change
            pending.busy = True
            self.simulation.resume(self._complete(pending, rest, values))

    def _complete(self, pending: Pending, rest: Process | None, values: Values) -> Process:
        """A released command, until its tokens are given."""
        if rest is not None:
            yield from rest
        if values["signal"]:
            yield self.timing.token
            yield from self.tokens.give(values["signal"])
        if values["retire"]:
            self._retired.append(self.simulation.now)
        self._done += 1
        self._last = max(self._last, self.simulation.now)
        pending.busy = False
        pending.change.happen()

    def _consume(self, client: ReadClient, wanted: collections.deque[Burst], words: int,
                 cycles: int, taken: int = 0) -> Process:
        """Take words out of a FIFO, each ``cycles`` after the other.

        ``taken`` are words of the first burst that were taken before.
        """
        while words > 0:
            burst = wanted[0]
            while not burst.granted:
                yield client.granted
            count = min(words, burst.words - taken)
            yield max(0, burst.first + taken + self.timing.fifo - self.simulation.now)
            yield count * cycles
            words, taken = words - count, taken + count
            if taken == burst.words:
                wanted.popleft()
                client.free()
                taken = 0

    def _load(self, values: Values) -> Step:
        yield self.timing.load_start
        last: Burst | None = None
        words = values["run"] * self.spec.lanes // self.spec.bus.word_bytes
        for number, offset in enumerate(_offsets(values)):
            bank = values["bank"] ^ (number // values["runs"] & values["alternate"])
            wanted = self._loads.ask(offset, words)
            for burst in wanted:
                burst.delay = functools.partial(self._array.written, bank)
            last = wanted[-1]
        assert last is not None
        while not last.granted:
            yield self._loads.granted
        return self._finish_load(last)

    def _finish_load(self, last: Burst) -> Process:
        while last.last > self.simulation.now:
            yield last.last - self.simulation.now
        yield self.timing.load_end

    def _store(self, values: Values) -> Step:
        words = values["run"] * self.spec.lanes // self.spec.bus.word_bytes
        time = max(self.simulation.now + self.timing.store_start, self._write_free)
        answers = self._answers
        begin = time
        for number, offset in enumerate(_offsets(values)):
            plane = number // values["runs"]
            bank = values["bank"] ^ (plane & values["alternate"])
            for size in bursts(self.spec, offset, words):
                if len(answers) == self.spec.outstanding:
                    time = max(time, answers.popleft())
                self._array.fetches.append(Uses(
                    bank, time, time + size, size * self.spec.bus.word_bytes / self.spec.lanes))
                begin = time
                time += size
                answers.append(time + self.timing.memory_write)
                time += self.timing.store_burst
        self._write_free = time
        yield max(0, begin - self.simulation.now)
        return self._wait(answers[-1] + self.timing.store_end)

    def _wait(self, time: int) -> Process:
        yield max(0, time - self.simulation.now)

    def _send_weights(self, values: Values) -> Step:
        """Ask for a stream, and hand it to the decoder when that is free."""
        yield self.timing.weights_start
        wanted = self._weights.ask(values["offset"], values["words"])
        while self._decoding:
            yield self._decoded
        self._decoding = True
        self.simulation.resume(self._decode(values, collections.deque(wanted)))
        while not wanted[-1].granted:
            yield self._weights.granted
        return None

    def _decode(self, values: Values, wanted: collections.deque[Burst]) -> Process:
        """Parameter sets and weight blocks of a stream."""
        spec, array = self.spec, self._array
        word = spec.bus.word_bytes
        position = 0

        def take(count: int, cycles: int) -> Process:
            nonlocal position
            taken = position
            remaining = wanted[0].words - taken
            position = (taken + count if count < remaining
                        else _remainder(wanted, count - remaining))
            yield from self._consume(self._weights, wanted, count, cycles, taken)

        for output_block in range(values["output_blocks"]):
            while array.sets > array.sets_used:
                yield array.change
            yield from take(spec.columns * PARAMETER_BYTES // word, max(1, word // PARAMETER_BYTES))
            array.sets += 1
            array.change.happen()
            for _ in range(values["blocks"] if output_block == 0 or not values["reuse"] else 0):
                while array.blocks > array.blocks_used:
                    yield array.change
                yield from take(spec.lanes * spec.columns // word, max(1, word // spec.columns))
                array.blocks += 1
                array.ready = self.simulation.now + self.timing.block
                array.change.happen()
        yield self.timing.weights_end
        self._decoding = False
        self._decoded.happen()

    def _compute(self, values: Values) -> Step:
        array = self._array
        pixels = values["out_height"] * values["out_width"]
        kernel = values["kernel_height"] * values["kernel_width"]
        steps = 1 if values["window"] else values["channel_blocks"] * kernel
        first = kernel if values["window"] else 0  # vectors that come before the first sums
        vectors = compute_vectors(values) // steps
        yield self.timing.compute_start
        for output_block in range(values["output_blocks"]):
            begin = values["source_bank"] ^ (output_block & values["block_alternate"])
            for step in range(steps):
                if not values["reuse"] or output_block == step == 0:
                    while array.blocks == array.blocks_used:
                        yield array.change
                    yield max(0, array.ready - self.simulation.now)
                    array.blocks_used += 1
                    array.change.happen()
                channel = step // kernel
                banks = {0, 1} if values["int4"] else {
                    begin ^ (channel & values["channel_alternate"])}
                if step < steps - 1:
                    yield from self._read(max(pixels, self.timing.same_pixel), banks)
            results = Results(self.simulation, pixels,
                              values["destination_bank"] ^ (output_block & 1))
            yield from self._read(first, banks)
            self._post.take(results)
            yield from self._read(vectors - first, banks)
            yield from self._post.wait_for_room(results)
            results.arrive()
        yield self.timing.compute_release
        return self._post.wait_for(results, self.timing.compute_end)

    def _read(self, pixels: int, banks: set[int]) -> Process:
        """The array reads a vector per cycle, but for cycles in which STORE reads of its bank."""
        left = float(pixels)
        while left >= 1:
            before, now = self.simulation.now, min(int(left), LOOK)
            yield now
            left += self._array.stolen(before, before + now, banks) - now


def _offsets(values: Values) -> list[int]:
    """The first byte of each run of a transfer."""
    return [values["offset"] + plane * values["plane_stride"] + run * values["run_stride"]
            for plane in range(values["planes"]) for run in range(values["runs"])]


def _remainder(wanted: Sequence[Burst], words: int) -> int:
    """Words taken of the burst in which taking ends, ``words`` after the end of the first."""
    for burst in list(wanted)[1:]:
        if words < burst.words:
            return words
        words -= burst.words
    return 0
