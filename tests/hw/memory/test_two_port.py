# amaranth: UnusedElaboratable=no
"""The memory with a port to write and a port to read."""

import pytest
from amaranth.sim import Simulator

from sparrow.hw.memory import TwoPortMemory


@pytest.mark.parametrize("latency", [1, 2])
@pytest.mark.parametrize("depth, width, parts", [(1, 3, 1), (2, 1, 2), (5, 7, 3), (8, 4, 1)])
def test_writes_parts_and_holds_what_it_read(depth, width, parts, latency):
    dut = TwoPortMemory(name="memory", depth=depth, width=width, parts=parts, read_latency=latency)

    def row(address):
        return sum((address + 3 * part) % 2**width << part * width for part in range(parts))

    async def testbench(ctx):
        for part in range(parts):
            for address in range(depth):
                ctx.set(dut.write_enable, 1 << part)
                ctx.set(dut.write_address, address)
                mask = (2**width - 1) << part * width  # the other parts get noise
                ctx.set(dut.write_data, row(address) & mask | ~row(address + 1) & ~mask)
                await ctx.tick()
        ctx.set(dut.write_enable, 0)
        ctx.set(dut.write_data, -1)
        await ctx.tick()
        for address in range(depth):
            ctx.set(dut.read_enable, 1)
            ctx.set(dut.read_address, address)
            await ctx.tick()
            assert ctx.get(dut.read_data) == row(address) or latency == 2
            ctx.set(dut.read_enable, 0)
            ctx.set(dut.read_address, depth - 1 - address)
            for _ in range(2):
                await ctx.tick()
                assert ctx.get(dut.read_data) == row(address)
        for address in range(depth + 2):  # one in each cycle
            if address >= latency:
                assert ctx.get(dut.read_data) == row(min(address - latency, depth - 1))
            ctx.set(dut.read_enable, address < depth)
            ctx.set(dut.read_address, min(address, depth - 1))
            await ctx.tick()

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(testbench)
    simulator.run()


def test_properties():
    memory = TwoPortMemory(name="scales", depth=5, width=6, parts=2)
    assert (memory.name, memory.depth, memory.width, memory.parts) == ("scales", 5, 6, 2)
    assert memory.read_latency == 1
    assert memory.parameters == ("scales", 5, 6, 2, 1)
    assert memory.module_name == "scales"
    assert memory.address_width == 3
    assert memory.separate_name == "sparrow_ram_1r1w_5x12_be2"
    assert TwoPortMemory(name="m", depth=512, width=256).separate_name == "sparrow_ram_1r1w_512x256"
    assert TwoPortMemory(name="m", depth=5, width=6, parts=2, read_latency=2).separate_name == (
        "sparrow_ram_1r1w_5x12_be2_l2")


@pytest.mark.parametrize("depth, width", [(1, 1), (2, 1), (3, 2), (4, 2), (5, 3), (512, 9)])
def test_address_width(depth, width):
    assert TwoPortMemory(name="m", depth=depth, width=1).address_width == width


@pytest.mark.parametrize("changes, error, text", [
    ({"name": 3}, TypeError, "name must be a string, not 3"),
    ({"name": "2x"}, ValueError,
     "name must be a letter, then letters, digits and underscores, not '2x'"),
    ({"name": "a.b"}, ValueError,
     "name must be a letter, then letters, digits and underscores, not 'a.b'"),
    ({"depth": 0}, ValueError, "depth must be an integer from 1 to 1048576, not 0"),
    ({"depth": 2.0}, TypeError, "depth must be an integer from 1 to 1048576, not 2.0"),
    ({"width": 65537}, ValueError, "width must be an integer from 1 to 65536, not 65537"),
    ({"parts": 65}, ValueError, "parts must be an integer from 1 to 64, not 65"),
    ({"parts": True}, TypeError, "parts must be an integer from 1 to 64, not True"),
])
def test_refuses(changes, error, text):
    with pytest.raises(error) as caught:
        TwoPortMemory(**{"name": "memory", "depth": 4, "width": 8, "parts": 1} | changes)
    assert str(caught.value) == text
