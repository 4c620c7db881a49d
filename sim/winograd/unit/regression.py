"""The regression of the unit for Winograd convolution, as cocotb tests."""

import math

import cocotb

from sparrow.golden.winograd import ConvLayer
from sparrow.hw.spec.winograd import WinogradConvSpec

from ...report import add_coverage, bench_parameters
from .bench import ALWAYS, WinogradConvBench
from .counting import count_cycles
from .samples import STYLES, Source
from .scenario import random_scenarios, scenario_of

_PARAMETERS = bench_parameters()
_SPEC = WinogradConvSpec.from_mapping(_PARAMETERS["spec"])
_SEED = _PARAMETERS["seed"]
_BLOCKS = _PARAMETERS["blocks"]
# of passes, weights, parameters and results
_PATTERNS = [ALWAYS, ("often",) * 4, ("bursts",) * 4, ("alternate",) * 4,
             ("always", "seldom", "always", "always"), ("seldom", "always", "seldom", "often"),
             ("always", "always", "always", "seldom"), ("bursts", "always", "always", "bursts")]


@cocotb.test()
@cocotb.parametrize(patterns=_PATTERNS)
async def random_layers(dut, patterns):
    """Random layers back to back, all combinations of idle inputs and a stalling output."""
    bench = WinogradConvBench(dut, _SPEC, patterns=patterns, seed=_SEED)
    await bench.reset()
    source = Source(_SPEC, _SEED + _PATTERNS.index(patterns))
    for scenario in random_scenarios(source, blocks=_BLOCKS):
        await bench.run(scenario)
    add_coverage(bench.coverage())


@cocotb.test()
async def extreme_layers(dut):
    """Every style of weights and activations, as dense as it is, with the padding at its ends."""
    bench = WinogradConvBench(dut, _SPEC, seed=_SEED)
    await bench.reset()
    for number, style in enumerate(STYLES):
        source = Source(_SPEC, _SEED + number)
        for scenario in random_scenarios(source, blocks=1, style=style):
            await bench.run(scenario)
    add_coverage(bench.coverage())


@cocotb.test()
async def layers_one_by_one(dut):
    """All results come without a further pass, to one who waits for them to be offered."""
    bench = WinogradConvBench(dut, _SPEC, patient=True, seed=_SEED)
    await bench.reset()
    source = Source(_SPEC, _SEED)
    for size in ((1, 1), (1, 3), (4, 1), (3, 4)):
        layer = ConvLayer(height=size[0], width=size[1], padding=(1, 1, 1, 1),
                          in_channels=_SPEC.lanes, out_channels=_SPEC.columns)
        await bench.run(scenario_of(source, [source.sample(layer=layer)]))
    add_coverage(bench.coverage())


@cocotb.test()
async def reset_in_flight(dut):
    """Resets at many moments; nothing of the layers before is left in what follows."""
    bench = WinogradConvBench(dut, _SPEC, patterns=("often",) * 4, seed=_SEED)
    source = Source(_SPEC, _SEED)
    layer = ConvLayer(height=3, width=3, padding=(1, 1, 1, 1), in_channels=_SPEC.lanes,
                      out_channels=_SPEC.columns)
    block = _SPEC.transform.positions * _SPEC.lanes
    moments = [1, 3, 10, 30, *(block * part // 3 for part in range(1, 10)), 4 * block + 50]
    for cycles in moments:
        await bench.reset()
        await bench.run(scenario_of(source, [source.sample()]), cycles=cycles)
        await bench.reset()
        await bench.run(scenario_of(source, [source.sample(layer=layer)]))
    add_coverage(bench.coverage())


@cocotb.test()
@cocotb.parametrize(blocks=[(1, 1), (3, 2)], size=[(2, 3), (8, 7)])
async def exact_cycles(dut, blocks, size):
    """A layer of dense kernels takes the cycles that are predicted."""
    bench = WinogradConvBench(dut, _SPEC, seed=_SEED)
    width = min(size[1], _SPEC.rows // blocks[0])
    await count_cycles(bench, Source(_SPEC, _SEED), planned=True, layer=ConvLayer(
        height=min(size[0], _SPEC.rows // blocks[0] // width), width=width, padding=(1, 1, 1, 1),
        in_channels=blocks[0] * _SPEC.lanes, out_channels=blocks[1] * _SPEC.columns))
    add_coverage(bench.coverage())


@cocotb.test()
async def exact_cycles_of_any(dut):
    """So do layers in passes of any size."""
    bench = WinogradConvBench(dut, _SPEC, seed=_SEED)
    source = Source(_SPEC, _SEED)
    for _ in range(6):
        await count_cycles(bench, source, planned=False)
    add_coverage(bench.coverage())


@cocotb.test()
@cocotb.parametrize(blocks=[(1, 1), (2, 1), (3, 2)])
async def full_passes(dut, blocks):
    """Two passes of as many tiles as there may be, of an image that fits the memory."""
    bench = WinogradConvBench(dut, _SPEC, seed=_SEED)
    across = max(number for number in range(1, math.isqrt(_SPEC.tiles) + 1)
                 if _SPEC.tiles % number == 0)
    width = across * _SPEC.tile
    height = 2 * _SPEC.tiles // across * _SPEC.tile
    rows = _SPEC.rows // blocks[0]
    size = (min(height, rows // min(width, rows)), min(width, rows))
    around = height + 2 - size[0], width + 2 - size[1]
    await count_cycles(bench, Source(_SPEC, _SEED), planned=True, layer=ConvLayer(
        height=size[0], width=size[1],
        padding=(around[0] // 2, around[1] // 2, -(-around[0] // 2), -(-around[1] // 2)),
        in_channels=blocks[0] * _SPEC.lanes, out_channels=blocks[1] * _SPEC.columns))
    assert bench.covered["full passes"] == 2
    add_coverage(bench.coverage())
