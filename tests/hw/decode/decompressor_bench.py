"""A decompressor fed with streams, and what comes out of it."""

import dataclasses
import random

import numpy as np
from amaranth.hdl import Value
from amaranth.sim import Simulator

from sparrow.hw.decode import Decompressor

SURPLUS_CYCLES = 70
PATIENCE = 1000  # cycles without any transfer


@dataclasses.dataclass
class Taken:
    """What came out, and when.

    blocks: int8, shape (halves, lanes, columns) each; ``commits`` their cycles. ``done``: cycles of
    the pulses; ``words`` of the words' transfers.
    """
    blocks: list = dataclasses.field(default_factory=list)
    four_bit: list = dataclasses.field(default_factory=list)
    commits: list = dataclasses.field(default_factory=list)
    records: list = dataclasses.field(default_factory=list)
    maps: list = dataclasses.field(default_factory=list)
    words: list = dataclasses.field(default_factory=list)
    done: list = dataclasses.field(default_factory=list)
    error: int = 0
    error_cycle: int = 0
    busy: int = 0
    waits: dict = dataclasses.field(default_factory=lambda: {"words": 0, "array": 0})


def words_of(spec, stream: bytes):
    """Bus words, and which of them is the last one."""
    size = spec.word_bytes
    assert len(stream) % size == 0
    words = [int.from_bytes(stream[place:place + size], "little")
             for place in range(0, len(stream), size)]
    return [(word, number == len(words) - 1) for number, word in enumerate(words)]


class Bench:
    """One simulation: all words of ``streams``, with idle cycles and stalls, in probabilities.

    Parameters
    ----------
    streams : list of list of (int, bool)
        As :func:`words_of` gives them.
    flows : sequence of (float, float), optional
        ``idle`` and ``stall`` of the streams, in turns, instead of one for all.
    clear_after_error : bool
        Clear, and go on with the next stream, once the words of a faulty one are taken.
    """

    def __init__(self, spec, streams, *, idle=0.0, stall=0.0, flows=(), seed=0,
                 clear_after_error=False):
        self.spec, self.streams = spec, streams
        self.idle, self.stall = idle, stall
        self.flows = flows
        self.generator = random.Random(seed)
        self.clear_after_error = clear_after_error
        self.dut = Decompressor(spec=spec)
        self.taken = [Taken()]
        self.cycle, self.quiet = 0, 0
        self.sent = 0  # streams
        halves = spec.halves
        self.block = np.zeros((halves, spec.lanes, spec.columns), np.int64)

    def run(self):
        simulator = Simulator(self.dut)
        simulator.add_clock(1e-6)
        simulator.add_testbench(self._send)
        simulator.add_process(self._watch)
        simulator.add_process(self._stall)
        simulator.run()
        return self.taken

    async def _send(self, ctx):
        dut = self.dut
        for number, stream in enumerate(self.streams):
            if self.flows:
                self.idle, self.stall = self.flows[number % len(self.flows)]
            for word, last in stream:
                while self.generator.random() < self.idle:
                    ctx.set(dut.words.valid, 0)
                    ctx.set(dut.words.payload.as_value(),
                            self.generator.getrandbits(self.spec.data_width + 1))
                    await ctx.tick()
                ctx.set(dut.words.valid, 1)
                ctx.set(dut.words.payload, {"data": word, "last": last})
                ready = 0
                while not ready:
                    _, _, ready = await ctx.tick().sample(dut.words.ready)
                    assert self.quiet < PATIENCE, "the bench hangs"
                self.taken[-1].words.append(self.cycle)
            ctx.set(dut.words.valid, 0)
            self.sent += 1
            if self.clear_after_error:
                await self._settle(ctx)
                ctx.set(dut.clear, 1)
                await ctx.tick()
                ctx.set(dut.clear, 0)
                self.block[:] = 0
                self.taken.append(Taken())
        await self._settle(ctx)

    async def _settle(self, ctx):
        """Until nothing happens any more."""
        while self.quiet < SURPLUS_CYCLES / (1.01 - self.stall):
            await ctx.tick()

    async def _stall(self, ctx):
        dut = self.dut
        while True:
            for port in (dut.weights, dut.parameters, dut.maps):
                ctx.set(port.ready, self.generator.random() >= self.stall)
            await ctx.tick()

    async def _watch(self, ctx):
        dut = self.dut
        ports = {"weights": dut.weights, "parameters": dut.parameters, "maps": dut.maps}
        offered = dict.fromkeys(ports)
        signals = [signal for port in ports.values()
                   for signal in (port.valid, port.ready, Value.cast(port.payload))]
        signals += [dut.words.valid & dut.words.ready, dut.done, dut.error, dut.busy, dut.clear,
                    dut.waits_for_words, dut.waits_for_array]
        payloads = [port.payload for port in ports.values()]
        async for _, _, *values in ctx.tick().sample(*signals, *payloads):
            self.cycle += 1
            self.quiet += 1
            taken = self.taken[-1]
            bits, values = values[:9], values[9:]
            moved, done, error, busy, clear, words, array, *payload = values
            for number, name in enumerate(ports):
                valid, ready, raw = bits[3 * number:][:3]
                if offered[name] is not None:
                    assert valid and raw == offered[name], f"{name} changed before its transfer"
                offered[name] = raw if valid and not ready and not clear else None
                if valid and ready:
                    self.quiet = 0
                    assert not error
                    getattr(self, f"_{name}")(taken, payload[number])
            self.quiet *= not moved
            if done:
                taken.done.append(self.cycle)
            if error and not taken.error:
                taken.error, taken.error_cycle = int(error), self.cycle
            taken.busy = busy
            taken.waits["words"] += words
            taken.waits["array"] += array

    def _weights(self, taken, payload):
        for column, load in enumerate(payload.loads):
            if not load.valid:
                continue
            if not self.spec.int4:
                self.block[0, load.index, column] = _signed(load.value, 8)
            elif payload.int4:
                for half in range(2):
                    if load.enable >> half & 1:
                        self.block[half, load.index, column] = _signed(
                            load.value >> 4 * half & 15, 4)
            else:
                assert load.enable == 3
                self.block[0, load.index, column] = _signed(load.value, 8)
        if payload.commit:
            halves = 2 if self.spec.int4 and payload.int4 else 1
            taken.blocks.append(self.block[:halves].astype(np.int8))
            taken.four_bit.append(bool(self.spec.int4 and payload.int4))
            taken.commits.append(self.cycle)
            self.block[:] = 0

    def _parameters(self, taken, payload):
        taken.records.append((payload.column, _signed(payload.bias, 32), payload.mantissa,
                              payload.shift, payload.commit))

    def _maps(self, taken, payload):
        taken.maps.append(payload)


def _signed(value, bits):
    return value - (value >> bits - 1 << bits)


def decode(spec, *streams, **options):
    """What comes out for streams of bytes; without ``clear_after_error`` in one piece."""
    taken = Bench(spec, [words_of(spec, stream) for stream in streams], **options).run()
    return taken if options.get("clear_after_error") else taken[0]
