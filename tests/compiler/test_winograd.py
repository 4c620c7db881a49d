"""Winograd's algorithm in programs: what takes it, and that the functional twin gives the same."""

import random

import pytest

from sparrow.compiler import CompileError, compile_network
from sparrow.golden.accelerator import MachineError
from sparrow.golden.accelerator.compute import check_compute
from sparrow.hw.spec import SpecError
from sparrow.hw.spec.commands import Opcode, command, decode, encode, tiles
from sparrow.sim.accelerator.random_networks import tiled_network

CHANGES = {"precision": "int8", "winograd": 2, "winograd_tiles": 6, "accumulator_depth": 64}
TILES = [2, 4]


def commands(program):
    """The COMPUTE commands of a program, and those of WEIGHTS."""
    found = {Opcode.COMPUTE: [], Opcode.WEIGHTS: []}
    for start in range(0, len(program.program_bytes), 64):
        kind, values = decode(program.program_bytes[start:start + 64])
        if kind.opcode is Opcode.END:
            return found[Opcode.COMPUTE], found[Opcode.WEIGHTS]
        found.get(kind.opcode, []).append(values)
    raise AssertionError


def conv(tools, channels=8, size=8, **options):
    builder = tools.Builder((channels, size, size))
    builder.conv("input", 8, padding=options.pop("padding", (1, 1, 1, 1)), **options)
    return builder.network()


@pytest.mark.parametrize("tile", TILES)
@pytest.mark.parametrize("seeds", [range(8), pytest.param(range(8, 300),
                                                           marks=pytest.mark.heavy)],
                         ids=["few", "many"])
def test_random_networks(tools, winograd_wherever, seeds, tile):
    """In commands of few tiles and many, at edges and alone."""
    spec, done, sizes = tools.small_spec(**CHANGES | {"winograd": tile}), 0, set()
    for seed in seeds:
        network = tiled_network(random.Random(seed).randint)
        try:
            program = tools.check(network, spec, tools.images(network, 1)[0][None],
                                  orders=("eager", "lazy", 1), keep_all=seed % 2,
                                  residency=seed % 3, fusion=seed % 5)
        except CompileError:
            continue
        done += 1
        sizes |= {(values["out_height"], values["out_width"]) for values in commands(program)[0]
                  if values["winograd"]}
    assert done >= 0.6 * len(seeds)
    assert len(sizes) > 5 and max(map(max, sizes)) > 6


@pytest.mark.parametrize("tile", TILES)
def test_what_is_faster_is_chosen(tools, tile):
    """A convolution of many pixels takes it, one of a single pixel doesn't."""
    spec = tools.small_spec(**CHANGES | {"winograd_tiles": 32, "winograd": tile})
    large, small = (compile_network(conv(tools, 16, size), spec) for size in (16, 1))
    assert all(values["winograd"] for found in commands(large) for values in found)
    assert not any(values["winograd"] for found in commands(small) for values in found)
    plain = compile_network(conv(tools, 16, 16), spec.replace(winograd="none"))
    assert large.cycles < 0.6 * plain.cycles


@pytest.mark.parametrize("options", [
    {"kernel": (1, 1), "padding": (0,) * 4}, {"kernel": (5, 5)}, {"kernel": (3, 1)},
    {"stride": (2, 2)}, {"stride": (1, 2)}, {"dilation": (2, 2), "padding": (2,) * 4},
    {"groups": 2}, {"groups": 8}], ids=str)
def test_other_convolutions_run_as_before(tools, winograd_wherever, options):
    network = conv(tools, **options)
    program = tools.check(network, tools.small_spec(**CHANGES), tools.images(network, 1)[0][None])
    assert not any(values["winograd"] for found in commands(program) for values in found)


@pytest.mark.parametrize("tile", TILES)
def test_tiles_fit_the_accelerator(tools, winograd_wherever, tile):
    spec = tools.small_spec(**CHANGES | {"winograd": tile})
    program = compile_network(conv(tools, 4, 15), spec)
    assert {tiles(values, tile) for values in commands(program)[0]} <= set(range(1, 7))


FIELDS = {"winograd": 1, "height": 2, "width": 2, "channel_blocks": 1, "output_blocks": 1,
          "out_height": 2, "out_width": 2, "stride_y": 1, "stride_x": 1, "kernel_height": 3,
          "kernel_width": 3, "dilation_y": 1, "dilation_x": 1, "pad_top": 1, "pad_left": 1}


@pytest.mark.parametrize("changes, code, text", [
    ({"kernel_height": 2}, "ILLEGAL_COMMAND", "kernel_height must be 3 with winograd, not 2"),
    ({"stride_x": 2}, "ILLEGAL_COMMAND", "stride_x must be 1 with winograd, not 2"),
    ({"maximum": 1}, "ILLEGAL_COMMAND", "maximum must be 0 with winograd, not 1"),
    ({"block_step": 4}, "ILLEGAL_COMMAND", "block_step must be 0 with winograd, not 4"),
    ({"out_height": 5, "out_width": 5}, "ACCUMULATORS", "tiles must be at most 6 with winograd, "
     "not 9")])
def test_illegal_commands(tools, changes, code, text):
    """The machine refuses them by name."""
    spec = tools.small_spec(**CHANGES)
    _, values = decode(encode(Opcode.COMPUTE, **FIELDS | changes), **spec.field_sizes)
    with pytest.raises(MachineError, match=text) as info:
        check_compute(spec, values)
    assert info.value.code == code


def test_without_it_the_bit_is_illegal(tools):
    program = encode(Opcode.COMPUTE, **FIELDS)
    sizes = tools.small_spec().field_sizes
    with pytest.raises(SpecError, match="winograd of COMPUTE must be below 1, not 1"):
        decode(program, **sizes)
    assert decode(program, **tools.small_spec(**CHANGES).field_sizes)[0] is command(Opcode.COMPUTE)


@pytest.mark.parametrize("changes, text", [
    ({"winograd": 3}, "winograd must be one of 'none', '2', '4', not '3'"),
    ({"winograd": 2, "precision": "int8_int4"},
     "precision must be 'int8' with winograd, not 'int8_int4'"),
    ({"winograd": 2, "precision": "int8", "memory_latency": 2},
     "memory_latency must be 1 with winograd, not 2"),
    ({"winograd_tiles": 1}, "winograd_tiles must be an integer from 2 to 256, not 1")])
def test_refused_specifications(tools, changes, text):
    with pytest.raises(SpecError, match=text):
        tools.small_spec(**changes)
