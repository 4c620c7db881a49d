# amaranth: UnusedElaboratable=no
"""Exact division by small constants, as a circuit."""

import pytest
from amaranth.sim import Simulator

from sparrow.hw.winograd.division import ExactDivision


@pytest.mark.parametrize("divisor, width", [(3, 9), (9, 9), (9, 4), (5, 7), (3, 2), (9, 2)])
def test_every_number(divisor, width):
    dut = ExactDivision(divisor, width)

    async def drive(ctx):
        for dividend in range(1 << width):
            ctx.set(dut.dividend, dividend)
            await ctx.delay(1e-9)
            assert ctx.get(dut.quotient) * divisor % (1 << width) == dividend

    simulator = Simulator(dut)
    simulator.add_testbench(drive)
    simulator.run()


@pytest.mark.parametrize("divisor", [0, 1, 2, 4, 7])
def test_refused(divisor):
    with pytest.raises(ValueError) as error:
        ExactDivision(divisor, 8)
    assert str(error.value) == f"divisor must be a power of two and one, not {divisor}"
