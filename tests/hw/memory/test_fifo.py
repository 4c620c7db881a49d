# amaranth: UnusedElaboratable=no
"""The queue of words in a memory: order, fullness, latency, throughput."""

import random

import pytest
from amaranth.hdl import Assert
from amaranth.lib import stream
from amaranth.lib.wiring import In, Out
from amaranth.sim import Simulator

from sparrow.hw.memory import TwoPortMemory, fifo
from sparrow.hw.memory.fifo import StreamFifo

FLOWS = [(0, 0), (0.6, 0), (0, 0.6), (0.4, 0.4)]


class HarshMemory(TwoPortMemory):
    """Refuses what a macro might not stand."""

    def elaborate(self, platform):
        m = super().elaborate(platform)
        m.d.sync += [
            Assert(~self.write_enable | (self.write_address < self.depth), "writes past the end"),
            Assert(~self.read_enable | (self.read_address < self.depth), "reads past the end"),
            Assert(~(self.read_enable & self.write_enable
                     & (self.read_address == self.write_address)), "reads what it writes"),
        ]
        return m


@pytest.fixture(autouse=True)
def harsh_memory(monkeypatch):
    monkeypatch.setattr(fifo, "TwoPortMemory", HarshMemory)


def pass_through(dut, words, *, idle=0.0, stall=0.0, before=0):
    """Send words, ``before`` of them before any is taken; cycles in which they went in and out."""
    generator = random.Random(dut.depth)
    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    taken, received = [], []
    cycle = 0

    async def watch(ctx):
        nonlocal cycle
        offered = None
        while True:
            _, _, put, full, got, ready, payload, level = await ctx.tick().sample(
                dut.i.valid, ~dut.i.ready, dut.o.valid, dut.o.ready, dut.o.payload, dut.level)
            assert level == len(taken) - len(received)
            assert full == (level == dut.depth)
            if offered is not None:
                assert got and payload == offered, "the offer changed before the transfer"
            offered = payload if got and not ready else None
            if put and not full:
                taken.append(cycle)
            if got and ready:
                assert payload == words[len(received)]
                received.append(cycle)
            cycle += 1
            assert cycle < 20_000, "the bench hangs"

    async def send(ctx):
        for word in words:
            while generator.random() < idle:
                ctx.set(dut.i.valid, 0)
                ctx.set(dut.i.payload, generator.getrandbits(dut.width))
                await ctx.tick()
            ctx.set(dut.i.valid, 1)
            ctx.set(dut.i.payload, word)
            ready = False
            while not ready:
                _, _, ready = await ctx.tick().sample(dut.i.ready)
        ctx.set(dut.i.valid, 0)

    async def receive(ctx):
        while len(taken) < before:
            await ctx.tick()
        while len(received) < len(words):
            ctx.set(dut.o.ready, generator.random() >= stall)
            await ctx.tick()
        ctx.set(dut.o.ready, 1)
        for _ in range(10):
            assert not ctx.get(dut.o.valid), "a word too many"
            await ctx.tick()

    simulator.add_process(watch)
    simulator.add_testbench(send)
    simulator.add_testbench(receive)
    simulator.run()
    assert len(received) == len(words)
    return taken, received


@pytest.mark.parametrize("idle, stall", FLOWS)
@pytest.mark.parametrize("latency", [1, 2])
@pytest.mark.parametrize("depth", [2, 3, 4, 7, 16])
def test_keeps_words_in_order(depth, latency, idle, stall):
    generator = random.Random(depth)
    words = [generator.getrandbits(9) for _ in range(200)]
    dut = StreamFifo(name="queue", width=9, depth=depth, read_latency=latency)
    pass_through(dut, words, idle=idle, stall=stall)


@pytest.mark.parametrize("latency", [1, 2])
@pytest.mark.parametrize("depth", [2, 3, 4, 7, 16])
def test_holds_as_many_as_its_depth(depth, latency):
    words = list(range(depth + 5))
    dut = StreamFifo(name="queue", width=8, depth=depth, read_latency=latency)
    pass_through(dut, words, before=depth)


@pytest.mark.parametrize("latency", [1, 2])
def test_latency(latency):
    dut = StreamFifo(name="queue", width=8, depth=4, read_latency=latency)
    taken, received = pass_through(dut, [5])
    assert received[0] - taken[0] == 1 + latency


@pytest.mark.parametrize("depth, latency, cycles", [
    (2, 1, 148), (3, 1, 99), (4, 1, 99), (16, 1, 99),
    (2, 2, 197), (3, 2, 132), (4, 2, 99), (16, 2, 99)])
def test_throughput(depth, latency, cycles):
    dut = StreamFifo(name="queue", width=8, depth=depth, read_latency=latency)
    _, received = pass_through(dut, list(range(100)))
    assert received[-1] - received[0] == cycles


def test_interface():
    dut = StreamFifo(name="queue", width=8, depth=5)
    assert (dut.name, dut.width, dut.depth) == ("queue", 8, 5)
    assert dict(dut.signature.members) == {
        "i": In(stream.Signature(8)), "o": Out(stream.Signature(8)), "level": Out(range(6))}


@pytest.mark.parametrize("changes, error, text", [
    ({"name": 3}, TypeError, "name must be a string, not 3"),
    ({"name": "2x"}, ValueError,
     "name must be a letter, then letters, digits and underscores, not '2x'"),
    ({"depth": 1}, ValueError, "depth must be an integer from 2 to 1048576, not 1"),
    ({"depth": 2.0}, TypeError, "depth must be an integer from 2 to 1048576, not 2.0"),
    ({"width": 0}, ValueError, "width must be an integer from 1 to 65536, not 0"),
    ({"read_latency": 3}, ValueError, "read_latency must be an integer from 1 to 2, not 3"),
])
def test_refuses(changes, error, text):
    with pytest.raises(error) as caught:
        StreamFifo(**{"name": "queue", "width": 8, "depth": 4} | changes)
    assert str(caught.value) == text
