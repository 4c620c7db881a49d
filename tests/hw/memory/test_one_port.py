# amaranth: UnusedElaboratable=no
"""Memories of one port, alone and by turns."""

import random

import pytest
from amaranth.sim import Simulator

from sparrow.hw.memory import AlternatingMemory, OnePortMemory


def simulate(dut, testbench):
    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(testbench)
    simulator.run()


@pytest.mark.parametrize("depth, latency", [(1, 1), (2, 1), (5, 1), (5, 2)])
def test_writes_reads_and_holds(depth, latency):
    dut = OnePortMemory(name="memory", depth=depth, width=8, read_latency=latency)

    async def testbench(ctx):
        ctx.set(dut.enable, 1)
        ctx.set(dut.write, 1)
        for row in range(depth):
            ctx.set(dut.address, row)
            ctx.set(dut.write_data, 3 * row + 1)
            await ctx.tick()
        ctx.set(dut.write, 0)
        for row in range(depth):
            ctx.set(dut.address, row)
            await ctx.tick()
            if row >= latency - 1:
                assert ctx.get(dut.read_data) == 3 * (row - latency + 1) + 1
        for write, enable in ((0, 0), (1, 0), (1, 1)):  # nothing that reads
            ctx.set(dut.write, write)
            ctx.set(dut.enable, enable)
            ctx.set(dut.address, 0)
            ctx.set(dut.write_data, 77)
            await ctx.tick()
            assert ctx.get(dut.read_data) == 3 * (depth - 1) + 1

    simulate(dut, testbench)


@pytest.mark.parametrize("depth, select, latency", [
    (2, 0, 1), (3, 0, 1), (8, 0, 1), (4, 1, 2), (7, 1, 2), (9, 1, 1)])
def test_turns(depth, select, latency):
    dut = AlternatingMemory(name="memory", depth=depth, width=8, select=select,
                            read_latency=latency)
    chance = random.Random(depth)
    rows = [None] * depth

    async def testbench(ctx):
        expected = [None] * latency
        for _ in range(400):
            write = chance.randrange(depth) if chance.random() < 0.7 else None
            read = chance.randrange(depth) if chance.random() < 0.7 else None
            if (None not in (write, read) and (write ^ read) >> select & 1 == 0) or (
                    read is not None and rows[read] is None):
                read = None
            value = chance.randrange(256)
            ctx.set(dut.write_enable, write is not None)
            ctx.set(dut.write_address, write or 0)
            ctx.set(dut.write_data, value)
            ctx.set(dut.read_enable, read is not None)
            ctx.set(dut.read_address, read or 0)
            await ctx.tick()
            expected = expected[1:] + [expected[-1] if read is None else rows[read]]
            if write is not None:
                rows[write] = value
            if expected[0] is not None:
                assert ctx.get(dut.read_data) == expected[0]

    simulate(dut, testbench)


def test_names():
    memory = OnePortMemory(name="sums", depth=256, width=512)
    assert (memory.depth, memory.width, memory.address_width) == (256, 512, 8)
    assert memory.parameters == ("sums", 256, 512, 1)
    assert memory.separate_name == "sparrow_ram_1rw_256x512"
    memory = OnePortMemory(name="sums", depth=256, width=512, read_latency=2)
    assert memory.separate_name == "sparrow_ram_1rw_256x512_l2"


@pytest.mark.parametrize("kind, values, text", [
    (OnePortMemory, {"depth": 0, "width": 1}, "depth must be an integer from 1 to 1048576, not 0"),
    (OnePortMemory, {"depth": 4, "width": 0}, "width must be an integer from 1 to 65536, not 0"),
    (AlternatingMemory, {"depth": 1, "width": 1},
     "depth must be an integer from 2 to 1048576, not 1"),
    (AlternatingMemory, {"depth": 3, "width": 1, "select": 1},
     "depth must be an integer from 4 to 1048576, not 3"),
    (OnePortMemory, {"depth": 3, "width": 1, "read_latency": 3},
     "read_latency must be an integer from 1 to 2, not 3"),
])
def test_refuses(kind, values, text):
    with pytest.raises(ValueError) as caught:
        kind(name="memory", **values)
    assert str(caught.value) == text
