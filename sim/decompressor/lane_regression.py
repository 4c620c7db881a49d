"""The regression of a decompressor's lane, as cocotb tests that a runner starts."""

import random

import cocotb
import numpy as np

from sparrow.golden.codec import ERRORS, read_header
from sparrow.hw.spec.decode import DecompressorSpec

from ..report import add_coverage, bench_parameters
from .crafted import CRAFTED, crafted
from .faults import changed, expected_errors, faulty
from .lane_bench import LaneBench
from .samples import DENSITIES, kinds
from .scenario import random_case

_PARAMETERS = bench_parameters()
_SPEC = DecompressorSpec.from_mapping(_PARAMETERS["spec"] | {"columns": 1})
_SEED = _PARAMETERS["seed"]
_BLOCKS = _PARAMETERS["blocks"]
_KINDS = [kind for kind in kinds(_SPEC)
          if kind.parameters == "none" and not kind.reuse and not kind.mapped]
_LANES_ERRORS = [ERRORS[name] for name in ("COUNT", "ENTRY", "RUN", "TRUNCATED")]
_CHANCES = [(1, 1), (0.7, 0.7), (0.2, 1), (1, 0.2)]


def _cases(seed, streams, **choices):
    """Streams of every kind in turn."""
    generator = np.random.default_rng(seed)
    source = random.Random(seed)
    for number in range(streams):
        yield random_case(_SPEC, generator, _KINDS[number % len(_KINDS)], outputs=1,
                          steps=source.choice((1, 2, 5, 17)), lean=source.random() < 0.3,
                          **choices)


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
async def lane_tables(dut):
    """Full tables, of which all entries are used."""
    bench = LaneBench(dut, _SPEC, seed=_SEED)
    await bench.reset()
    for case in _cases(_SEED, 4 * len(_KINDS), density=1, style="even", full=True):
        await bench.run(case)
    add_coverage(bench.covered)


@cocotb.test()
async def lane_crafted(dut):
    """Streams that no encoder would choose."""
    bench = LaneBench(dut, _SPEC, deals=0.7, seed=_SEED)
    await bench.reset()
    chosen = [kind for kind in _KINDS if kind.codec in CRAFTED]
    for number in range(20 * _BLOCKS if chosen else 0):
        case = crafted(_SPEC, chosen[number % len(chosen)], random.Random(_SEED + number))
        if _is_lanes(case):
            await bench.run(case)
            bench.covered["crafted streams"] += 1
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
@cocotb.parametrize(error=["COUNT", "ENTRY", "TRUNCATED"])
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


@cocotb.test()
async def lane_changed_streams(dut):
    """Streams with random changes, and of arguments that no encoder would choose."""
    bench = LaneBench(dut, _SPEC, deals=0.7, steps=0.7, seed=_SEED)
    await bench.reset()
    for number, case in enumerate(_cases(_SEED, 30 * _BLOCKS)):
        found = changed(_SPEC, case, seed=_SEED + number, seal=1)
        if _is_lanes(found):
            await bench.run(found)
            bench.covered["changed streams"] += 1
    add_coverage(bench.covered)


def _is_lanes(case):
    """Whether a stream has no map or parameters, and no fault but those of lanes."""
    if case.code not in (0, *_LANES_ERRORS) or not case.blocks:
        return False
    header = read_header(case.data, lanes=_SPEC.lanes)
    return not (header.map or header.parameters.bias_bits or header.reuse) and (
        2 * header.granules <= len(case.data) - 4)
