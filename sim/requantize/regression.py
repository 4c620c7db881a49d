"""The regression of a requantizer, as cocotb tests that a runner starts for a specification."""

import itertools

import cocotb

from sparrow.hw.spec.requantize import RequantizeSpec

from ..report import add_coverage, bench_parameters
from .bench import RequantizeBench, latency
from .scenario import (
    corner_scenario,
    exhaustive_scenario,
    faulty_scenario,
    random_scenario,
    steady_scenario,
    stray_columns,
)

_PARAMETERS = bench_parameters()
_SPEC = RequantizeSpec.from_mapping(_PARAMETERS["spec"])
_SEED = _PARAMETERS["seed"]
_BLOCKS = _PARAMETERS["blocks"]
# of sums, parameters and values
_PATTERNS = [("always", "always", "always"), ("often", "often", "often"),
             ("seldom", "always", "always"), ("always", "seldom", "seldom"),
             ("bursts", "bursts", "bursts"), ("alternate", "alternate", "alternate")]
# around the first set's commit, its first vector's steps and their way out, and beyond
_RESETS = sorted({1, 2, _SPEC.columns // 2 + 1,
                  *range(_SPEC.columns, _SPEC.columns + 5),
                  *range(_SPEC.columns + _SPEC.steps, _SPEC.columns + _SPEC.steps + 5),
                  2 * _SPEC.columns + 2, 3 * _SPEC.columns + 5 * _SPEC.steps})


@cocotb.test()
@cocotb.parametrize(patterns=_PATTERNS)
async def random_traffic(dut, patterns):
    """Random tensors, all combinations of idle inputs and a stalling output."""
    idle, waiting, stall = patterns
    bench = RequantizeBench(dut, _SPEC, idle=idle, waiting=waiting, stall=stall, seed=_SEED)
    await bench.reset()
    await bench.run(random_scenario(_SPEC, seed=_SEED + _PATTERNS.index(patterns),
                                    blocks=_BLOCKS))
    add_coverage(bench.coverage())


@cocotb.test()
async def corner_operands(dut):
    """Every shift with extreme mantissas and sums, ties, and both limits."""
    bench = RequantizeBench(dut, _SPEC, seed=_SEED)
    await bench.reset()
    await bench.run(corner_scenario(_SPEC, seed=_SEED))
    add_coverage(bench.coverage())


@cocotb.test()
async def errors(dut):
    """Columns that aren't there and limits the wrong way round are reported, until a reset.

    Whatever else there is comes out right.
    """
    bench = RequantizeBench(dut, _SPEC, idle="often", waiting="often", stall="often", seed=_SEED)
    strays = 0.1 if stray_columns(_SPEC) else 0
    for number, (strayed, crossed) in enumerate(((strays, 0), (0, 0.3), (strays, 0.3))):
        await bench.reset()
        await bench.run(faulty_scenario(_SPEC, seed=_SEED + number, blocks=_BLOCKS,
                                        strays=strayed, crossed=crossed))
        await bench.reset()
        await bench.run(random_scenario(_SPEC, seed=_SEED + number, blocks=2))
    add_coverage(bench.coverage())


@cocotb.test()
@cocotb.parametrize(pattern=["always", "often"])
async def reset_in_flight(dut, pattern):
    """Resets at many moments; nothing of what was loaded before is left in what follows."""
    bench = RequantizeBench(dut, _SPEC, idle=pattern, waiting=pattern, stall=pattern, seed=_SEED)
    strays = 0.1 if stray_columns(_SPEC) else 0
    for cycles in _RESETS:
        await bench.reset()
        await bench.run(faulty_scenario(_SPEC, seed=_SEED + cycles, blocks=8, strays=strays,
                                        crossed=0.1), cycles=cycles)
        await bench.reset()
        await bench.run(random_scenario(_SPEC, seed=_SEED + cycles, blocks=2))
    add_coverage(bench.coverage())


@cocotb.test()
@cocotb.parametrize(length=[1, 2, 7])
async def exact_cycles(dut, length):
    """Parameters, vectors and values move in the cycles that are documented, and in no others.

    A tensor takes its steps, or as long as the next set needs, a cycle to begin included.
    """
    blocks = 6
    bench = RequantizeBench(dut, _SPEC, seed=_SEED)
    await bench.reset()
    await bench.run(steady_scenario(_SPEC, seed=_SEED, blocks=blocks, length=length))
    start = bench.parameters.taken_at[0]
    columns, steps = _SPEC.columns, _SPEC.steps
    begun = [start + columns + number * max(length * steps, columns + 1)
             for number in range(blocks)]
    sets = [start, *(cycle + 1 for cycle in begun[:-1])]
    vectors = [cycle + (position + 1) * steps - 1 for cycle in begun for position in range(length)]
    for name, cycles, expected in (
            ("parameters", bench.parameters.taken_at,
             [cycle + column for cycle in sets for column in range(columns)]),
            ("i", bench.sums.taken_at, vectors),
            ("o", bench.received_at, [cycle + latency(_SPEC) for cycle in vectors])):
        for number, (is_, should) in enumerate(zip(cycles, expected, strict=True)):
            assert is_ == should, (f"transfer {number} on {name} is in cycle {is_ - start}, "
                                   f"documented is {should - start}")
    add_coverage(bench.coverage())


@cocotb.test()
@cocotb.parametrize(stall=["always", "alternate", "seldom", "bursts"])
async def sustained_throughput(dut, stall):
    """Nothing but a stalling output costs a vector more than its steps, set changes included."""
    blocks, length = 5, _SPEC.lanes + 1
    bench = RequantizeBench(dut, _SPEC, stall=stall, seed=_SEED)
    await bench.reset()
    await bench.run(steady_scenario(_SPEC, seed=_SEED, blocks=blocks, length=length))
    moved = bench.moved_at
    gaps = {late - early for early, late in itertools.pairwise(moved)}
    assert gaps == {_SPEC.steps}, (f"a vector takes {sorted(gaps)} cycles that don't stand still, "
                                   f"documented are {_SPEC.steps}")
    add_coverage(bench.coverage() | {"vectors at full speed": len(moved)})


@cocotb.test(skip=not _PARAMETERS["exhaustive"]
             or _SPEC.accumulator_width + _SPEC.mantissa_width + _SPEC.shift_width > 16)
async def every_operand(dut):
    """Every sum with every mantissa and shift, for narrow ones."""
    bench = RequantizeBench(dut, _SPEC, seed=_SEED)
    await bench.reset()
    await bench.run(exhaustive_scenario(_SPEC))
    add_coverage(bench.coverage())
