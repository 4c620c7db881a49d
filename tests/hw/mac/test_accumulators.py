# amaranth: UnusedElaboratable=no
"""The accumulators against golden, their throughput, their reset, their reports of errors."""

import pytest
import torch

from sparrow.golden.mac.accumulators import Block
from sparrow.hw.mac import accumulators
from sparrow.hw.spec.mac import AccumulatorsSpec
from sparrow.sim.accumulators import scenario as traffic

from .bench import Bench, HarshMemory

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
    "subtracted": {"columns": 2, "depth": 3, "sum_width": 4, "accumulator_width": 6,
                   "subtracted": True},
    "subtracted, unregistered": {"columns": 2, "depth": 4, "sum_width": 5, "accumulator_width": 5,
                                 "overflow": False, "restart_after_last": True,
                                 "registered": False, "subtracted": True},
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
    "single port": {"columns": 2, "depth": 6, "sum_width": 9, "accumulator_width": 18,
                    "restart_after_last": True, "registered": False, "maximum": True,
                    "single_port": True},
    "single port, odd": {"columns": 1, "depth": 3, "sum_width": 4, "accumulator_width": 7,
                         "restart_after_last": True, "registered": False, "single_port": True},
    "single port, two pixels": {"columns": 1, "depth": 2, "sum_width": 4, "single_port": True,
                                "accumulator_width": 7, "restart_after_last": True,
                                "registered": False},
    "default": {"columns": 16, "depth": 512, "sum_width": 20, "accumulator_width": 32},
}
FLOWS = [(0, 0), (0.4, 0.4),
         *(pytest.param(*flow, marks=pytest.mark.heavy) for flow in ((0.6, 0), (0, 0.6)))]


@pytest.fixture(autouse=True)
def harsh_memory(monkeypatch):
    monkeypatch.setattr(accumulators, "TwoPortMemory", HarshMemory)


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


def test_every_subtraction():
    spec = AccumulatorsSpec(columns=4, depth=7, sum_width=4, accumulator_width=6, subtracted=True)
    scenario = traffic.exhaustive_scenario(spec)
    assert scenario.covered["pairs of accumulator and subtracted sum"] == 1 << 10
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
    length = pixels + (not spec.registered and pixels == 1)
    assert bench.taken == [bench.taken[0] + block * length + pixel
                           for block in range(20) for pixel in range(pixels)]
    assert bench.received == [cycle + latency for cycle in bench.taken]
    assert spec.latency == latency


@pytest.mark.parametrize("depth, pixels", [(2, 1), (2, 2), (3, 3), (8, 3), (8, 4), (9, 7), (9, 9)])
def test_single_port_takes_turns(depth, pixels):
    """A memory never reads and writes at a time: an odd number of pixels costs a cycle."""
    spec = AccumulatorsSpec(columns=2, depth=depth, sum_width=6, accumulator_width=9,
                            restart_after_last=True, registered=False, single_port=True)
    bench = Bench(spec)
    bench.check(traffic.steady_scenario(spec, seed=3, blocks=20, pixels=pixels))
    length = pixels + pixels % 2
    assert bench.taken == [bench.taken[0] + block * length + pixel
                           for block in range(20) for pixel in range(pixels)]
    assert bench.received == bench.taken


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
