"""Compressed weights on a small accelerator's Verilog: networks bit for bit, and bad streams."""

import random

import numpy as np
import pytest

from sparrow.compiler import CompileError, compile_network
from sparrow.compiler.predict import Timing
from sparrow.golden.accelerator import Machine, MachineError
from sparrow.golden.codec import ERRORS
from sparrow.hw.spec.commands import Opcode
from sparrow.hw.spec.registers import ErrorCode
from sparrow.sim.accelerator import Traffic
from sparrow.sim.accelerator.random_networks import random_network, sparse_network
from sparrow.sim.accelerator.samples import sample_images

from .batch import Case, run_batch
from .conftest import CODECS
from .conftest import DECODES as SPEC
from .test_errors import Tower, check_pairs

KINDS = ("conv", "linear", "chain", "grouped")
STALLS = ("always", "often", "bursts", "alternate", "seldom")
DAMAGED = 60  # streams
# what the hardware may find before what the golden machine comes upon
EARLY = [ERRORS[name] for name in ("FORMAT", "TRUNCATED", "TRAILING", "CHECKSUM")]
HIGHEST = 7  # byte of a stream with the highest bits of its length


def case(seed):
    """A sparse network, sent with the codec whose turn it is, or None if it can't run."""
    source = random.Random(seed)
    network = sparse_network(random_network(KINDS[seed % len(KINDS)], source.randint),
                             source.randint)
    traffic = Traffic(latency=source.randint(1, 60), seed=seed,
                      stalls="always" if seed % 2 else source.choice(STALLS))
    try:
        program = compile_network(network, SPEC, codec=("auto", *CODECS)[seed // 2 % 6],
                                  timing=Timing(memory_read=traffic.latency,
                                                memory_write=traffic.latency))
    except CompileError:
        return None
    return Case(program, network, sample_images(network, 3)[2:], traffic,
                50 * program.cycles + 20_000)


@pytest.mark.parametrize("seeds", [
    range(36), pytest.param(range(36, 600), marks=pytest.mark.heavy)], ids=["few", "many"])
def test_sparse_networks(decoding, tmp_path, seeds):
    cases = [found for seed in seeds if (found := case(seed)) is not None]
    assert len(cases) >= 0.9 * len(seeds)
    sent = {text.split(",")[0] for each in cases for info in each.program.layers
            for text in info.codecs}
    assert sent >= set(CODECS)
    results = run_batch(decoding, cases, tmp_path, check_rules=True)
    wrong = 0
    for each, (image,) in zip(cases, results, strict=True):
        assert image.difference == "", each.program.layers
        assert image.outcome.counters["VECTORS"] == sum(info.vectors
                                                        for info in each.program.layers)
        measured = image.outcome.cycles
        if each.traffic.stalls == "always":
            wrong += abs(measured - each.program.cycles) > max(64, 0.03 * measured)
    assert wrong <= 0.05 * len(cases)


def stream_error(tower, program):
    """What the golden machine says of a program with a bad stream, as a number."""
    with pytest.raises(MachineError) as info:
        Machine(SPEC).run(program, np.frombuffer(tower.files["image.bin"], np.uint8).copy())
    assert info.value.code == "STREAM"
    return info.value.stream_error


@pytest.mark.parametrize("codec", CODECS)
def test_bad_streams(decoding, tmp_path, codec):
    """Bits of streams that are wrong: the error is told, and the next run is right."""
    tower, source = Tower(SPEC, codec=codec), random.Random(codec)
    streams = [(values["offset"], values["words"] * SPEC.bus.word_bytes)
               for kind, values in tower.program.commands()
               if kind.opcode is Opcode.WEIGHTS and values["compressed"]]
    files, runs, codes = {}, [], []
    for number in range(DAMAGED // len(CODECS)):
        program = bytearray(tower.program.program_bytes)
        offset, size = source.choice(streams)
        place = source.choice((*range(12), *source.sample(range(size), 12)))
        program[offset + place] ^= 1 << source.randrange(1 if place == HIGHEST else 8)
        files[f"bad{number}.bin"] = bytes(program)
        runs.append(tower.run(program=f"bad{number}.bin"))
        codes.append(stream_error(tower, bytes(program)))
    outcomes = check_pairs(decoding, tower, runs, tmp_path, files)
    for outcome, code in zip(outcomes, codes, strict=True):
        assert (outcome.end, outcome.error_code) == ("error", ErrorCode.STREAM)
        assert outcome.stream_error in {code, *EARLY}
    assert sum(outcome.stream_error == code for outcome, code in zip(outcomes, codes)) > 6
