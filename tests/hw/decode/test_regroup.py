# amaranth: UnusedElaboratable=no
"""Words of one width from words of another, with stalls."""

import random

import pytest
from amaranth.sim import Simulator

from sparrow.hw.decode.regroup import Regroup
from sparrow.hw.spec.base import SpecError


@pytest.mark.parametrize("input_width, output_width", [(8, 8), (8, 32), (32, 8), (5, 15), (16, 8)])
def test_words_are_joined_or_split(input_width, output_width):
    source = random.Random(input_width)
    regroup = Regroup(input_width=input_width, output_width=output_width)
    words = [source.getrandbits(input_width) for _ in range(60)]
    stream = sum(word << number * input_width for number, word in enumerate(words))
    expected = [stream >> number * output_width & ((1 << output_width) - 1)
                for number in range(60 * input_width // output_width)]
    got = []

    async def bench(ctx):
        waiting = list(words)
        for _ in range(2000):
            ctx.set(regroup.i.valid, bool(waiting) and source.random() < 0.7)
            ctx.set(regroup.i.payload, waiting[0] if waiting else 0)
            ctx.set(regroup.o.ready, source.random() < 0.6)
            if ctx.get(regroup.o.valid) and ctx.get(regroup.o.ready):
                got.append(ctx.get(regroup.o.payload))
            if ctx.get(regroup.i.valid) and ctx.get(regroup.i.ready):
                waiting.pop(0)
            await ctx.tick()

    simulator = Simulator(regroup)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    assert got == expected


def test_refuses_widths_that_dont_divide():
    text = "output_width must be a multiple or a divisor of 8, not 12"
    with pytest.raises(SpecError, match=text):
        Regroup(input_width=8, output_width=12)
