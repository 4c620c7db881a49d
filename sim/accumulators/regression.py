"""The regression of accumulators, as cocotb tests that a runner starts for a specification."""

import cocotb

from sparrow.hw.spec.mac import AccumulatorsSpec

from ..report import add_coverage, bench_parameters
from ..streams import PATTERNS
from .bench import AccumulatorsBench
from .scenario import (
    exhaustive_scenario,
    overflow_scenario,
    overflow_steps,
    random_scenario,
    steady_scenario,
)

_PARAMETERS = bench_parameters()
_SPEC = AccumulatorsSpec.from_mapping(_PARAMETERS["spec"])
_SEED = _PARAMETERS["seed"]
_BLOCKS = _PARAMETERS["blocks"]


@cocotb.test()
@cocotb.parametrize(patterns=PATTERNS)
async def random_traffic(dut, patterns):
    """Random passes and sums, all combinations of an idle input and a stalling output."""
    idle, stall = patterns
    bench = AccumulatorsBench(dut, _SPEC, idle=idle, stall=stall, seed=_SEED)
    await bench.reset()
    await bench.run(random_scenario(_SPEC, seed=_SEED + PATTERNS.index(patterns),
                                    blocks=_BLOCKS))
    add_coverage(bench.coverage())


@cocotb.test()
async def vectors_past_the_last_pixel(dut):
    """Too many vectors are reported, and touch no accumulator."""
    bench = AccumulatorsBench(dut, _SPEC, idle="often", stall="often", seed=_SEED)
    await bench.reset()
    await bench.run(random_scenario(_SPEC, seed=_SEED, blocks=_BLOCKS, past=True))
    await bench.reset()
    await bench.run(steady_scenario(_SPEC, seed=_SEED, blocks=3, pixels=_SPEC.depth + 2))
    await bench.reset()
    await bench.run(random_scenario(_SPEC, seed=_SEED, blocks=3))
    add_coverage(bench.coverage())


@cocotb.test(skip=overflow_steps(_SPEC) > 1 << 13)
@cocotb.parametrize(lowest=[False, True])
async def overflow(dut, lowest):
    """Both ends of the accumulators, where they can be reached in reasonable time."""
    bench = AccumulatorsBench(dut, _SPEC, seed=_SEED)
    await bench.reset()
    await bench.run(overflow_scenario(_SPEC, lowest=lowest))
    add_coverage(bench.coverage())


@cocotb.test()
async def reset_in_flight(dut):
    """Resets at many moments; what follows is right."""
    bench = AccumulatorsBench(dut, _SPEC, idle="often", stall="often", seed=_SEED)
    for cycles in (1, 2, 3, 4, 5, 6, 7, 8, 13, 21, 34, 55):
        await bench.reset()
        await bench.run(random_scenario(_SPEC, seed=_SEED + cycles, blocks=30, past=True),
                        cycles=cycles)
    await bench.reset()
    await bench.run(random_scenario(_SPEC, seed=_SEED, blocks=5))
    add_coverage(bench.coverage())


@cocotb.test()
@cocotb.parametrize(pixels=[1, 2, 3, 7])
async def sustained_throughput(dut, pixels):
    """One vector per cycle across blocks of any length, exactly as long as documented.

    Without a result register, blocks of one pixel take two cycles, and with memories of one port
    all blocks of an odd number of pixels one more.
    """
    pixels, blocks = min(pixels, _SPEC.depth), 12
    bench = AccumulatorsBench(dut, _SPEC, seed=_SEED)
    await bench.reset()
    await bench.run(steady_scenario(_SPEC, seed=_SEED, blocks=blocks, pixels=pixels))
    taken, received = bench.arriving.taken_at, bench.received_at
    waits = pixels % 2 if _SPEC.single_port else pixels == 1 and not _SPEC.registered
    assert taken == [taken[0] + block * (pixels + waits) + pixel for block in range(blocks)
                     for pixel in range(pixels)], "vectors had to wait"
    latencies = {out - in_ for in_, out in zip(taken, received, strict=True)}
    assert latencies == {_SPEC.latency}, f"latencies are {latencies}, must be {_SPEC.latency}"
    add_coverage(bench.coverage() | {"vectors at full speed": blocks * pixels})


@cocotb.test(skip=not _PARAMETERS["exhaustive"]
             or _SPEC.accumulator_width + _SPEC.sum_width > 14
             or _SPEC.accumulator_width - _SPEC.sum_width > 3)
async def every_addition(dut):
    """Every sum on every value of an accumulator, for narrow ones."""
    bench = AccumulatorsBench(dut, _SPEC, seed=_SEED)
    await bench.reset()
    await bench.run(exhaustive_scenario(_SPEC))
    add_coverage(bench.coverage())
