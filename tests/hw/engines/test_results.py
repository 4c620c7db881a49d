"""Where results are written: the order of rows, in tiles and without."""

import random

import pytest
from amaranth.sim import Simulator

from sparrow.golden.winograd import result_order
from sparrow.hw.engines.results import ResultLoop
from sparrow.hw.spec.accelerator import AcceleratorSpec


def make_spec(winograd):
    return AcceleratorSpec(lanes=4, columns=4, data_width=32, post_lanes=4, buffer_bytes=4096,
                           precision="int8", winograd=winograd)


def commands(spec, source, count):
    """Random fields of COMPUTE; every other one with ``winograd`` where there is that."""
    for number in range(count):
        height, width = source.randint(1, 9), source.randint(1, 9)
        pitch = width + source.randint(0, 2)
        yield {"winograd": int(spec.winograd_tile and number % 2), "out_height": height,
               "out_width": width, "output_blocks": source.randint(1, 3),
               "destination": source.randint(0, 300), "destination_row": pitch,
               "destination_step": height * pitch + source.randint(0, 5),
               "destination_bank": source.getrandbits(1)}


def expected(spec, values):
    """Bank and row of each result."""
    height, width = values["out_height"], values["out_width"]
    order = [(row, column) for row in range(height) for column in range(width)]
    if values["winograd"]:
        order = result_order(spec.winograd_conv, height, width)
    found = []
    for block in range(values["output_blocks"]):
        bank = values["destination_bank"] + block
        plane = values["destination"] + (bank // 2) * values["destination_step"]
        found += [(bank % 2, plane + row * values["destination_row"] + column)
                  for row, column in order]
    return found


@pytest.mark.parametrize("winograd", ["none", 2, 4])
def test_order(winograd):
    """Commands back to back and apart, results with gaps; ``next_row`` within an output block."""
    spec, source = make_spec(winograd), random.Random(str(winograd))
    loop, given = ResultLoop(spec=spec), list(commands(spec, source, 40))

    async def bench(ctx):
        for values in given:
            while ctx.get(loop.busy):
                await ctx.tick()
            for name, value in values.items():
                if name in loop.command.shape().fields:
                    ctx.set(loop.command[name], value)
            ctx.set(loop.start, 1)
            await ctx.tick()
            ctx.set(loop.start, 0)
            places = expected(spec, values)
            for number, place in enumerate(places):
                while source.random() < 0.2:
                    await ctx.tick()
                assert (ctx.get(loop.bank), ctx.get(loop.row)) == place
                if number + 1 < len(places) and places[number + 1][0] == place[0]:
                    assert ctx.get(loop.next_row) == places[number + 1][1]
                ctx.set(loop.advance, 1)
                assert ctx.get(loop.ends) == (number == len(places) - 1)
                await ctx.tick()
                ctx.set(loop.advance, 0)

    simulator = Simulator(loop)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
