"""The regression of a decompressor, as cocotb tests that a runner starts for a specification."""

import cocotb
import numpy as np

from sparrow.golden.codec import ERRORS
from sparrow.hw.spec.decode import Codec, DecompressorSpec

from ..report import add_coverage, bench_parameters
from ..streams import PATTERNS
from .bench import DecompressorBench
from .faults import expected_errors, faulty, header_flips, maps_beyond, with_blocks
from .fuzz import changed_streams
from .samples import DENSITIES, kinds
from .scenario import every_kind, random_case, random_cases

__all__ = ["changed_streams"]  # and all that is here

_PARAMETERS = bench_parameters()
_SPEC = DecompressorSpec.from_mapping(_PARAMETERS["spec"])
_SEED = _PARAMETERS["seed"]
_BLOCKS = _PARAMETERS["blocks"]
# half of all bits each; few of them where a simulator takes long
_NUMBERS = (1000, 0x5555, 0xAAAA) if "Verilator" in cocotb.SIM_NAME else (10, 0x155, 0x2AA)
_LONG = 120 if "Verilator" in cocotb.SIM_NAME else 30  # blocks
_MOMENTS = [1, 2, 3, 5, 8, 12, 17, 23, 30, 38, 47, 57, 68, 80, 110, 150, 200]


@cocotb.test()
@cocotb.parametrize(patterns=PATTERNS)
async def random_traffic(dut, patterns):
    """Random streams back to back, all combinations of missing words and stalling outputs."""
    idle, stall = patterns
    bench = DecompressorBench(dut, _SPEC, idle=idle, stall=stall, seed=_SEED)
    await bench.reset()
    await bench.run(random_cases(_SPEC, seed=_SEED + PATTERNS.index(patterns), streams=_BLOCKS))
    add_coverage(bench.coverage())


@cocotb.test()
async def kinds_back_to_back(dut):
    """Every codec with every option, in random order and with no gap in between."""
    bench = DecompressorBench(dut, _SPEC, seed=_SEED)
    await bench.reset()
    await bench.run(every_kind(_SPEC, seed=_SEED))
    add_coverage(bench.coverage())


@cocotb.test()
@cocotb.parametrize(density=DENSITIES)
async def densities(dut, density):
    """Streams of one density by each codec; of few weights long ones, whose runs are long, too."""
    bench = DecompressorBench(dut, _SPEC, seed=_SEED)
    random = np.random.default_rng(_SEED)
    await bench.reset()
    plain = [kind for kind in kinds(_SPEC) if kind.parameters == "none" and not kind.reuse]
    steps = _LONG if 0 < density < 0.1 else 7
    await bench.run([random_case(_SPEC, random, kind, outputs=1, steps=steps, density=density,
                                 style="even") for kind in plain])
    add_coverage(bench.coverage())


@cocotb.test()
@cocotb.parametrize(pattern=["always", "often"])
async def reset_in_flight(dut, pattern):
    """Resets and clears at many moments; nothing of a stream is left in the next one."""
    bench = DecompressorBench(dut, _SPEC, idle=pattern, stall=pattern, seed=_SEED)
    await bench.reset()
    for number, cycles in enumerate(_MOMENTS):
        await bench.run(random_cases(_SPEC, seed=_SEED + cycles, streams=8), cycles=cycles)
        await (bench.reset() if number % 2 else bench.clear())
        await bench.run(random_cases(_SPEC, seed=_SEED + 1000 + cycles, streams=1))
    add_coverage(bench.coverage())


@cocotb.test()
async def headers_and_maps(dut):
    """Each bit of the first two words wrong; maps of every length, and ones behind their end."""
    bench = DecompressorBench(dut, _SPEC, seed=_SEED)
    await bench.reset()
    plain = [kind for kind in kinds(_SPEC) if kind.parameters == "none" and not kind.reuse]
    case = random_case(_SPEC, np.random.default_rng(_SEED), plain[0], outputs=1, steps=3)
    mapped = next(kind for kind in plain if kind.mapped)
    for found in [*header_flips(_SPEC, case), *maps_beyond(_SPEC, mapped, seed=_SEED)]:
        if found.code:
            await bench.run_faulty(found)
        else:
            await bench.run([found])
    add_coverage(bench.coverage())


@cocotb.test(skip=not _SPEC.has(Codec.RLE, Codec.HUFFMAN))
async def numbers_of_blocks(dut):
    """Streams of so many blocks without weights that all bits of both their numbers count."""
    bench = DecompressorBench(dut, _SPEC, seed=_SEED)
    await bench.reset()
    kind = next(kind for kind in kinds(_SPEC) if kind.codec in ("rle", "huffman"))
    case = random_case(_SPEC, np.random.default_rng(_SEED), kind, outputs=1, steps=1, density=0)
    least = await bench.count(with_blocks(case, 1, _NUMBERS[0]))
    for number in _NUMBERS:
        for outputs, steps in ((number, 1), (1, number)):
            cycles = await bench.count(with_blocks(case, outputs, steps))
            assert cycles == least + number - _NUMBERS[0], (
                f"{outputs} output blocks of {steps} take {cycles} cycles, 1 of {_NUMBERS[0]} "
                f"takes {least}")


@cocotb.test()
@cocotb.parametrize(error=list(ERRORS))
async def errors(dut, error):
    """Streams with a fault of a kind end in its error; those behind them come out right."""
    bench = DecompressorBench(dut, _SPEC, seed=_SEED)
    await bench.reset()
    cases = faulty(_SPEC, error, seed=_SEED, streams=min(_BLOCKS, 10))
    assert cases or error not in expected_errors(_SPEC), f"no stream ends in {error}"
    for number, case in enumerate(cases):
        await bench.run_faulty(case)
        await bench.run(random_cases(_SPEC, seed=_SEED + number, streams=1))
    add_coverage(bench.coverage())
