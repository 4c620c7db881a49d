"""Predicted cycles of a program, from its commands alone."""

import collections
import dataclasses
import functools
import itertools
from collections.abc import Callable, Mapping, Sequence

from sparrow.hw.spec.accelerator import AcceleratorSpec
from sparrow.hw.spec.bus import BusClock
from sparrow.hw.spec.commands import (
    COMMAND_BYTES,
    COMMANDS_AHEAD,
    Command,
    Engine,
    Opcode,
    compute_vectors,
)

from .array import STALLS, Array, Post, Results, post_cycles
from .decoding import Decoding
from .engines import Burst, Pending, Queue, ReadClient, ReadPort, Step, Tokens, Values, run_offsets
from .events import Process, Simulation
from .store import Storer
from .streams import Decoder
from .tiled import Tiles
from .timing import Timing
from .unfold import Unfolder

__all__ = ["Prediction", "predict"]

PLACES = ("window", "height", "width", "out_height", "out_width", "pad_top", "pad_left", "stride_y",
          "stride_x", "dilation_y", "dilation_x", "kernel_height", "kernel_width")
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
            timing: Timing | None = None,
            decodings: Mapping[int, Decoding] | None = None) -> Prediction:
    """Play a program's commands through a model of queues, tokens, bus, weights and array.

    The bus gives a word per cycle; its reads are shared by commands, loads and weights, burst by
    burst. A weight block is loaded while the one before is in use: a word per cycle and at least a
    lane per cycle; of a compressed stream as its :class:`.decoding.Decoding` says. A block of T
    pixels takes T cycles, one that a map leaves out one. Sums wait in a FIFO for the requantizer,
    which takes one every ``columns / post_lanes`` cycles; while that is full, the array waits. A
    vector of STORE waits while the array reads its bank, up to its ``patience``, and then costs the
    array a cycle, as does one that is added to a result; a result that is written to a bank that
    LOAD writes costs LOAD a cycle.

    Parameters
    ----------
    commands : sequence of (Command, fields)
        END last.
    start : int
        Byte offset of the first one in the program window.
    timing : Timing
        Latencies. If the buses have a clock of their own, it is taken to be as fast as the core's.
    decodings : mapping of int to Decoding
        How compressed streams are decoded, by their offset.

    Raises
    ------
    ValueError
        If the commands wait for one another forever.
    """
    timing = (timing or Timing()).for_memories(spec.memory_latency)
    if spec.bus_clock is BusClock.SEPARATE:
        timing = timing.across_clocks()
    model = _Model(commands, spec, start, timing, decodings or {})
    return model.run()


class _Model:
    def __init__(self, commands: Sequence[tuple[Command, Values]], spec: AcceleratorSpec,
                 start: int, timing: Timing, decodings: Mapping[int, Decoding]):
        self.simulation = Simulation()
        self.spec, self.timing = spec, timing
        self.tokens = Tokens(self.simulation)
        self._commands, self._start = commands, start
        self._retired: list[tuple[int, dict[str, float]]] = []
        self._done = self._last = 0
        port = ReadPort(self.simulation, spec, timing)
        burst_bytes = spec.bus.burst_words * spec.bus.word_bytes
        self._loads = ReadClient(port, None)  # in the order in which they take turns
        self._fetches = ReadClient(port, COMMANDS_AHEAD)
        weights = ReadClient(port, spec.weight_fifo_bytes // burst_bytes)
        self._array = Array(self.simulation)
        self._unfolder = Unfolder(self.simulation, spec, timing, self._array, self._loads)
        self._post = Post(self.simulation, spec, timing, self._array)
        self._tiles = Tiles(self.simulation, spec, timing, self._array, self._post)
        storer = Storer(self.simulation, spec, timing, self._array)
        decoder = Decoder(self.simulation, spec, timing, weights, self._array, decodings)
        runs: dict[Engine, Callable[[Values], Step]] = {
            Engine.LOAD: self._load, Engine.STORE: storer.store,
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
            computes = queue is self._queues[Engine.COMPUTE]
            if computes:
                self._array.stalls.begin("tokens")
            while values.get("ordered") and pending.busy:
                yield pending.change
            if values["wait"]:
                yield from self.tokens.take(values["wait"])
            if computes:
                self._array.stalls.end("tokens")
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
            unfolding = self._unfolder.take(values, run_offsets(values))
            while not unfolding.begun:
                yield unfolding.change
            burst = unfolding.rows[-1].burst
            while burst is not None and not burst.granted:
                yield self._loads.granted
            return unfolding.wait(self.timing.unfold_end)
        last: Burst | None = None
        words = values["run"] * self.spec.lanes // self.spec.bus.word_bytes
        for number, offset in enumerate(run_offsets(values)):
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

    def _compute(self, values: Values) -> Step:
        if values["winograd"]:
            return (yield from self._tiles.compute(values, self._read))
        while self._tiles.busy:
            yield self._tiles.change
        array = self._array
        pixels = values["out_height"] * values["out_width"]
        kernel = values["kernel_height"] * values["kernel_width"]
        steps = 1 if values["window"] else values["channel_blocks"] * kernel
        first = kernel if values["window"] else 0  # vectors that come before the first sums
        vectors = compute_vectors(values, self.spec.winograd_tile) // steps
        turn = self._turn(values, pixels)
        outside = _outside(*(values[name] for name in PLACES))
        yield self.timing.compute_start
        skipped, entered = 0, self.simulation.now
        for output_block in range(values["output_blocks"]):
            first_bank = values["source_bank"] ^ (output_block & values["block_alternate"])
            kept, asked = None, self.simulation.now
            if values["map"]:
                kept = yield from array.take_map()
                entered = entered if asked == self.simulation.now else self.simulation.now
            for step in range(steps):
                if kept is not None and not kept[step]:
                    skipped += 1
                    continue
                # the loop goes on while the step before takes its vectors, or waits for weights
                yield max(0, skipped - (self.simulation.now - entered))
                skipped, entered = 0, self.simulation.now
                if not values["reuse"] or output_block == step == 0:
                    yield from array.take_block()
                channel = step // kernel
                array.outside = outside[step % len(outside)]
                banks = {0, 1} if values["int4"] else {
                    first_bank ^ (channel & values["channel_alternate"])}
                if step < steps - 1:
                    yield from self._read(max(pixels + turn, self.timing.same_pixel), banks)
            results = Results(self.simulation, pixels,
                              values["destination_bank"] ^ (output_block & 1),
                              post_cycles(self.spec, added=bool(values["add"])),
                              added=bool(values["add"]))
            yield from self._read(first, banks)
            array.outside = tuple(number - first for number in array.outside if number >= first)
            self._post.take(results)
            yield from self._read(vectors - first + turn, banks)
            yield from self._post.wait_for_room(results)
            results.arrive()
        yield self.timing.compute_release
        if values["drain"]:
            yield from self._post.wait_for(results, self.timing.compute_end)
            return None
        return self._post.wait_for(results, self.timing.compute_end)

    def _turn(self, values: Values, pixels: int) -> int:
        """Cycles that accumulators of one port cost a block, because rows are in the same memory.

        Where rows are read a pixel ahead, these are the even ones; where two ahead, pairs of them.
        """
        if not self.spec.single_port_accumulators:
            return 0
        if self.spec.memory_latency == 1:
            return pixels % 2
        if values["window"]:  # cycles from pixel to pixel
            return pixels // 2 if values["kernel_height"] * values["stride_x"] == 2 else 0
        return (0, 2, 2, 1)[pixels % 4]

    def _read(self, pixels: int, banks: set[int]) -> Process:
        """The array reads a vector per cycle, but for cycles in which STORE reads of its bank."""
        array, total = self._array, pixels
        while pixels > 0:
            before, now = sum(array.stolen[bank] for bank in banks), min(pixels, LOOK)
            array.reading, array.reading_until = banks, self.simulation.now + pixels
            array.reading_since = array.reading_until - total
            yield now
            taken = sum(array.stolen[bank] for bank in banks) - before
            added = array.added(self.simulation.now - now, self.simulation.now, banks)
            array.owed += added * (1 - len(array.outside) / total) * (1 - taken / now)
            taken, array.owed = taken + int(array.owed), array.owed % 1
            array.stalls.add("buffer", taken)
            pixels += taken - now
        array.reading = set()


@functools.lru_cache(maxsize=1024)
def _outside(window: int, height: int, width: int, out_height: int, out_width: int, pad_top: int,
             pad_left: int, stride_y: int, stride_x: int, dilation_y: int, dilation_x: int,
             kernel_height: int, kernel_width: int) -> list[tuple[int, ...]]:
    """The vectors that meet padding, by number: of each kernel position, or of a window's pass."""
    if window:  # for each row of pixels all columns that it takes, of each the kernel's rows
        out_width, kernel_width, stride_x = (out_width - 1) * stride_x + kernel_width, 1, 1
    rows, columns = (
        [[not 0 <= place * stride + tap * dilation - pad < size for place in range(count)]
         for tap in range(kernel)]
        for size, count, pad, stride, dilation, kernel in (
            (height, out_height, pad_top, stride_y, dilation_y, kernel_height),
            (width, out_width, pad_left, stride_x, dilation_x, kernel_width)))
    if window:
        vectors = [y or x for taps in zip(*rows) for x in columns[0] for y in taps]
        return [tuple(number for number, outside in enumerate(vectors) if outside)]
    return [tuple(number for number, (y, x) in enumerate(itertools.product(row, column)) if y or x)
            for row, column in itertools.product(rows, columns)]
