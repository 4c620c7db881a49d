"""Predicted cycles of a program, from its commands alone."""

import collections
import dataclasses
import functools
import itertools
from collections.abc import Callable, Sequence

from sparrow.hw.spec.accelerator import AcceleratorSpec
from sparrow.hw.spec.commands import (
    COMMAND_BYTES,
    COMMANDS_AHEAD,
    Command,
    Engine,
    Opcode,
    compute_vectors,
)

from .array import STALLS, Array, Post, Results, Uses
from .events import Process, Simulation
from .model import Burst, Pending, Queue, ReadClient, ReadPort, Step, Tokens, Values, bursts
from .streams import Decoder
from .timing import Timing
from .unfold_model import Unfolder

__all__ = ["Prediction", "predict"]

LOOK = 32  # cycles after which the array looks back at what STORE took


@dataclasses.dataclass(frozen=True)
class Prediction:
    """Cycles of a run.

    Parameters
    ----------
    layers : tuple of int
        For each layer that has commands, from the retirement of the one before to its own; the
        first from the start on.
    stalls : tuple of dict
        For each of these layers, cycles in which the array waits, by cause, see
        :data:`.array.STALLS`.
    total : int
        From the start to the end.
    """

    layers: tuple[int, ...]
    stalls: tuple[dict[str, int], ...]
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
        self._retired: list[tuple[int, dict[str, float]]] = []
        self._done = self._last = 0
        port = ReadPort(self.simulation, spec, timing)
        burst_bytes = spec.bus.burst_words * spec.bus.word_bytes
        self._fetches = ReadClient(port, COMMANDS_AHEAD)
        self._loads = ReadClient(port, None)
        weights = ReadClient(port, spec.weight_fifo_bytes // burst_bytes)
        self._array = Array(self.simulation)
        self._unfolder = Unfolder(self.simulation, spec, timing, self._array, self._loads)
        self._post = Post(self.simulation, spec, timing, self._array)
        self._answers = collections.deque[int]()  # when outstanding writes are answered
        self._write_free = 0
        decoder = Decoder(self.simulation, spec, timing, weights, self._array)
        runs: dict[Engine, Callable[[Values], Step]] = {
            Engine.LOAD: self._load, Engine.STORE: self._store,
            Engine.WEIGHTS: decoder.send, Engine.COMPUTE: self._compute}
        self._queues = {engine: Queue(self.simulation, spec.queue_depth) for engine in runs}
        for engine, run in runs.items():
            self.simulation.resume(self._execute(self._queues[engine], run))
        self.simulation.resume(self._fetch())

    def run(self) -> Prediction:
        self.simulation.run()
        wanted = len(self._commands) - 1
        if self._done < wanted:
            raise ValueError(f"Commands must be executed to the end, not {self._done} of {wanted}")
        marks = [(0, dict.fromkeys(STALLS, 0.0)), *self._retired]
        layers, stalls = [], []
        for (begin, before), (end, after) in itertools.pairwise(marks):
            layers.append(end - begin)
            stalls.append({cause: round(after[cause] - before[cause]) for cause in STALLS})
        return Prediction(tuple(layers), tuple(stalls), self._last + self.timing.end)

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
            yield from self._fetches.consume(collections.deque(wanted[number]), words, 1)
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
                computes = queue is self._queues[Engine.COMPUTE]
                if computes:
                    self._array.stalls.begin("tokens")
                yield from self.tokens.take(values["wait"])
                if computes:
                    self._array.stalls.end("tokens")
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
            self._retired.append((self.simulation.now, self._array.stalls.now()))
        self._done += 1
        self._last = max(self._last, self.simulation.now)
        pending.busy = False
        pending.change.happen()

    def _load(self, values: Values) -> Step:
        yield self.timing.load_start
        if values["unfold"]:
            unfolding = self._unfolder.take(values, _offsets(values))
            while not unfolding.begun:
                yield unfolding.change
            burst = unfolding.rows[-1].burst
            while burst is not None and not burst.granted:
                yield self._loads.granted
            return unfolding.wait(self.timing.load_end)
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

    def _compute(self, values: Values) -> Step:
        array = self._array
        pixels = values["out_height"] * values["out_width"]
        kernel = values["kernel_height"] * values["kernel_width"]
        steps = 1 if values["window"] else values["channel_blocks"] * kernel
        first = kernel if values["window"] else 0  # vectors that come before the first sums
        vectors = compute_vectors(values) // steps
        # accumulators of one port: a cycle for the turn from an even pixel to the first
        turn = pixels % 2 if self.spec.single_port_accumulators else 0
        yield self.timing.compute_start
        for output_block in range(values["output_blocks"]):
            first_bank = values["source_bank"] ^ (output_block & values["block_alternate"])
            for step in range(steps):
                if not values["reuse"] or output_block == step == 0:
                    array.stalls.begin("weights")
                    while array.blocks == array.blocks_used:
                        yield array.change
                    yield max(0, array.ready - self.simulation.now)
                    array.stalls.end("weights")
                    array.blocks_used += 1
                    array.change.happen()
                channel = step // kernel
                banks = {0, 1} if values["int4"] else {
                    first_bank ^ (channel & values["channel_alternate"])}
                if step < steps - 1:
                    yield from self._read(max(pixels + turn, self.timing.same_pixel), banks)
            results = Results(self.simulation, pixels,
                              values["destination_bank"] ^ (output_block & 1))
            yield from self._read(first, banks)
            self._post.take(results)
            yield from self._read(vectors - first + turn, banks)
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
            stolen = self._array.stolen(before, before + now, banks)
            self._array.stalls.add("buffer", stolen)
            left += stolen - now


def _offsets(values: Values) -> list[int]:
    """The first byte of each run of a transfer."""
    return [values["offset"] + plane * values["plane_stride"] + run * values["run_stride"]
            for plane in range(values["planes"]) for run in range(values["runs"])]
