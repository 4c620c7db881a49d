"""The regression of a loop: which rows, requests or steps a command makes, and in which cycle."""

import itertools
import random

import cocotb

from sparrow.hw.spec.accelerator import AcceleratorSpec

from ..report import add_coverage, bench_parameters
from .bench import LoopBench
from .cases import LOOPS

_PARAMETERS = bench_parameters()
_SPEC = AcceleratorSpec.from_mapping(_PARAMETERS["spec"])
_SEED = _PARAMETERS["seed"]
_LOOP = LOOPS[_PARAMETERS["block"]]


@cocotb.test()
@cocotb.parametrize(stall=["always", "often", "bursts"])
async def random_commands(dut, stall):
    """Short loops of every kind, one command after the other, with and without a pause."""
    bench, source = LoopBench(dut, _LOOP, _SPEC, stall=stall, seed=_SEED), random.Random(
        f"{_SEED} {stall}")
    await bench.reset()
    commands = itertools.islice(_LOOP.random_commands(source, _SPEC), _PARAMETERS["blocks"])
    while batch := list(itertools.islice(commands, source.randint(1, 5))):
        await bench.run(*batch)
    add_coverage(bench.covered)


@cocotb.test()
async def wide_fields(dut):
    """Each loop and each step with all bits of its field, the others short; any distances."""
    bench = LoopBench(dut, _LOOP, _SPEC, seed=_SEED)
    await bench.reset()
    commands = list(_LOOP.wide_commands(random.Random(_SEED), _SPEC))
    await bench.run(*commands)
    bench.covered["wide commands"] += len(commands)
    add_coverage(bench.covered)


@cocotb.test()
async def reset_in_flight(dut):
    """A reset ends a command, whatever is left of it."""
    bench, source = LoopBench(dut, _LOOP, _SPEC, stall="often", seed=_SEED), random.Random(_SEED)
    commands, long = (draw(source, _SPEC)
                      for draw in (_LOOP.random_commands, _LOOP.long_commands))
    for cycles in (1, 2, 4, 7):
        await bench.reset()
        await bench.run(next(long), cycles=cycles)
        await bench.reset()
        await bench.idle()
        await bench.run(next(commands))
        bench.covered["resets"] += 1
    add_coverage(bench.covered)
