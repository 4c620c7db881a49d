"""Loops of commands in Amaranth's simulator."""

import random

import pytest
from amaranth.sim import Simulator

from sparrow.hw.spec.accelerator import AcceleratorSpec


@pytest.fixture
def small_spec():
    """An accelerator with buffers of 64 rows."""
    return AcceleratorSpec(lanes=4, columns=4, data_width=32, post_lanes=2, buffer_bytes=256,
                           weight_fifo_bytes=1024, accumulator_depth=64)


@pytest.fixture
def walk():
    """Starts a loop with a command and collects what it puts out, with stalls in between."""
    def run(loop, values, *, seed, begin, sample, limit=100_000):
        random_stall = random.Random(seed)
        collected = []

        async def bench(ctx):
            ctx.set(loop.command, values)
            ctx.set(loop.start, 1)
            await ctx.tick()
            ctx.set(loop.start, 0)
            for _ in range(limit):
                moves = seed is None or random_stall.random() < 0.7
                valid = begin(ctx, moves)
                if not valid:
                    return
                if moves:
                    collected.append(sample(ctx))
                await ctx.tick()
            raise AssertionError(f"the loop hasn't ended after {limit} cycles")

        simulator = Simulator(loop)
        simulator.add_clock(1e-6)
        simulator.add_testbench(bench)
        simulator.run()
        return collected
    return run
