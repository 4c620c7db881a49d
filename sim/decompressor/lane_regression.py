"""The regression of a decompressor's lane, as cocotb tests that a runner starts."""

import random

import cocotb
import numpy as np

from sparrow.hw.spec.decode import DecompressorSpec

from ..report import add_coverage, bench_parameters
from .faults import expected_errors, faulty
from .lane_bench import LaneBench
from .samples import DENSITIES, kinds
from .scenario import random_case

_PARAMETERS = bench_parameters()
_SPEC = DecompressorSpec.from_mapping(_PARAMETERS["spec"] | {"columns": 1})
_SEED = _PARAMETERS["seed"]
_BLOCKS = _PARAMETERS["blocks"]
_KINDS = [kind for kind in kinds(_SPEC)
          if kind.parameters == "none" and not kind.reuse and not kind.mapped]
_CHANCES = [(1, 1), (0.7, 0.7), (0.2, 1), (1, 0.2)]


def _cases(seed, streams, **choices):
    """Streams of every kind in turn."""
    generator = np.random.default_rng(seed)
    source = random.Random(seed)
    for number in range(streams):
        yield random_case(_SPEC, generator, _KINDS[number % len(_KINDS)], outputs=1,
                          steps=source.choice((1, 2, 5, 17)), **choices)


@cocotb.test()
@cocotb.parametrize(chances=_CHANCES)
async def lane_traffic(dut, chances):
    """Random streams, granules that come late, and steps that wait for other lanes."""
    deals, steps = chances
    seed = _SEED + _CHANCES.index(chances)
    bench = LaneBench(dut, _SPEC, deals=deals, steps=steps, seed=seed)
    await bench.reset()
    for case in _cases(seed, max(_BLOCKS, len(_KINDS))):
        await bench.run(case)
    add_coverage(bench.covered)


@cocotb.test()
@cocotb.parametrize(density=DENSITIES)
async def lane_densities(dut, density):
    """Streams of one density."""
    bench = LaneBench(dut, _SPEC, seed=_SEED)
    await bench.reset()
    for case in _cases(_SEED, 2 * len(_KINDS), density=density, style="even"):
        await bench.run(case)
    add_coverage(bench.covered)


@cocotb.test()
async def lane_cleared_in_flight(dut):
    """Streams broken off after some steps; nothing of them is left in the next ones."""
    bench = LaneBench(dut, _SPEC, deals=0.7, steps=0.7, seed=_SEED)
    await bench.reset()
    for number, case in enumerate(_cases(_SEED, 2 * len(_KINDS) + 12)):
        await bench.run(case, steps=1 + number % 12 if number % 2 else 0)
    add_coverage(bench.covered)


@cocotb.test()
@cocotb.parametrize(error=["CODE", "COUNT", "ENTRY", "TRUNCATED"])
async def lane_errors(dut, error):
    """Faults that a lane finds itself."""
    bench = LaneBench(dut, _SPEC, deals=0.7, steps=0.7, seed=_SEED)
    await bench.reset()
    cases = faulty(_SPEC, error, seed=_SEED, streams=min(_BLOCKS, 10), among=_KINDS)
    assert cases or error not in expected_errors(_SPEC), f"no stream ends in {error}"
    for case in cases:
        if case.blocks:  # the fault isn't in the header
            await bench.run(case)
    add_coverage(bench.covered)
