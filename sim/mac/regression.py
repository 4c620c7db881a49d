"""The regression of a MAC array, as cocotb tests that a runner starts for a specification."""


import cocotb

from sparrow.golden.mac.cycles import latency, run_cycles
from sparrow.hw.spec.mac import Dataflow, MacArraySpec, Precision

from ..report import add_coverage, bench_parameters
from ..streams import PATTERNS
from .bench import MacArrayBench
from .scenario import exhaustive_scenario, random_scenario, steady_scenario

_PARAMETERS = bench_parameters()
_SPEC = MacArraySpec.from_mapping(_PARAMETERS["spec"])
_SEED = _PARAMETERS["seed"]
_BLOCKS = _PARAMETERS["blocks"]
_FULL_SPEED = 3 * _SPEC.lanes + _SPEC.columns + 3  # long enough for every kind of array


@cocotb.test()
@cocotb.parametrize(patterns=PATTERNS)
async def random_traffic(dut, patterns):
    """Random blocks and operands, all combinations of idle inputs and a stalling output."""
    idle, stall = patterns
    bench = MacArrayBench(dut, _SPEC, idle=idle, stall=stall, seed=_SEED)
    await bench.reset()
    await bench.run(random_scenario(_SPEC, seed=_SEED + PATTERNS.index(patterns), blocks=_BLOCKS))
    add_coverage(bench.coverage())


@cocotb.test()
async def patient_consumer(dut):
    """Sums come out even if nobody is ready for them before."""
    bench = MacArrayBench(dut, _SPEC, idle="often", patient=True, seed=_SEED)
    await bench.reset()
    await bench.run(random_scenario(_SPEC, seed=_SEED, blocks=_BLOCKS))
    add_coverage(bench.coverage())


@cocotb.test()
async def adversarial_operands(dut):
    """Smallest and largest operands everywhere, and those whose Booth digits are all ones."""
    bench = MacArrayBench(dut, _SPEC, seed=_SEED)
    for styles in (("lowest", "highest", "extremes", "zero", "one_hot"), ("alternating",)):
        await bench.reset()
        await bench.run(random_scenario(_SPEC, seed=_SEED, blocks=_BLOCKS, styles=styles))
    add_coverage(bench.coverage())


@cocotb.test()
async def reset_in_flight(dut):
    """Resets at many moments; nothing of what was loaded before is left in what follows."""
    bench = MacArrayBench(dut, _SPEC, idle="often", stall="often", seed=_SEED)
    for cycles in (1, 2, 3, 5, 8, 13, 21, 34, 55, _SPEC.lanes + _SPEC.columns):
        await bench.reset()
        await bench.run(random_scenario(_SPEC, seed=_SEED + cycles, blocks=30,
                                        styles=("random",)), cycles=cycles)
        await bench.reset()
        await bench.run(random_scenario(_SPEC, seed=_SEED + cycles, blocks=2,
                                        styles=("sparse", "one_hot", "zero")))
    add_coverage(bench.coverage())


@cocotb.test()
@cocotb.parametrize(length=[1, 2, _FULL_SPEED])
async def exact_cycles(dut, length):
    """Latency and run time are what golden says; long blocks follow each other with no gap."""
    blocks = 4
    bench = MacArrayBench(dut, _SPEC, seed=_SEED)
    await bench.reset()
    await bench.run(steady_scenario(_SPEC, seed=_SEED, blocks=blocks, length=length))
    output = _SPEC.dataflow is Dataflow.OUTPUT_STATIONARY
    first = bench.received_at[0] - bench.moving.taken_at[length - 1 if output else 0]
    assert first == latency(_SPEC), f"latency is {first} cycles, golden says {latency(_SPEC)}"
    total = bench.received_at[-1] - bench.stationary.taken_at[0] + 1
    expected = run_cycles(_SPEC, blocks=blocks, length=length)
    assert total == expected, f"{blocks} blocks take {total} cycles, golden says {expected}"
    if length == _FULL_SPEED:
        gaps = blocks * length - 1 - (bench.moving.taken_at[-1] - bench.moving.taken_at[0])
        assert gaps == 0, "vectors wait between blocks"
        add_coverage({"blocks at full speed": blocks})
    add_coverage(bench.coverage())


@cocotb.test(skip=_SPEC.activation_width + _SPEC.weight_width > 16 or not _PARAMETERS["exhaustive"])
async def every_product(dut):
    """All pairs of operands, in each precision."""
    modes = {Precision.INT4: (True,), Precision.INT8_INT4: (False, True)}
    bench = MacArrayBench(dut, _SPEC, seed=_SEED)
    for int4 in modes.get(_SPEC.precision, (False,)):
        await bench.reset()
        await bench.run(exhaustive_scenario(_SPEC, int4=int4))
    add_coverage(bench.coverage())
