"""Winograd's algorithm on a small accelerator: random networks, bit for bit."""

import random

import numpy as np
import pytest

from sparrow.compiler import CompileError, compile_network
from sparrow.compiler.predict import Timing
from sparrow.flow.blocks import block
from sparrow.golden.accelerator import Machine, MachineError
from sparrow.hw.spec.commands import COMMAND_BYTES, Opcode, encode
from sparrow.hw.spec.registers import ErrorCode
from sparrow.sim.accelerator import Traffic, simulation
from sparrow.sim.accelerator.builder import Builder
from sparrow.sim.accelerator.random_networks import sparse_network, tiled_network
from sparrow.sim.accelerator.samples import sample_images

from .batch import Case, run_batch
from .conftest import SMALL
from .test_errors import Tower, check_pairs

CODECS = ("dense", "bitmask", "rle", "csr", "huffman")
SPEC = SMALL.replace(precision="int8", winograd=2, winograd_tiles=6, codecs=CODECS,
                     accumulator_depth=64, buffer_bytes=4096)
STALLS = ("always", "often", "bursts", "alternate", "seldom")


SPECS = {tile: SPEC.replace(winograd=tile) for tile in (2, 4)}


def drawn(seed):
    """A network, and how it is compiled."""
    source = random.Random(seed)
    network = tiled_network(source.randint)
    if source.random() < 0.5:
        network = sparse_network(network, source.randint)
    options = {"codec": source.choice(("auto", "plain", *CODECS)),
               "keep_all": source.random() < 0.5, "residency": source.random() < 0.8,
               "fusion": source.random() < 0.8}
    return network, options, source


@pytest.fixture(scope="module", params=sorted(SPECS))
def spec(request):
    """An accelerator with tiles of 2 × 2, or of 4 × 4."""
    return SPECS[request.param]


@pytest.fixture(scope="module")
def tiling(spec, folder):
    """Its simulation."""
    return simulation(block("accelerator").verilog(spec), "accelerator",
                      folder / f"winograd{spec.winograd_tile}", address_width=spec.address_width)


def case(spec, seed):
    """A network on the Verilog, or None if it can't run."""
    network, options, source = drawn(seed)
    traffic = Traffic(latency=source.randint(1, 60), seed=seed,
                      stalls="always" if seed % 2 else source.choice(STALLS))
    try:
        program = compile_network(network, spec, **options, timing=Timing(
            memory_read=traffic.latency, memory_write=traffic.latency))
    except CompileError:
        return None
    return Case(program, network, sample_images(network, 3)[2:], traffic,
                50 * program.cycles + 20_000)


@pytest.mark.parametrize("seeds", [
    range(20), pytest.param(range(20, 400), marks=pytest.mark.heavy)], ids=["few", "many"])
def test_random_networks(spec, tiling, winograd_wherever, tmp_path, seeds):
    cases = [found for seed in seeds if (found := case(spec, seed)) is not None]
    assert len(cases) >= 0.6 * len(seeds)
    results = run_batch(tiling, cases, tmp_path, check_rules=True)
    wrong = 0
    for each, (image,) in zip(cases, results, strict=True):
        assert image.difference == "", each.program.layers
        assert image.outcome.counters["VECTORS"] == sum(info.vectors
                                                        for info in each.program.layers)
        measured = image.outcome.cycles
        if each.traffic.stalls == "always":
            wrong += abs(measured - each.program.cycles) > max(64, 0.03 * measured)
    assert wrong <= 0.05 * len(cases)


def flipped(program):
    """Programs with ``winograd`` of one WEIGHTS or COMPUTE turned over, but for the last ones."""
    commands = program.commands()
    for kind in (Opcode.WEIGHTS, Opcode.COMPUTE):
        numbers = [number for number, (own, _) in enumerate(commands) if own.opcode is kind]
        for number in numbers[:-1]:
            _, values = commands[number]
            changed = bytearray(program.program_bytes)
            place = program.start + COMMAND_BYTES * number
            changed[place:place + COMMAND_BYTES] = encode(
                **values | {"winograd": 1 - values["winograd"]})
            yield (kind, number), bytes(changed)


def test_weights_of_the_other_kind(spec, tiling, winograd_wherever, tmp_path):
    """A COMPUTE that takes weights that aren't transformed, or are, is stopped."""
    builder = Builder((5, 6, 6))
    for kernel in ((3, 3), (1, 1), (3, 3), (3, 3), (1, 1)):
        builder.conv(builder.layers[-1].name if builder.layers else "input", 5, kernel,
                     padding=(kernel[0] // 2,) * 4)
    tower = Tower(spec, builder.network(), codec="plain")
    programs = dict(flipped(tower.program))
    assert len(programs) >= 8
    memory = tower.files["image.bin"]
    for program in programs.values():
        with pytest.raises(MachineError) as info:
            Machine(spec).run(program, np.frombuffer(memory, np.uint8).copy())
        assert info.value.code in ("MISMATCH", "ILLEGAL_COMMAND")
    files = {f"flipped{number}.bin": each for number, each in enumerate(programs.values())}
    runs = [tower.run(program=name) for name in files]
    outcomes = check_pairs(tiling, tower, runs, tmp_path, files)
    found = {place: ErrorCode(outcome.error_code) for place, outcome in zip(programs, outcomes)}
    assert set(found.values()) <= {ErrorCode.MISMATCH, ErrorCode.WATCHDOG}, found
    for kind in (Opcode.WEIGHTS, Opcode.COMPUTE):
        codes = {code for (own, _), code in found.items() if own is kind}
        assert ErrorCode.MISMATCH in codes, found
