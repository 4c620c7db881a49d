# amaranth: UnusedElaboratable=no
"""A test bench for accumulators, and a memory that refuses what a macro might not stand."""

import random

from amaranth.hdl import Assert, ResetInserter, Signal, Value
from amaranth.sim import Simulator

from sparrow.hw.mac.accumulators import Accumulators
from sparrow.hw.memory import TwoPortMemory
from sparrow.sim.accumulators import scenario as traffic

__all__ = ["Bench", "HarshMemory"]

SURPLUS_CYCLES = 12
DEADLINE = 20_000


class HarshMemory(TwoPortMemory):
    """Holds noise at first, and refuses what a macro might not stand."""

    contents = None

    def elaborate(self, platform):
        m = super().elaborate(platform)
        generator = random.Random(self.depth)
        m.submodules.rows.init = self.contents or [
            [generator.getrandbits(self.width)] for _ in range(self.depth)]
        m.d.sync += [
            Assert(~self.write_enable | (self.write_address < self.depth), "writes past the end"),
            Assert(~self.read_enable | (self.read_address < self.depth), "reads past the end"),
            Assert(~(self.read_enable & self.write_enable
                     & (self.read_address == self.write_address)), "reads what it writes"),
        ]
        return m


class Bench:
    """Accumulators under test, their clock, and one test bench for each stream."""

    def __init__(self, spec, *, seed: int = 0, idle: float = 0, stall: float = 0):
        self.dut = Accumulators(spec=spec)
        self.reset = Signal()
        self.idle, self.stall = idle, stall
        self.generator = random.Random(seed)
        self.simulator = Simulator(ResetInserter(self.reset)(self.dut))
        self.simulator.add_clock(1e-6)
        self.simulator.add_process(self.watch)
        self.cycle = 0
        self.taken, self.received = [], []

    async def watch(self, ctx):
        """The stream rule: what is offered on ``o`` stays as it is until it is transferred."""
        o, offered = self.dut.o, None
        while True:
            _, _, reset, valid, ready, payload = await ctx.tick().sample(
                self.reset, o.valid, o.ready, o.payload)
            self.cycle += 1
            assert self.cycle < DEADLINE, "the test bench hangs"
            if offered is not None:
                assert valid, "o.valid fell before the transfer"
                assert payload.as_bits() == offered, "o.payload changed before the transfer"
            offered = payload.as_bits() if valid and not (ready or reset) else None

    def offer(self, ctx, payload):
        """Put a payload on ``i``, or noise that nobody may look at."""
        i = self.dut.i
        ctx.set(i.valid, payload is not None)
        if payload is None:
            bits = Value.cast(i.payload)
            ctx.set(bits, self.generator.getrandbits(len(bits)))
            return
        mode = {name[5:]: flag for name, flag in payload.items() if name.startswith("mode_")}
        ctx.set(i.payload, {name: payload[name] for name in ("sums", "first", "last")}
                | {"mode": mode})

    async def send(self, ctx, payloads):
        """Transfers on ``i``, after random times with no offer."""
        for payload in payloads:
            while self.generator.random() < self.idle:
                self.offer(ctx, None)
                await ctx.tick()
            self.offer(ctx, payload)
            ready = False
            while not ready:
                _, _, ready = await ctx.tick().sample(self.dut.i.ready)
            self.taken.append(self.cycle)
        self.offer(ctx, None)

    async def receive(self, ctx, expected):
        """Transfers on ``o``, compared with what is expected, and no more of them."""
        o = self.dut.o
        for wanted in expected:
            valid = ready = False
            while not (valid and ready):
                ctx.set(o.ready, self.generator.random() >= self.stall)
                _, _, valid, ready, payload = await ctx.tick().sample(o.valid, o.ready, o.payload)
            assert {name: list(payload[name]) if name == "sums" else payload[name]
                    for name, _ in o.payload.shape()} == wanted
            self.received.append(self.cycle)
        ctx.set(o.ready, 1)
        surplus = 0
        while surplus < SURPLUS_CYCLES:
            _, _, valid = await ctx.tick().sample(o.valid)
            assert not valid, "o is valid after the last result"
            surplus += len(self.taken) == self.total

    def check(self, scenario: traffic.Scenario, *, before=None):
        """Run a scenario, after ``before``."""
        self.total = len(scenario.payloads)
        ready, done = before is None, False

        async def vectors(ctx):
            nonlocal ready
            if before is not None:
                await before(ctx)
            ready = True
            await self.send(ctx, scenario.payloads)

        async def results(ctx):
            nonlocal done
            while not ready:
                await ctx.tick()
            await self.receive(ctx, scenario.expected)
            assert ctx.get(self.dut.error) == scenario.error
            done = True

        self.simulator.add_testbench(vectors)
        self.simulator.add_testbench(results)
        self.simulator.run()
        assert done
