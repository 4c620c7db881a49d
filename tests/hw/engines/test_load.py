"""The load engine: copies and unfolded rows of images, one command after the other."""

import random

import numpy as np
import pytest
from amaranth.sim import Simulator

from sparrow.golden.accelerator.addresses import transfer
from sparrow.golden.accelerator.unfold import unfold
from sparrow.hw.engines.load import LoadEngine
from sparrow.hw.spec.accelerator import AcceleratorSpec
from sparrow.hw.spec.commands import Opcode
from sparrow.sim.loops.reference import whole_command

MEMORY = 4096
SPECS = {
    "narrow": {"lanes": 4, "columns": 4, "data_width": 32, "line_bytes": 32},
    "wide": {"lanes": 16, "columns": 16, "data_width": 64, "line_bytes": 64},
    "word": {"lanes": 8, "columns": 8, "data_width": 64, "line_bytes": 128},
}
UNFOLDING = {"unfold", "pair", "joined", "words", "row_bytes", "first", "pixel_step", "lane",
             "fill_value"}


def make_spec(name, **changes):
    values = SPECS[name]
    return AcceleratorSpec(post_lanes=2, buffer_bytes=256 * values["lanes"], accumulator_depth=64,
                           weight_fifo_bytes=1024, **values | changes)


def random_load(source, spec, kind):
    """A LOAD of a kind: copy, unfold, fill."""
    lanes = spec.lanes
    row_bytes = source.randint(1, max(spec.line_bytes, 2) - 1)
    values = {"bank": source.getrandbits(1), "alternate": source.getrandbits(1),
              "offset": source.randrange(0, MEMORY // 2, lanes),
              "run_stride": source.randrange(0, MEMORY // 16, lanes),
              "plane_stride": source.randrange(0, MEMORY // 16, lanes),
              "run": source.randint(1, 12), "runs": source.randint(1, 4),
              "planes": source.randint(1, 2), "row": source.randrange(256),
              "run_step": source.randrange(12, 16), "plane_step": source.randrange(60, 70)}
    if kind == "copy":
        return whole_command(Opcode.LOAD, values | {"first": 0, "fill_value": 0})
    vectors = -(-row_bytes // lanes)
    joined = kind == "unfold" and source.getrandbits(1)
    words = -(-row_bytes // spec.bus.word_bytes) * (kind == "unfold")
    if joined:
        values["run_stride"] = vectors * lanes
        words = vectors * values["runs"] * lanes // spec.bus.word_bytes
    return whole_command(Opcode.LOAD, values | {
        "unfold": 1, "joined": joined, "words": words, "pair": source.getrandbits(1),
        "row_bytes": row_bytes * (kind == "unfold"),
        "first": source.randint(-2 * lanes, row_bytes),
        "pixel_step": source.choice([0, 1, 2, 3, 5, lanes, 3 * lanes]),
        "lane": source.choice([0, 0, source.randrange(lanes)]),
        "fill_value": source.randint(-128, 127)})


def expect(spec, values, memory, buffer):
    """What a command makes of the buffer, shape (banks, rows, lanes)."""
    moves = transfer(spec, values)
    if not values["unfold"]:
        for place, bank, row in zip(moves.bytes.flat, moves.banks.flat, moves.rows.flat):
            buffer[bank, row] = memory[place:place + spec.lanes]
        return
    starts = moves.bytes[:, :, 0].reshape(-1)
    rows = np.stack([memory[start:start + spec.line_bytes] for start in starts])
    windows = unfold(spec, values, rows).reshape(moves.rows.size, -1, spec.lanes)
    for position, (bank, row) in enumerate(zip(moves.banks.flat, moves.rows.flat)):
        for number, vector in enumerate(windows[position]):
            buffer[bank ^ number, row, values["lane"]:] = vector[values["lane"]:]


class Bench:
    """Plays queue, memory and buffer."""

    def __init__(self, spec, commands, memory, *, idle, stall, latency=3, seed=0):
        self.spec, self.memory = spec, memory
        self.commands, self.random = commands, random.Random(seed)
        self.idle, self.stall, self.latency = idle, stall, latency
        self.engine = LoadEngine(spec=spec)
        self.buffer = np.zeros((2, 256, spec.lanes), np.int8)
        self.words, self.cycle, self.writes, self.done = [], 0, [], []
        simulator = Simulator(self.engine)
        simulator.add_clock(1e-6)
        simulator.add_testbench(self._queue)
        for process in (self._requests, self._words, self._buffer, self._count):
            simulator.add_testbench(process, background=True)
        simulator.run()

    async def _count(self, ctx):
        async for _ in ctx.tick():
            self.cycle += 1

    async def _queue(self, ctx):
        engine = self.engine
        for number, values in enumerate(self.commands):
            ctx.set(engine.command, values)
            ctx.set(engine.start, 1)
            await ctx.tick()
            ctx.set(engine.start, 0)
            limit = self.cycle + 5000
            while not (ctx.get(engine.released) and len(self.done) >= number):
                await ctx.tick()
                assert self.cycle < limit, f"command {number} isn't released"
            await ctx.tick()
            ctx.set(engine.command, whole_command(Opcode.LOAD, {}))  # it isn't needed any more
        while len(self.done) < len(self.commands):
            await ctx.tick()
            assert self.cycle < limit, "commands must be completed"
        await ctx.tick().repeat(5)
        assert len(self.done) == len(self.commands) and not self.words

    async def _requests(self, ctx):
        """Words come from the first offer on; the last one when the request was taken."""
        requests, word = self.engine.requests, self.spec.bus.word_bytes
        while True:
            if not ctx.get(requests.valid):
                await ctx.tick()
                continue
            offset, count = ctx.get(requests.payload.offset), ctx.get(requests.payload.words)
            due = self.cycle + self.latency
            for index in range(count):
                place = offset + index * word
                value = int.from_bytes(self.memory[place:place + word].tobytes(), "little")
                self.words.append([due, value, index == count - 1, index == count - 1])
            for _ in range(self.random.randrange(3) if self.idle else 0):
                await ctx.tick()
            while sum(entry[2] for entry in self.words) > self.spec.outstanding:
                await ctx.tick()
            ctx.set(requests.ready, 1)
            await ctx.tick()
            self.words[-1][3] = False
            ctx.set(requests.ready, 0)

    async def _words(self, ctx):
        words = self.engine.words
        while True:
            while (not self.words or self.words[0][0] > self.cycle or self.words[0][3]
                   or self.random.random() < self.idle):
                await ctx.tick()
            ctx.set(words.payload, {"data": self.words[0][1], "last": self.words[0][2]})
            ctx.set(words.valid, 1)
            await ctx.tick().until(words.ready)
            self.words.pop(0)
            ctx.set(words.valid, 0)

    async def _buffer(self, ctx):
        engine, offered = self.engine, None
        width = self.spec.lanes // self.spec.buffer_parts
        while True:
            ready = self.random.random() >= self.stall
            ctx.set(engine.ready, ready)
            _, _, valid, bank, row, enable, value, done = await ctx.tick().sample(
                engine.valid, engine.bank, engine.row, engine.enable, engine.data, engine.done)
            now = bank, row, enable, value
            assert offered in (None, now if valid else None), "the offer changed"
            offered = now if valid and not ready else None
            if valid and ready:
                self.writes.append(self.cycle)
                vector = np.frombuffer(value.to_bytes(self.spec.lanes, "little"), np.int8)
                lanes = [lane for lane in range(self.spec.lanes) if enable >> lane // width & 1]
                self.buffer[bank, row, lanes] = vector[lanes]
            if done:
                assert valid and ready
                self.done.append(self.cycle)


@pytest.mark.parametrize("name, latency", [*((name, 1) for name in SPECS), ("word", 2)])
@pytest.mark.parametrize("idle, stall", [(0, 0), (0.5, 0), (0, 0.5), (0.3, 0.3)])
def test_commands_of_all_kinds(name, latency, idle, stall):
    spec = make_spec(name, memory_latency=latency)
    source = random.Random(f"{name} {idle} {stall}")
    memory = np.random.default_rng(3).integers(-128, 128, MEMORY, np.int8)
    commands = [random_load(source, spec, source.choice(["copy", "unfold", "unfold", "fill"]))
                for _ in range(40)]
    expected = np.zeros((2, 256, spec.lanes), np.int8)
    for values in commands:
        expect(spec, values, memory, expected)
    bench = Bench(spec, commands, memory, idle=idle, stall=stall)
    assert (bench.buffer == expected).all()


@pytest.mark.parametrize("idle, stall", [(0, 0), (0.3, 0.3)])
def test_without_line_memory_there_are_copies_alone(idle, stall):
    spec, source = make_spec("wide", line_bytes=0), random.Random(1)
    memory = np.random.default_rng(3).integers(-128, 128, MEMORY, np.int8)
    commands = [random_load(source, spec, "copy") for _ in range(10)]
    expected = np.zeros((2, 256, spec.lanes), np.int8)
    for values in commands:
        expect(spec, values, memory, expected)
    commands = [{name: value for name, value in values.items() if name not in UNFOLDING}
                for values in commands]
    bench = Bench(spec, commands, memory, idle=idle, stall=stall)
    assert (bench.buffer == expected).all()


@pytest.mark.parametrize("pair, latency", [(0, 1), (1, 1), (1, 2)])
def test_a_vector_is_written_per_cycle(pair, latency):
    spec = make_spec("wide", line_bytes=256, memory_latency=latency)
    values = whole_command(Opcode.LOAD, {
        "unfold": 1, "pair": pair, "row_bytes": 40, "words": 5, "run": 12, "runs": 8, "first": -3,
        "pixel_step": 3, "run_step": 12, "run_stride": 48, "fill_value": 5})
    bench = Bench(spec, [values, values], np.zeros(MEMORY, np.int8), idle=0, stall=0)
    count = 8 * 12 * (1 + pair)
    assert len(bench.writes) == 2 * count
    for writes, done in zip((bench.writes[:count], bench.writes[count:]), bench.done):
        assert writes[-1] - writes[0] == count - 1 and writes[-1] == done
    assert bench.writes[count] - bench.writes[count - 1] == 1 + latency
