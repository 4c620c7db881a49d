# amaranth: UnusedElaboratable=no
"""The window against a list of granules: order, ends of streams, fullness, latency."""

import random

import pytest
from amaranth.hdl import Assert
from amaranth.sim import Simulator

from sparrow.hw.decode import window as window_module
from sparrow.hw.decode.window import Window
from sparrow.hw.memory import TwoPortMemory
from sparrow.hw.spec.decode import DecompressorSpec


class HarshMemory(TwoPortMemory):
    """Refuses what a macro might not stand."""

    def elaborate(self, platform):
        m = super().elaborate(platform)
        m.d.sync += Assert(~(self.read_enable & self.write_enable
                             & (self.read_address == self.write_address)), "reads what it writes")
        return m


@pytest.fixture(autouse=True)
def harsh_memory(monkeypatch):
    monkeypatch.setattr(window_module, "TwoPortMemory", HarshMemory)


def check(spec, *, idle, stall, streams=6, longest=60, seed=0):
    """Streams in and granules out, at random; the number of cycles."""
    dut = Window(spec=spec)
    generator = random.Random(seed)
    lengths = [generator.randint(0, longest) for _ in range(streams)]
    words = []
    for length in lengths:
        number = length // spec.granules + 1
        words += [(min(spec.granules, length - place * spec.granules)) for place in range(number)]
    data = [generator.getrandbits(spec.data_width) for _ in words]
    expected, place = [], 0
    for length in lengths:
        number = length // spec.granules + 1
        bits = sum(word << spec.data_width * index
                   for index, word in enumerate(data[place:place + number]))
        expected.append([bits >> 16 * index & 0xFFFF for index in range(length)])
        place += number
    cycles = 0

    async def write(ctx):
        for word, useful in zip(data, words):
            while generator.random() < idle:
                await ctx.tick()
            ctx.set(dut.word, word)
            ctx.set(dut.useful, (1 << useful) - 1)
            while not ctx.get(dut.room):
                await ctx.tick()
            ctx.set(dut.write, 1)
            await ctx.tick()
            ctx.set(dut.write, 0)
            ctx.set(dut.word, generator.getrandbits(spec.data_width))
            ctx.set(dut.useful, generator.getrandbits(spec.granules))

    async def read(ctx):
        nonlocal cycles
        for stream in expected:
            left = list(stream)
            while True:
                base, visible = ctx.get(dut.base), ctx.get(dut.visible)
                count = visible.bit_count()
                order = [(base + index) % spec.window for index in range(count)]
                assert visible == sum(1 << slot for slot in order)
                assert [ctx.get(dut.slots[slot]) for slot in order] == left[:count]
                if ctx.get(dut.complete):
                    assert count == len(left)
                assert ctx.get(dut.ended) == (ctx.get(dut.complete) and not left)
                if ctx.get(dut.ended) and generator.random() >= stall:
                    break
                used = 0 if generator.random() < stall else generator.randint(count // 2, count)
                del left[:used]
                ctx.set(dut.used, used)
                await ctx.tick()
                ctx.set(dut.used, 0)
                cycles += 1
                assert cycles < 5000, "the bench hangs"
            ctx.set(dut.skip, 1)
            await ctx.tick()
            ctx.set(dut.skip, 0)
        assert not ctx.get(dut.visible) and not ctx.get(dut.ended)

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(write)
    simulator.add_testbench(read)
    simulator.run()
    return cycles


@pytest.mark.parametrize("data_width", [32, 64, 128, 256])
@pytest.mark.parametrize(("idle", "stall"), [
    (0, 0), (0.4, 0.4), *(pytest.param(*flow, marks=pytest.mark.heavy)
                          for flow in ((0.6, 0), (0, 0.7)))])
def test_granules_come_in_order_up_to_the_end_of_each_stream(data_width, idle, stall):
    spec = DecompressorSpec(data_width=data_width, fifo_bytes=2 * data_width)
    check(spec, idle=idle, stall=stall, seed=data_width)


def test_short_streams():
    check(DecompressorSpec(fifo_bytes=128), idle=0.2, stall=0.2, streams=60, longest=9)


def test_a_word_per_cycle_passes():
    spec = DecompressorSpec(fifo_bytes=128)
    dut = Window(spec=spec)
    shown = []

    async def bench(ctx):
        ctx.set(dut.useful, 15)
        ctx.set(dut.write, 1)
        for cycle in range(40):
            assert ctx.get(dut.room)
            ctx.set(dut.word, cycle)
            shown.append(ctx.get(dut.visible).bit_count())
            ctx.set(dut.used, shown[-1])
            await ctx.tick()

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    assert shown == [0, 0] + [4] * 38


def test_it_holds_all_but_a_row_of_words_and_forgets_them():
    spec = DecompressorSpec(fifo_bytes=256)
    dut = Window(spec=spec)

    async def bench(ctx):
        ctx.set(dut.useful, 15)
        for _ in range(2):
            count = 0
            ctx.set(dut.write, 1)
            while ctx.get(dut.room):
                count += 1
                await ctx.tick()
            assert count == 28
            ctx.set(dut.write, 0)
            await ctx.tick().repeat(3)
            assert ctx.get(dut.visible) == 0xFFFF
            ctx.set(dut.used, 5)
            await ctx.tick()
            ctx.set(dut.used, 0)
            ctx.set(dut.clear, 1)
            await ctx.tick()
            ctx.set(dut.clear, 0)
            await ctx.tick()
            assert ctx.get(dut.visible) == 0 and ctx.get(dut.base) == 0

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
