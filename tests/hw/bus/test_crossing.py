# amaranth: UnusedElaboratable=no
"""Streams from one clock to another, whatever the two are."""

import itertools
import random

import pytest
from amaranth.hdl import ClockDomain, Module
from amaranth.lib import data
from amaranth.lib.wiring import In, Out
from amaranth.sim import Simulator

from sparrow.hw.bus.crossing import BusCrossing, StreamCrossing
from sparrow.hw.bus.signature import lite_signatures

WORDS = 200
PERIODS = [(10, 10), (10, 3.1), (3.1, 10), (10, 9.7), (10, 47), (1, 1.9)]


def simulate(dut, periods, *benches):
    m = Module()
    m.domains += ClockDomain("a"), ClockDomain("b")
    m.submodules.dut = dut
    simulator = Simulator(m)
    for (domain, period), phase in zip(zip("ab", periods), (0.0, 0.37)):
        simulator.add_clock(period * 1e-9, phase=phase * period * 1e-9, domain=domain)
    for bench in benches:
        simulator.add_testbench(bench)
    simulator.run()


def _limit(periods):
    """Cycles of the first clock in which all words have arrived."""
    return int(10 * WORDS * max(1, periods[1] / periods[0]))


@pytest.mark.parametrize("busy", [(1.0, 1.0), (0.3, 1.0), (1.0, 0.3), (0.6, 0.6)], ids=str)
@pytest.mark.parametrize("periods", PERIODS, ids=str)
def test_words_arrive_in_order(periods, busy):
    dut = StreamCrossing(data.StructLayout({"data": 8, "last": 1}), i_domain="a", o_domain="b")
    chance = random.Random(f"{periods} {busy}")
    values = [chance.randrange(512) for _ in range(WORDS)]
    found = []

    async def send(ctx):
        waiting = list(values)
        for _ in range(_limit(periods)):
            valid = bool(waiting) and (chance.random() <= busy[0] or ctx.get(dut.i.valid))
            ctx.set(dut.i.valid, valid)
            ctx.set(dut.i.payload.as_value(), waiting[0] if valid else 0)
            _, _, ready = await ctx.tick("a").sample(dut.i.ready)
            if valid and ready:
                del waiting[0]
                ctx.set(dut.i.valid, 0)

    async def receive(ctx):
        for _ in range(_limit(periods[::-1])):
            ready = chance.random() <= busy[1]
            ctx.set(dut.o.ready, ready)
            _, _, valid, value = await ctx.tick("b").sample(dut.o.valid, dut.o.payload.as_value())
            if ready and valid:
                found.append(value)

    simulate(dut, periods, send, receive)
    assert found == values


@pytest.mark.parametrize("depth", [4, 8, 16])
def test_holds_as_many_as_it_says(depth):
    dut = StreamCrossing(16, i_domain="a", o_domain="b", depth=depth)
    taken = []

    async def send(ctx):
        ctx.set(dut.i.valid, 1)
        for _ in range(3 * depth):
            _, _, ready = await ctx.tick("a").sample(dut.i.ready)
            taken.append(ready)

    simulate(dut, (10, 7), send)
    assert taken == [1] * depth + [0] * 2 * depth


def test_throughput():
    """With clocks of the same period a word in every cycle."""
    dut = StreamCrossing(16, i_domain="a", o_domain="b")
    valids = []

    async def send(ctx):
        ctx.set(dut.i.valid, 1)
        ctx.set(dut.o.ready, 1)
        for _ in range(100):
            _, _, valid = await ctx.tick("b").sample(dut.o.valid)
            valids.append(valid)

    simulate(dut, (10, 10), send)
    assert all(valids[8:])


class Watched(StreamCrossing):
    """Shows its pointers in Gray code."""

    def _pointer(self, m, name, domain, step):
        pointer = super()._pointer(m, name, domain, step)
        setattr(self, f"{name}_gray", pointer[1])
        return pointer


def test_pointers_in_gray_code():
    """What crosses differs in one bit from one edge to the next: metastability does no harm."""
    dut = Watched(16, i_domain="a", o_domain="b", depth=4)
    seen = []

    async def send(ctx):
        ctx.set(dut.i.valid, 1)
        ctx.set(dut.o.ready, 1)
        for _ in range(60):
            await ctx.tick("a")
            seen.append(ctx.get(dut.written_gray))

    simulate(dut, (10, 7), send)
    assert set(seen) == set(range(8))
    assert all((one ^ other).bit_count() <= 1 for one, other in itertools.pairwise(seen))


def test_channels_of_a_bus():
    dut = BusCrossing(lite_signatures(), inside="a", outside="b")
    members = dut.signature.members
    assert dut.channels == ("aw", "w", "b", "ar", "r")
    assert members["aw"].flow is In
    assert members["inner_aw"].flow is Out
    assert members["r"].flow is Out
    assert members["inner_r"].flow is In


@pytest.mark.parametrize("depth, error, text", [
    (6, ValueError, "depth must be a power of two from 4 to 256, not 6"),
    (2, ValueError, "depth must be an integer from 4 to 256, not 2"),
    ("8", TypeError, "depth must be an integer from 4 to 256, not '8'"),
])
def test_refuses(depth, error, text):
    with pytest.raises(error) as caught:
        StreamCrossing(8, i_domain="a", o_domain="b", depth=depth)
    assert str(caught.value) == text
