# amaranth: UnusedElaboratable=no
"""The AXI4-Lite slave: reads, writes, answers, in whatever order and pace they come."""

import random

import pytest
from amaranth.hdl import Module, Value
from amaranth.sim import Simulator

from sparrow.hw.bus import LiteSlave

OKAY, SLAVE_ERROR = 0, 2
FLOWS = [(0, 0), (0.7, 0), (0, 0.7), (0.5, 0.5)]


class Bench:
    """A slave in front of words that are three times their address; the upper half is unmapped."""

    def __init__(self, *, idle=0.0, stall=0.0):
        self.dut = LiteSlave()
        self.idle, self.stall = idle, stall
        self.generator = random.Random(1)
        self.writes = []  # cycle, address, data, strobe
        self.cycle = 0
        m = Module()
        m.submodules.dut = self.dut
        m.d.comb += [self.dut.read_data.eq(self.dut.address * 3),
                     self.dut.unmapped.eq(self.dut.address[9])]
        self.simulator = Simulator(m)
        self.simulator.add_clock(1e-6)
        self.simulator.add_process(self.watch)

    async def watch(self, ctx):
        dut, offered = self.dut, [None, None]
        while True:
            _, _, write, address, word, strobe, *rest = await ctx.tick().sample(
                dut.write, dut.address, dut.write_data, dut.write_strobe,
                dut.b.valid, dut.b.ready, Value.cast(dut.b.payload),
                dut.r.valid, dut.r.ready, Value.cast(dut.r.payload))
            if write:
                self.writes.append((self.cycle, address, word, strobe))
            for channel, (valid, ready, bits) in enumerate((rest[:3], rest[3:])):
                assert offered[channel] in (None, bits if valid else "nothing")
                offered[channel] = bits if valid and not ready else None
            self.cycle += 1
            assert self.cycle < 20_000, "the bench hangs"

    def offer(self, channel, payloads, cycles=None):
        """A test bench that sends payloads on a channel."""
        port = getattr(self.dut, channel)

        async def sender(ctx):
            for payload in payloads:
                while self.generator.random() < self.idle:
                    ctx.set(port.valid, 0)
                    await ctx.tick()
                ctx.set(port.valid, 1)
                ctx.set(port.payload, payload)
                ready = False
                while not ready:
                    _, _, ready = await ctx.tick().sample(port.ready)
                if cycles is not None:
                    cycles.append(self.cycle - 1)
            ctx.set(port.valid, 0)
        return sender

    def take(self, channel, count, found, cycles=None):
        """A test bench that takes payloads from a channel; then there may be no more."""
        port = getattr(self.dut, channel)

        async def receiver(ctx):
            while len(found) < count:
                ctx.set(port.ready, self.generator.random() >= self.stall)
                _, _, valid, ready, payload = await ctx.tick().sample(
                    port.valid, port.ready, port.payload)
                if valid and ready:
                    found.append(payload)
                    if cycles is not None:
                        cycles.append(self.cycle - 1)
            ctx.set(port.ready, 0)
            for _ in range(20):
                assert not ctx.get(port.valid), "an answer too many"
                await ctx.tick()
        return receiver

    def run(self, *testbenches):
        for testbench in testbenches:
            self.simulator.add_testbench(testbench)
        self.simulator.run()


@pytest.mark.parametrize("idle, stall", FLOWS)
def test_accesses(idle, stall):
    bench = Bench(idle=idle, stall=stall)
    generator = random.Random(2)
    places = [[generator.randrange(4096) for _ in range(100)] for _ in range(2)]
    words = [{"data": generator.getrandbits(32), "strb": generator.getrandbits(4)}
             for _ in range(100)]
    answers, found = [], []
    bench.run(bench.offer("aw", [{"addr": place} for place in places[0]]),
              bench.offer("w", words), bench.take("b", 100, answers),
              bench.offer("ar", [{"addr": place} for place in places[1]]),
              bench.take("r", 100, found))
    assert [tuple(write[1:]) for write in bench.writes] == [
        (place >> 2, word["data"], word["strb"]) for place, word in zip(places[0], words)]
    assert [answer.resp for answer in answers] == [
        SLAVE_ERROR if place >> 11 else OKAY for place in places[0]]
    assert [(word.data, word.resp) for word in found] == [
        ((place >> 2) * 3, SLAVE_ERROR if place >> 11 else OKAY) for place in places[1]]


@pytest.mark.parametrize("late", ["aw", "w"])
def test_address_and_data_of_a_write_wait_for_each_other(late):
    bench = Bench()
    early = {"aw": "w", "w": "aw"}[late]
    payloads = {"aw": {"addr": 12}, "w": {"data": 7, "strb": 15}}
    answers = []

    async def later(ctx):
        await ctx.tick().repeat(20)
        assert not bench.writes
        await bench.offer(late, [payloads[late]])(ctx)

    bench.run(bench.offer(early, [payloads[early]]), later, bench.take("b", 1, answers))
    assert [write[1:] for write in bench.writes] == [(3, 7, 15)]


def test_latency_and_throughput():
    bench = Bench()
    cycles = {channel: [] for channel in ("aw", "b", "ar", "r")}
    bench.run(bench.offer("aw", [{"addr": 0}] * 20, cycles["aw"]),
              bench.offer("w", [{"data": 0, "strb": 15}] * 20),
              bench.take("b", 20, [], cycles["b"]),
              bench.offer("ar", [{"addr": 0}] * 20, cycles["ar"]),
              bench.take("r", 20, [], cycles["r"]))
    for address, answer in (("aw", "b"), ("ar", "r")):
        assert [after - before for before, after in zip(cycles[address], cycles[answer])] == [
            1] * 20
        assert cycles[address][-1] - cycles[address][0] == 38
