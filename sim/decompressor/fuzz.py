"""Streams with random changes through a decompressor, as a cocotb test."""

import cocotb

from sparrow.hw.spec.decode import DecompressorSpec

from ..report import add_coverage, bench_parameters
from .bench import DecompressorBench
from .faults import changed
from .scenario import random_cases

_PARAMETERS = bench_parameters()
_SPEC = DecompressorSpec.from_mapping(_PARAMETERS["spec"])
_SEED = _PARAMETERS["seed"]
_BLOCKS = _PARAMETERS["blocks"]
_CHANGED = 5  # times that each stream is changed


@cocotb.test()
@cocotb.parametrize(pattern=["always", "often"])
async def changed_streams(dut, pattern):
    """Streams with random changes end as golden says: in the right weights, or in the error.

    With each of the two patterns 5 for each block of a random scenario.
    """
    bench = DecompressorBench(dut, _SPEC, idle=pattern, stall=pattern, seed=_SEED)
    await bench.reset()
    cases = random_cases(_SPEC, seed=_SEED, streams=_BLOCKS)
    for number in range(_CHANGED * _BLOCKS):
        seed = 2 * (_SEED + number) + (pattern == "often")
        case = changed(_SPEC, cases[number % _BLOCKS], seed=seed)
        bench.covered["changed streams"] += 1
        if case.code:
            await bench.run_faulty(case)
        else:
            await bench.run([case])
    add_coverage(bench.coverage())
