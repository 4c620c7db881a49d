# amaranth: UnusedElaboratable=no
"""One lane against golden: every operand of a tiny specification, corner cases of wide ones."""

import itertools
import random

import pytest
import torch
from amaranth.sim import Simulator

from sparrow.golden.post import requantize
from sparrow.hw.post import Lane
from sparrow.hw.spec.requantize import RequantizeSpec, Rounding

LATENCY = 3


def expected(spec, operands, tensor):
    """What golden makes of (sum, mantissa, shift): each its own column."""
    columns = torch.tensor(operands).T
    values = []
    for start in range(0, len(operands), 64):
        acc, mantissa, shift = columns[:, start:start + 64]
        values += requantize(spec.replace(columns=len(acc), lanes=1), acc, mantissa, shift,
                             *tensor).tolist()
    return values


def run(spec, operands, tensor, hold=0.0):
    """What the lane makes of them; ``hold`` is the share of cycles in which it doesn't advance."""
    dut = Lane(spec=spec)
    generator = random.Random(1)
    values = []

    async def testbench(ctx):
        ctx.set(dut.advance, 1)
        ctx.set(dut.tensor, dict(zip(("zero_point", "minimum", "maximum"), tensor)))
        for acc, mantissa, shift in operands + operands[-1:] * LATENCY:
            ctx.set(dut.sum, acc)
            ctx.set(dut.scale, {"mantissa": mantissa, "shift": shift})
            while hold and generator.random() < hold:
                ctx.set(dut.advance, 0)
                value = ctx.get(dut.value)
                await ctx.tick()
                assert ctx.get(dut.value) == value
                ctx.set(dut.advance, 1)
            _, _, value = await ctx.tick().sample(dut.value)
            values.append(value)

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(testbench)
    simulator.run()
    return values[LATENCY:]


@pytest.mark.parametrize("rounding, tensor", [
    ("half_up", (-3, -8, 6)), ("half_even", (2, -7, 7))])
def test_every_operand_of_a_tiny_specification(rounding, tensor):
    spec = RequantizeSpec(columns=1, lanes=1, accumulator_width=8, mantissa_width=4,
                          shift_width=4, output_width=4, rounding=rounding)
    operands = list(itertools.product(range(-128, 128), range(16), range(16)))
    assert run(spec, operands, tensor) == expected(spec, operands, tensor)


def around(values, low, high):
    """The values, their negatives and their neighbours, as far as they are in range."""
    near = {sign * value + offset for value in values for sign in (-1, 1)
            for offset in (-1, 0, 1)}
    return sorted(value for value in near if low <= value <= high)


@pytest.mark.parametrize("numbers", [
    {},
    {"rounding": "half_even"},
    {"mantissa_width": 31, "output_width": 16},
    {"mantissa_width": 31, "output_width": 16, "rounding": "half_even"},
    {"mantissa_width": 31, "shift_width": 5, "rounding": "tflite"},
    {"mantissa_width": 31, "shift_width": 5, "rounding": "tflite", "output_width": 16},
], ids=str)
def test_corner_cases(numbers):  # with ``*``; sim.requantize has them for Booth rows, too
    """Every shift with corner sums and mantissas, among them ties of every shift."""
    spec = RequantizeSpec(columns=1, lanes=1, multiplier="operator", **numbers)
    generator = random.Random(2)
    sums = around([0, 3, *(2**bit for bit in (7, 15, 24, 30, 31))], -2**31, 2**31 - 1)
    mantissas = around([0, 3, spec.maximum_mantissa // 2, spec.maximum_mantissa], 0,
                       spec.maximum_mantissa)
    operands = [(acc, mantissa, shift) for shift in range(spec.maximum_shift + 1)
                for acc in sums for mantissa in generator.sample(mantissas, 3)]
    ties = [(odd << shift - 1, shift) for shift in range(1, min(spec.maximum_shift, 27) + 1)
            for odd in (-7, -5, -3, -1, 1, 3, 5, 7)]
    if spec.rounding is Rounding.TFLITE:  # a mantissa of 2^30 halves
        operands += [(2 * acc, 2**30, shift) for acc, shift in ties]
    else:
        operands += [(acc, 1, shift) for acc, shift in ties]
    operands += [(generator.randrange(-2**31, 2**31), generator.randint(0, spec.maximum_mantissa),
                  generator.randint(0, spec.maximum_shift)) for _ in range(1000)]
    tensor = (5, spec.output_minimum, spec.output_maximum)
    values = expected(spec, operands, tensor)
    assert {spec.output_minimum, spec.output_maximum, 4, 5, 6} <= set(values)
    assert run(spec, operands, tensor) == values


@pytest.mark.parametrize("width", [8, 12])
def test_shifts_wider_than_the_sum(width):
    """What is shifted out of a narrow sum are copies of its sign: that counts, too."""
    spec = RequantizeSpec(columns=1, lanes=1, accumulator_width=width, mantissa_width=31,
                          shift_width=5, rounding="tflite")
    sums = (-1 << (width - 1), 1 - (1 << (width - 1)), -2, -1, 0, 1, (1 << (width - 1)) - 1)
    operands = [(acc, mantissa, shift) for acc in sums for shift in range(32)
                for mantissa in (2**30, 2**31 - 2, 2**31 - 1)]
    tensor = (7, -128, 127)
    assert run(spec, operands, tensor) == expected(spec, operands, tensor)


def test_keeps_its_registers_without_advance():
    spec = RequantizeSpec()
    generator = random.Random(3)
    operands = [(generator.randrange(-2**20, 2**20), generator.randrange(2**16),
                 generator.randrange(20, 40)) for _ in range(200)]
    assert run(spec, operands, (0, -100, 100), hold=0.5) == expected(spec, operands,
                                                                     (0, -100, 100))


def test_lanes_of_different_requantizers_are_equal_modules():
    one, other = (Lane(spec=RequantizeSpec(columns=columns, lanes=lanes))
                  for columns, lanes in ((16, 8), (3, 1)))
    assert one.parameters == other.parameters
    assert one.parameters == Lane(spec=RequantizeSpec(bias=True, collect=False)).parameters
    assert one.parameters != Lane(spec=RequantizeSpec(output_width=4)).parameters
    assert one.spec.columns == 16


def test_refuses_what_is_no_specification():
    with pytest.raises(TypeError) as caught:
        Lane(spec=16)
    assert str(caught.value) == "spec must be a RequantizeSpec, not 16"
