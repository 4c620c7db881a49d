# amaranth: UnusedElaboratable=no
"""The buffer in which room is reserved burst by burst: it never promises too much or too little."""

import random

import pytest
from amaranth.lib import data
from amaranth.sim import Simulator

from sparrow.hw.bus.buffer import BurstBuffer

CYCLES = 1500


@pytest.mark.parametrize("latency", [1, 2])
@pytest.mark.parametrize("words, burst_words", [(2, 1), (5, 1), (4, 4), (7, 3), (32, 8)])
@pytest.mark.parametrize("slow", [0.1, 0.5, 0.8])
def test_room(words, burst_words, slow, latency):
    word = data.StructLayout({"data": 8})
    dut = BurstBuffer(name="queue", word=word, words=words, burst_words=burst_words,
                      read_latency=latency)
    generator = random.Random(words)
    free = words // burst_words
    coming, inside = [], []  # words, and whether they end their bursts

    async def testbench(ctx):
        nonlocal free
        for _ in range(CYCLES):
            assert ctx.get(dut.room) == (free > 0)
            reserve = free > 0 and generator.random() < 0.7
            ctx.set(dut.reserve, reserve)
            put = bool(coming) and generator.random() < 0.8
            ctx.set(dut.i.valid, put)
            if put:
                ctx.set(dut.i.payload, {"word": {"data": coming[0][0]}, "end": coming[0][1]})
                assert ctx.get(dut.i.ready), "no room for what was promised"
            ctx.set(dut.o.ready, generator.random() >= slow)
            _, _, valid, ready, payload = await ctx.tick().sample(
                dut.o.valid, dut.o.ready, dut.o.payload)
            if valid and ready:
                expected, end = inside.pop(0)
                assert payload.data == expected
                free += end
            if put:
                inside.append(coming.pop(0))
            if reserve:
                free -= 1
                length = generator.randint(1, burst_words)
                coming.extend((generator.getrandbits(8), int(place == length - 1))
                              for place in range(length))

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(testbench)
    simulator.run()
