"""Whose turn is next, for all states of a few clients."""

import pytest
from amaranth.hdl import Module, Signal
from amaranth.sim import Simulator

from sparrow.hw.bus.turns import next_in_turn, number_of, pick


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_turns(count):
    m = Module()
    chosen, candidates, following = Signal(count), Signal(count), Signal(count)
    number, value = Signal(4), Signal(8)
    m.d.comb += [following.eq(next_in_turn(chosen, candidates)), number.eq(number_of(chosen)),
                 value.eq(pick(chosen, [Signal(8, init=17 * place + 3) for place in range(count)]))]

    async def testbench(ctx):
        for holder in range(count):
            ctx.set(chosen, 1 << holder)
            assert ctx.get(number) == holder
            assert ctx.get(value) == 17 * holder + 3
            for mask in range(1 << count):
                ctx.set(candidates, mask)
                order = [(holder + 1 + step) % count for step in range(count)]
                expected = next((1 << place for place in order if mask >> place & 1), 0)
                assert ctx.get(following) == expected

    simulator = Simulator(m)
    simulator.add_testbench(testbench)
    simulator.run()
