"""The regression of the loops of COMPUTE: which vectors meet which weight block."""

import random

import cocotb

from sparrow.hw.control.layout import field_width
from sparrow.hw.engines.steps import StepLoop
from sparrow.hw.spec.accelerator import AcceleratorSpec
from sparrow.hw.spec.commands import Opcode, command

from ..report import add_coverage, bench_parameters
from .bench import LoopBench
from .reference import random_compute, random_window, steps, whole_command

_PARAMETERS = bench_parameters()
_SPEC = AcceleratorSpec.from_mapping(_PARAMETERS["spec"])
_SEED = _PARAMETERS["seed"]
_ROWS = _SPEC.buffer_rows


def _bench(dut, stall):
    return LoopBench(dut, StepLoop(spec=_SPEC), stream="o", stall=stall, seed=_SEED)


async def _execute(bench, values, cycles=None):
    values = whole_command(Opcode.COMPUTE, values)
    await bench.run(Opcode.COMPUTE, values, list(steps(values, _ROWS)), cycles=cycles)


@cocotb.test()
@cocotb.parametrize(stall=["always", "often", "bursts"])
async def random_commands(dut, stall):
    """Short loops of every kind, one command after the other."""
    bench, source = _bench(dut, stall), random.Random(f"{_SEED} {stall}")
    await bench.reset()
    for _ in range(_PARAMETERS["blocks"]):
        await _execute(bench, random_compute(source, _ROWS))
        if _SPEC.window:
            await _execute(bench, random_window(source, _ROWS))
    add_coverage(bench.covered)


@cocotb.test()
async def wide_fields(dut):
    """Each loop and each step with all bits of its field, the others short."""
    bench, source = _bench(dut, "always"), random.Random(_SEED)
    await bench.reset()
    widths = {field.name: field_width(field, _SPEC) for field in command(Opcode.COMPUTE).fields}
    counts = {name: (1 << min(widths[name], 11)) - 1 - number for number, name in enumerate((
        "out_width", "out_height", "kernel_width", "kernel_height", "channel_blocks",
        "output_blocks"))}
    for name, value in counts.items():
        one = dict.fromkeys(counts, 1)
        await _execute(bench, random_compute(source, _ROWS) | one | {name: value})
    for name in ("row_step", "kernel_step", "channel_step", "block_step"):
        await _execute(bench, random_compute(source, _ROWS) | {name: _ROWS - 1})
    wide = {"stride_y": 200, "stride_x": 190, "dilation_y": 255, "dilation_x": 170,
            "height": 600, "width": 500, "pad_top": 255, "pad_left": 254, "kernel_height": 3,
            "kernel_width": 3, "out_height": 4, "out_width": 4}
    for height, width in ((600, 500), (8191, 1), (1, 8191), (1023, 2047)):
        await _execute(bench, random_compute(source, _ROWS)
                       | wide | {"height": height, "width": width})
    add_coverage(bench.covered)


@cocotb.test()
async def reset_in_flight(dut):
    """A reset ends a command, whatever is left of it."""
    bench, source = _bench(dut, "often"), random.Random(_SEED)
    for cycles in (1, 2, 7, 20):
        await bench.reset()
        await _execute(bench, random_compute(source, _ROWS) | {"out_width": 9, "out_height": 9},
                       cycles=cycles)
        await bench.reset()
        for _ in range(20):
            await bench._cycle()
        await _execute(bench, random_compute(source, _ROWS))
    add_coverage(bench.covered)
