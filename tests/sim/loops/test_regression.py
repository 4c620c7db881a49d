"""The cocotb regressions of loops, tokens and sequencer: what they cover, and what they find."""

import re

import pytest

from sparrow.flow.blocks import block
from sparrow.flow.mutation import mutate
from sparrow.flow.proof import prove
from sparrow.hw.spec.accelerator import AcceleratorSpec

SPEC = AcceleratorSpec(lanes=16, columns=16, data_width=64, post_lanes=2, buffer_bytes=2048,
                       weight_fifo_bytes=1024, accumulator_depth=64)
MUTATED = AcceleratorSpec(lanes=4, columns=4, data_width=32, post_lanes=2, buffer_bytes=4096)
TILED = {tile: SPEC.replace(precision="int8", winograd=tile) for tile in (2, 4)}
LOOPS = {"commands": 20, "wide commands": 4, "outputs": 500, "resets": 4}
COVERED = {
    "step-loop": LOOPS, "memory-loop": LOOPS,
    **dict.fromkeys(("result-loop", "buffer-loop"), LOOPS | {"starts in the last cycle": 10}),
    "tokens": {"full counters": 100, "cycles in which nobody is served": 100, "resets": 8,
               **{f"times that engine {engine} {does}": 20
                  for engine in range(4) for does in ("gives", "takes")}},
    "sequencer": {"commands": 100, "illegal commands": 1000},
}
# a fault in the Verilog, and what the regression says of it
FAULTS = {
    "request that waits for its partner": (
        "memory-loop", r"(assign requests_valid = busy)", r"\1 & requests_ready",
        r"requests_valid must be 1 with \d+ outputs left"),
    "request as if it copied": (
        "memory-loop", r"(assign requests_words =) command\[\d+\] \? .* : (\{.*\};)", r"\1 \2",
        r"words is \d+, nested loops say \d+"),
    "end that comes again and again": (
        "buffer-loop", r"(assign ends =) \w+ & (\w+);", r"\1 \2;",
        r"ends must be 0 with \d+ outputs left"),
    "step that stays alone": (
        "step-loop", r"(assign o_alone = command\[36\]) & .*;", r"\1;",
        r"alone is 1, nested loops say 0"),
    "two engines at once": (
        "tokens", r"(assign done_1 = core_possible_1) & .*;", r"\1;",
        r"engines \[0, 1\] are done, must be 0"),
}


def run(name, folder, verilog=None, *, spec=SPEC, simulator="icarus"):
    return prove(block(name), spec, simulator=simulator, blocks=6, verilog=verilog, folder=folder)


def failures(proof):
    return "\n".join(f"{result.name}: {result.message}" for result in proof.results
                     if result.outcome == "failed")


@pytest.mark.parametrize("name", COVERED)
def test_icarus(name, tmp_path, icarus):
    proof = run(name, tmp_path)
    assert proof.passed, failures(proof)
    for exercised, least in COVERED[name].items():
        assert proof.coverage[exercised] >= least, exercised


@pytest.mark.heavy
@pytest.mark.parametrize("winograd", TILED)
def test_results_in_tiles(winograd, tmp_path):
    proof = run("result-loop", tmp_path, spec=TILED[winograd], simulator="verilator")
    assert proof.passed, failures(proof)
    for exercised, least in COVERED["result-loop"].items():
        assert proof.coverage[exercised] >= least, exercised


@pytest.mark.heavy
@pytest.mark.parametrize("winograd", TILED)
def test_results_in_tiles_of_the_other_size_are_found(winograd, tmp_path):
    verilog = block("result-loop").verilog(TILED[6 - winograd])
    proof = run("result-loop", tmp_path, verilog, spec=TILED[winograd], simulator="verilator")
    assert not proof.passed
    assert re.search(r"row is \d+, nested loops say \d+", failures(proof)), failures(proof)


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_are_found(fault, tmp_path, icarus):
    name, sound, broken, message = FAULTS[fault]
    verilog, changes = re.subn(sound, broken, block(name).verilog(SPEC))
    assert changes == 1
    proof = run(name, tmp_path, verilog)
    assert not proof.passed
    assert re.search(message, failures(proof)), failures(proof)


@pytest.mark.heavy
@pytest.mark.parametrize("name", COVERED)
def test_mutation_score(name, tmp_path):
    """The scores of docs/accelerator.md: of 100 faults each, only what it explains survives."""
    report = mutate(block(name), MUTATED, mutants=100, folder=tmp_path / "mutation")
    explained = {"step-loop": 1, "sequencer": 1}
    assert len(report.survivors) <= explained.get(name, 0), report.survivors


@pytest.mark.heavy
@pytest.mark.parametrize("winograd", TILED)
def test_mutation_score_in_tiles(winograd, tmp_path):
    spec = MUTATED.replace(precision="int8", winograd=winograd)
    report = mutate(block("result-loop"), spec, mutants=100, folder=tmp_path / "mutation")
    assert not report.survivors
