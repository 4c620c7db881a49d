"""The regression of the transforms, as cocotb tests that a runner starts for a specification."""

import cocotb

from sparrow.hw.spec.winograd import WinogradSpec

from ..report import add_coverage, bench_parameters
from ..streams import PATTERNS
from .bench import WinogradBench
from .scenario import KINDS, extreme_scenario, random_scenario

_PARAMETERS = bench_parameters()
_KIND = KINDS[_PARAMETERS["block"]](WinogradSpec.from_mapping(_PARAMETERS["spec"]))
_SEED = _PARAMETERS["seed"]
_TILES = _PARAMETERS["blocks"]


@cocotb.test()
@cocotb.parametrize(patterns=PATTERNS)
async def random_traffic(dut, patterns):
    """Random tiles, all combinations of an idle input and a stalling output."""
    idle, stall = patterns
    bench = WinogradBench(dut, _KIND, idle=idle, stall=stall, seed=_SEED)
    await bench.reset()
    await bench.run(random_scenario(_KIND, seed=_SEED + PATTERNS.index(patterns), tiles=_TILES))
    add_coverage(bench.coverage())


@cocotb.test()
async def extreme_tiles(dut):
    """Every output at its largest and smallest, in every element."""
    bench = WinogradBench(dut, _KIND, seed=_SEED)
    await bench.reset()
    await bench.run(extreme_scenario(_KIND))
    add_coverage(bench.coverage())


@cocotb.test()
async def tiles_one_by_one(dut):
    """All outputs come without a further tile, to one who waits for them to be offered."""
    bench = WinogradBench(dut, _KIND, patient=True, seed=_SEED)
    await bench.reset()
    for number in range(4):
        await bench.run(random_scenario(_KIND, seed=_SEED + number, tiles=1))
    add_coverage(bench.coverage())


@cocotb.test()
async def reset_in_flight(dut):
    """Resets at many moments; nothing of the tiles before is left in what follows."""
    bench = WinogradBench(dut, _KIND, idle="often", stall="often", seed=_SEED)
    for cycles in (1, 2, 3, 4, 5, 6, 7, 8, 13, 21, 34, 55, 89):
        await bench.reset()
        await bench.run(random_scenario(_KIND, seed=_SEED + cycles, tiles=6), cycles=cycles)
        await bench.reset()
        await bench.run(random_scenario(_KIND, seed=_SEED, tiles=2))
    add_coverage(bench.coverage())


@cocotb.test()
async def exact_cycles(dut):
    """The first output after the documented latency; a side that has as many vectors as a tile
    has products never waits."""
    tiles, spec, block = 8, _KIND.spec, _KIND.block
    bench = WinogradBench(dut, _KIND, seed=_SEED)
    await bench.reset()
    await bench.run(random_scenario(_KIND, seed=_SEED, tiles=tiles))
    taken, received = bench.vectors.taken_at, bench.received_at
    latency = received[0] - taken[0]
    assert latency == block.latency, f"latency is {latency}, documented is {block.latency}"
    for name, cycles in (("i", taken), ("o", received)):
        last = cycles[-1] - cycles[0] + 1
        if len(cycles) == tiles * spec.positions:
            assert last == len(cycles), f"{len(cycles)} transfers on {name} take {last} cycles"
    add_coverage(bench.coverage() | {"tiles at full speed": tiles})
