"""How many cycles streams of every codec and density take, as a cocotb test that measures."""

import cocotb
import numpy as np
from cocotb.clock import Clock

from sparrow.golden.codec import encode_blocks
from sparrow.hw.decode import Decompressor
from sparrow.hw.export import flat_ports
from sparrow.hw.spec.decode import DecompressorSpec

from ..report import add_coverage, bench_parameters
from ..streams import Clocking, StreamDriver, pattern
from .samples import Kind

_PARAMETERS = bench_parameters()
_SPEC = DecompressorSpec.from_mapping(_PARAMETERS["spec"])
_MOST_BLOCKS = 1000
_WEIGHTS = 250  # of a position that aren't zero, if there are enough blocks
_STILL_LIMIT = 200


def _stream(random: np.random.Generator, kind: Kind, density: float):
    """Independent random weights, all values but 0 alike."""
    blocks = min(_MOST_BLOCKS, round(_WEIGHTS / density))
    shape = (1, blocks, 2 if kind.four_bit else 1, _SPEC.lanes, _SPEC.columns)
    limit = 8 if kind.four_bit else 128
    values = random.integers(1, 2 * limit, shape)
    weights = np.where(random.random(shape) < density, values - limit - (values <= limit), 0)
    return encode_blocks(weights.astype(np.int8), kind.codec, four_bit=kind.four_bit,
                         block_map=False, goal="cycles", word_bytes=_SPEC.word_bytes)


@cocotb.test()
async def throughput(dut):
    """Cycles from a stream's first word to its last block; a word is on offer in every cycle."""
    random = np.random.default_rng(_PARAMETERS["seed"])
    ports = flat_ports(Decompressor(spec=_SPEC))
    words = StreamDriver(dut, "words", ports, pattern("always", 0))
    clocking = Clocking(dut, [words])
    dut.clear.value = 0
    for name in ("weights", "parameters", "maps"):
        getattr(dut, f"{name}_ready").value = 1
    Clock(dut.clk, 10, "ns").start()
    await clocking.reset()
    for run in _PARAMETERS["runs"]:
        kind = Kind(run["codec"], run["four_bit"])
        stream = _stream(random, kind, run["density"])
        count = len(stream.data) // _SPEC.word_bytes
        for number in range(count):
            begin = number * _SPEC.word_bytes
            words.send({"data": int.from_bytes(stream.data[begin:begin + _SPEC.word_bytes],
                                               "little"), "last": number == count - 1})
        begun, loads, blocks, still = clocking.cycles, 0, 0, 0
        while blocks < len(stream.steps):
            await clocking.cycle()
            valid = int(dut.weights_valid.value)
            still = 0 if valid else still + 1
            assert still < _STILL_LIMIT, f"no block within {still} cycles of {run}"
            loads += valid
            blocks += valid and int(dut.weights_commit.value)
        cycles = clocking.cycles - begun
        assert loads == stream.steps.sum(), (f"{run} takes {loads} transfers, golden says "
                                             f"{stream.steps.sum()}")
        while words.pending or not int(dut.done.value):
            await clocking.cycle()
            assert int(dut.error.value) == 0, f"error is {int(dut.error.value)}"
        add_coverage({f"{run['name']} {what}": int(count) for what, count in (
            ("cycles", cycles), ("steps", loads), ("words", count), ("blocks", blocks))})
