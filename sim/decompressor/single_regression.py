"""The regression of decoders of one codec for one column, as cocotb tests."""

import random

import cocotb
import numpy as np

from sparrow.hw.decode import BitmaskDecoder, CsrDecoder, HuffmanDecoder, RleDecoder
from sparrow.hw.spec import LaneDecoderSpec

from ..report import add_coverage, bench_parameters
from ..streams import PATTERNS
from .crafted import crafted
from .faults import changed, expected_errors, faulty
from .samples import DENSITIES, kinds
from .scenario import random_case
from .single_bench import SingleBench

_DECODERS = {f"{decoder.codec.value}-decoder": decoder
             for decoder in (BitmaskDecoder, CsrDecoder, HuffmanDecoder, RleDecoder)}
_PARAMETERS = bench_parameters()
_DECODER = _DECODERS[_PARAMETERS["block"]]
_SPEC = LaneDecoderSpec.from_mapping(_PARAMETERS["spec"])
_STREAMS = _SPEC.of_codec(_DECODER.codec)
_SEED = _PARAMETERS["seed"]
_BLOCKS = _PARAMETERS["blocks"]
_KINDS = [kind for kind in kinds(_STREAMS)
          if kind.parameters == "none" and not kind.reuse and not kind.mapped]
_NUMBERS = (1000, 0x5555, 0xAAAA)


def _cases(bench, seed, streams, **choices):
    """Streams of every kind in turn."""
    generator, source = np.random.default_rng(seed), random.Random(seed)
    for number in range(streams):
        case = random_case(_STREAMS, generator, _KINDS[number % len(_KINDS)], outputs=1,
                           steps=source.choice((1, 2, 5, 17)), **choices)
        if bench.fits(case):
            yield case


@cocotb.test()
@cocotb.parametrize(patterns=PATTERNS)
async def single_traffic(dut, patterns):
    """Random streams, with words and steps that wait."""
    idle, stall = patterns
    seed = _SEED + PATTERNS.index(patterns)
    bench = SingleBench(dut, _DECODER, _SPEC, idle=idle, stall=stall, seed=seed)
    await bench.reset()
    for case in _cases(bench, seed, max(_BLOCKS, len(_KINDS))):
        await bench.run(case)
    add_coverage(bench.covered)


@cocotb.test()
@cocotb.parametrize(density=[density for density in DENSITIES if density])
async def single_densities(dut, density):
    """Streams of one density."""
    bench = SingleBench(dut, _DECODER, _SPEC, seed=_SEED)
    await bench.reset()
    for case in _cases(bench, _SEED, 2 * len(_KINDS), density=density, style="even"):
        await bench.run(case)
    add_coverage(bench.covered)


@cocotb.test()
async def single_numbers_of_blocks(dut):
    """Streams of so many blocks without values that all bits of their number count."""
    bench = SingleBench(dut, _DECODER, _SPEC, seed=_SEED)
    await bench.reset()
    case = random_case(_STREAMS, np.random.default_rng(_SEED), _KINDS[0], outputs=1, steps=1,
                       density=0)
    each = sum(case.steps)  # of bitmask a step for each mask
    least = await bench.count(case, _NUMBERS[0], each)
    for blocks in _NUMBERS[1:]:
        cycles = await bench.count(case, blocks, each)
        assert cycles == least + (blocks - _NUMBERS[0]) * each, (
            f"{blocks} blocks take {cycles} cycles, {_NUMBERS[0]} of them {least}")


@cocotb.test()
async def single_tables(dut):
    """Full tables, of which all entries are used."""
    bench = SingleBench(dut, _DECODER, _SPEC, seed=_SEED)
    await bench.reset()
    for case in _cases(bench, _SEED, 8 * len(_KINDS), density=1, style="even", full=True):
        await bench.run(case)
    add_coverage(bench.covered)


@cocotb.test()
async def single_crafted(dut):
    """Streams that no encoder would choose."""
    bench = SingleBench(dut, _DECODER, _SPEC, idle="often", seed=_SEED)
    await bench.reset()
    for number in range(8 * _BLOCKS):
        case = crafted(_STREAMS, _KINDS[number % len(_KINDS)], random.Random(_SEED + number))
        if bench.fits(case):
            await bench.run(case)
            bench.covered["crafted streams"] += 1
    add_coverage(bench.covered)


@cocotb.test()
async def single_broken_off(dut):
    """Streams broken off by the start of another one."""
    bench = SingleBench(dut, _DECODER, _SPEC, idle="often", stall="often", seed=_SEED)
    await bench.reset()
    for number, case in enumerate(_cases(bench, _SEED, 24)):
        await bench.run(case, cycles=(1 + number) * (number % 2))
    add_coverage(bench.covered)


@cocotb.test()
@cocotb.parametrize(error=["ENTRY", "COUNT", "RUN", "TRUNCATED"])
async def single_errors(dut, error):
    """Streams with a fault end in its error."""
    bench = SingleBench(dut, _DECODER, _SPEC, idle="often", stall="often", seed=_SEED)
    await bench.reset()
    cases = faulty(_STREAMS, error, seed=_SEED, streams=_BLOCKS, among=_KINDS)
    assert cases or error not in expected_errors(_STREAMS), f"no stream ends in {error}"
    for case in cases:
        if bench.fits(case):
            await bench.run(case)
    add_coverage(bench.covered)


@cocotb.test()
async def single_changed_streams(dut):
    """Streams with random changes, and of arguments that no encoder would choose."""
    bench = SingleBench(dut, _DECODER, _SPEC, idle="often", seed=_SEED)
    await bench.reset()
    for number, case in enumerate(_cases(bench, _SEED, 20 * _BLOCKS)):
        found = changed(_STREAMS, case, seed=_SEED + number, seal=1)
        if bench.fits(found):
            await bench.run(found)
            bench.covered["changed streams"] += 1
    add_coverage(bench.covered)
