# amaranth: UnusedElaboratable=no
"""The accumulators against golden, their throughput, their reset, their reports of errors."""

import random

import pytest
import torch
from amaranth.hdl import Assert, ResetInserter, Signal, Value
from amaranth.sim import Simulator

from sparrow.golden.mac.accumulators import Block
from sparrow.hw.mac import accumulators
from sparrow.hw.mac.accumulators import Accumulators
from sparrow.hw.memory import TwoPortMemory
from sparrow.hw.spec.mac import AccumulatorsSpec
from sparrow.sim.accumulators import scenario as traffic

SPECS = {
    "one pixel": {"columns": 3, "depth": 1, "sum_width": 4, "accumulator_width": 6},
    "two pixels": {"columns": 2, "depth": 2, "sum_width": 3, "accumulator_width": 4},
    "three pixels": {"columns": 2, "depth": 3, "sum_width": 2, "accumulator_width": 3},
    "one column": {"columns": 1, "depth": 5, "sum_width": 8, "accumulator_width": 10},
    "no wider than sums": {"columns": 5, "depth": 8, "sum_width": 7, "accumulator_width": 7},
    "widest": {"columns": 2, "depth": 17, "sum_width": 40, "accumulator_width": 64},
    "every option": {"columns": 3, "depth": 6, "sum_width": 10, "accumulator_width": 21,
                     "maximum": True, "shifted": True, "overflow": False,
                     "restart_after_last": True, "registered": False},
    "maximum": {"columns": 3, "depth": 4, "sum_width": 9, "accumulator_width": 12,
                "maximum": True},
    "shifted beyond": {"columns": 2, "depth": 3, "sum_width": 5, "accumulator_width": 9,
                       "shifted": True},
    "shifted, widest": {"columns": 2, "depth": 5, "sum_width": 40, "accumulator_width": 47,
                        "shifted": True, "restart_after_last": True},
    "without flags": {"columns": 2, "depth": 3, "sum_width": 4, "accumulator_width": 5,
                      "overflow": False},
    "restarted": {"columns": 2, "depth": 5, "sum_width": 6, "accumulator_width": 9,
                  "restart_after_last": True},
    "restarted, one pixel": {"columns": 2, "depth": 1, "sum_width": 6, "accumulator_width": 9,
                             "restart_after_last": True, "maximum": True, "shifted": True},
    "unregistered": {"columns": 2, "depth": 2, "sum_width": 9, "accumulator_width": 18,
                     "restart_after_last": True, "registered": False, "maximum": True},
    "unregistered, one pixel": {"columns": 2, "depth": 1, "sum_width": 4, "accumulator_width": 7,
                                "restart_after_last": True, "registered": False},
    "default": {"columns": 16, "depth": 512, "sum_width": 20, "accumulator_width": 32},
}
FLOWS = [(0, 0), (0.6, 0), (0, 0.6), (0.4, 0.4)]
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


@pytest.fixture(autouse=True)
def harsh_memory(monkeypatch):
    monkeypatch.setattr(accumulators, "TwoPortMemory", HarshMemory)


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


@pytest.mark.parametrize("idle, stall", FLOWS)
@pytest.mark.parametrize("past", [False, True])
@pytest.mark.parametrize("name", SPECS)
def test_equals_golden(name, past, idle, stall):
    """Also the report of vectors past the last pixel, which change no accumulator."""
    spec = AccumulatorsSpec(**SPECS[name])
    scenario = traffic.random_scenario(spec, seed=f"{name} {idle} {stall}", past=past,
                                       blocks=60 if spec.depth < 100 else 12)
    assert scenario.expected and (past or not scenario.error)
    Bench(spec, seed=5, idle=idle, stall=stall).check(scenario)


@pytest.mark.parametrize("options", [
    {}, {"maximum": True, "shifted": True},
    {"maximum": True, "shifted": True, "overflow": False, "restart_after_last": True,
     "registered": False}], ids=str)
def test_every_addition(options):
    spec = AccumulatorsSpec(columns=4, depth=7, sum_width=4, accumulator_width=6, **options)
    scenario = traffic.exhaustive_scenario(spec)
    assert {name: count for name, count in scenario.covered.items() if "pairs" in name} == {
        "pairs of accumulator and sum": 1 << 10,
        **({"pairs of accumulator and shifted sum": 1 << 10,
            "pairs of accumulator and maximum": 1 << 8} if options else {})}
    Bench(spec).check(scenario)


@pytest.mark.parametrize("lowest", [False, True])
@pytest.mark.parametrize("depth", [1, 2, 5])
def test_overflow_at_both_ends(depth, lowest):
    spec = AccumulatorsSpec(columns=3, depth=depth, sum_width=5, accumulator_width=8)
    scenario = traffic.overflow_scenario(spec, lowest=lowest)
    assert {0b000, 0b010, 0b101, 0b111} >= {result["overflow"] for result in scenario.expected}
    assert scenario.expected[-1]["overflow"] == 0 < scenario.covered["overflows"]
    Bench(spec).check(scenario)


def test_overflow_of_the_widest(monkeypatch):
    """The ends of 64 bits, which no simulation reaches by adding: they are there at the start."""
    spec = AccumulatorsSpec(columns=2, depth=4, sum_width=40, accumulator_width=64)
    top = 2**63 - 1
    held = [(top, -top - 1), (top - 7, 7 - top - 1), (top, -top - 1), (0, 0)]
    flags = [0, 0, 0, 3]
    monkeypatch.setattr(HarshMemory, "contents", [
        [flag << 128 | (low % 2**64) << 64 | high] for (high, low), flag in zip(held, flags)])
    sums = [[1, -1], [7, -7], [0, 0], [2**39 - 1, -2**39]]
    results = [[-top - 1, top], [top, -top - 1], [top, -top - 1], sums[3]]
    payloads = [{"sums": vector, "mode_start": 0, "mode_finish": 1, "first": 0, "last": 0}
                for vector in sums]
    expected = [{"sums": vector, "overflow": flag, "first": 0, "last": 0}
                for vector, flag in zip(results, [3, 0, 0, 3])]
    Bench(spec).check(traffic.Scenario(payloads, expected, False, {}))


@pytest.mark.parametrize("options, latency", [
    ({}, 2), ({"restart_after_last": True}, 1),
    ({"restart_after_last": True, "registered": False}, 0)], ids=str)
@pytest.mark.parametrize("depth, pixels", [(1, 1), (2, 1), (2, 2), (3, 2), (3, 3), (9, 1), (9, 5)])
def test_one_vector_per_cycle(depth, pixels, options, latency):
    """Every vector adds to what the block before it left, and is as long on its way as it says.

    Without a result register a vector has to wait for the row that the one before it writes.
    """
    spec = AccumulatorsSpec(columns=2, depth=depth, sum_width=6, accumulator_width=9, **options)
    bench = Bench(spec)
    bench.check(traffic.steady_scenario(spec, seed=3, blocks=20, pixels=pixels))
    each = 1 if spec.registered or pixels > 1 else 2
    assert bench.taken == list(range(bench.taken[0], bench.taken[0] + 20 * pixels * each, each))
    assert bench.received == [cycle + latency for cycle in bench.taken]
    assert spec.latency == latency


def test_only_results_can_hold_vectors_up():
    """With ``o`` never ready, vectors pass until two of them are ready to go out."""
    spec = AccumulatorsSpec(columns=1, depth=4)
    bench = Bench(spec, stall=1)
    sums = torch.arange(4).reshape(4, 1)
    finish = torch.tensor([False, False, True, True])
    scenario = traffic.Scenario.of(spec, [Block(sums=sums, start=True),
                                          Block(sums=sums, finish=finish)])

    async def testbench(ctx):
        for payload in scenario.payloads:
            bench.offer(ctx, payload)
            assert ctx.get(bench.dut.i.ready)
            await ctx.tick()
        await ctx.tick().repeat(5)
        assert not ctx.get(bench.dut.i.ready)
        assert ctx.get(bench.dut.o.payload.sums[0]) == 4

    bench.simulator.add_testbench(testbench)
    bench.simulator.run()


def test_only_results_can_hold_unregistered_vectors_up():
    """With ``o`` never ready, vectors pass until one of them goes out; it says so at once."""
    spec = AccumulatorsSpec(columns=1, depth=4, restart_after_last=True, registered=False)
    bench = Bench(spec, stall=1)
    sums = torch.arange(1, 5).reshape(4, 1)
    scenario = traffic.Scenario.of(spec, [
        Block(sums=sums, start=True),
        Block(sums=sums, finish=torch.tensor([False, False, True, True]))])

    async def testbench(ctx):
        for payload in scenario.payloads[:-1]:
            assert not ctx.get(bench.dut.o.valid)
            bench.offer(ctx, payload)
            assert ctx.get(bench.dut.i.ready) == (not payload["mode_finish"])
            await ctx.tick()
        await ctx.tick().repeat(5)
        assert ctx.get(bench.dut.o.valid) and not ctx.get(bench.dut.i.ready)
        assert ctx.get(bench.dut.o.payload.sums[0]) == 6

    bench.simulator.add_testbench(testbench)
    bench.simulator.run()


@pytest.mark.parametrize("options", [
    {}, {"restart_after_last": True}, {"restart_after_last": True, "registered": False}], ids=str)
@pytest.mark.parametrize("delay", range(12))
def test_reset_in_mid_flight(delay, options):
    """What was on its way is gone, the error too, and the next vector is for pixel 0."""
    spec = AccumulatorsSpec(columns=2, depth=3, sum_width=4, accumulator_width=5, **options)
    lost = traffic.steady_scenario(spec, seed=delay, blocks=4, pixels=4).payloads
    bench = Bench(spec, seed=delay, stall=0.3)

    async def before(ctx):
        ctx.set(bench.dut.o.ready, delay % 2)
        for _ in range(delay):
            bench.offer(ctx, lost[0])
            del lost[:ctx.get(bench.dut.i.ready)]
            await ctx.tick()
        ctx.set(bench.reset, 1)
        await ctx.tick()
        bench.offer(ctx, None)
        assert not ctx.get(bench.dut.o.valid) and not ctx.get(bench.dut.error)
        ctx.set(bench.reset, 0)

    scenario = traffic.random_scenario(spec, seed=4, blocks=20)
    scenario.payloads[0]["first"] = 0
    for result in scenario.expected[:scenario.payloads[0]["mode_finish"]]:
        result["first"] = int(spec.restart_after_last)
    bench.check(scenario, before=before)
