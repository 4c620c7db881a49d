"""The cocotb regressions of decompressors and of their parts, on both simulators."""

import dataclasses
import shutil

import pytest

from sparrow.flow.blocks import block
from sparrow.flow.proof import prove
from sparrow.golden.codec import ERRORS
from sparrow.hw.spec import DecompressorSpec, LaneDecoderSpec
from sparrow.sim.decompressor.faults import changed, expected_errors
from sparrow.sim.decompressor.samples import kinds
from sparrow.sim.decompressor.scenario import decoded, random_cases

SPECS = {
    "all": {"lanes": 8, "columns": 3},
    "wide bus": {"lanes": 4, "columns": 5, "data_width": 128, "codebook": 32},
    "narrow bus": {"lanes": 4, "columns": 9, "data_width": 32, "codebook": 3, "fifo_bytes": 64},
    "rle": {"lanes": 4, "columns": 1, "codecs": ["rle"], "codebook": 0, "data_width": 256,
            "fifo_bytes": 512},
    "8 bits, no tables": {"lanes": 16, "columns": 2, "codecs": ["dense", "bitmask", "csr"],
                          "int4": False, "codebook": 0},
    "huffman": {"lanes": 4, "columns": 2, "codecs": ["huffman"], "codebook": 16},
    # numbers of entries up to 128
    "csr": {"lanes": 64, "columns": 1, "codecs": ["csr"], "codebook": 0},
}
# which takes longer to build
ON_VERILATOR = ["all", "narrow bus", "wide bus", "csr"]
ONE_AND_MORE = pytest.mark.parametrize("name", [
    "all", pytest.param("8 bits, no tables", marks=pytest.mark.heavy)])
# quick to build
QUICK = "icarus" if shutil.which("iverilog") else "verilator"
FUZZED = dataclasses.replace(block("decompressor"), regression="sparrow.sim.decompressor.fuzz")


def check(proof):
    failures = [f"{result.name}: {result.message}" for result in proof.results
                if result.outcome == "failed"]
    assert proof.passed, "\n".join(failures)


def check_coverage(proof, spec):
    check(proof)
    exercised = ["blocks", "steps", "nonzero weights", "streams of zeros", "resets", "clears",
                 "changed streams", "words stalls", "weights stalls", "parameters stalls",
                 "maps stalls", "with a map", "with reuse", "with parameters"]
    exercised += [f"{kind.codec}, {4 if kind.four_bit else 8} bits" for kind in kinds(spec)]
    for name in exercised:
        assert proof.coverage[name] > 10, name
    for error in expected_errors(spec):
        assert proof.coverage[f"error {ERRORS[error]}"] > 0, error


@pytest.mark.parametrize("name", [
    "all", *(pytest.param(name, marks=pytest.mark.heavy) for name in ON_VERILATOR[1:])])
def test_verilator(name, tmp_path):
    spec = DecompressorSpec(**SPECS[name])
    check_coverage(prove(block("decompressor"), spec, blocks=10, folder=tmp_path), spec)


@pytest.mark.parametrize("name", [
    "rle", *(pytest.param(name, marks=pytest.mark.heavy)
             for name in ("huffman", "8 bits, no tables"))])
def test_icarus(name, tmp_path, icarus):
    spec = DecompressorSpec(**SPECS[name])
    check_coverage(prove(block("decompressor"), spec, simulator="icarus", blocks=6,
                         folder=tmp_path), spec)


@pytest.mark.heavy
def test_ten_thousand_changed_streams(tmp_path):
    """Each ends in the right weights or in the right error."""
    spec = DecompressorSpec(**SPECS["all"])
    proof = prove(FUZZED, spec, blocks=1000, folder=tmp_path)
    check(proof)
    assert proof.coverage["changed streams"] == 10_000


@ONE_AND_MORE
def test_lane(name, tmp_path):
    spec = DecompressorSpec(**SPECS[name] | {"columns": 1})
    proof = prove(block("decoder-lane"), spec, blocks=10, folder=tmp_path)
    check(proof)
    assert proof.coverage["lane streams"] > 100 and proof.coverage["crafted streams"] > 50


@pytest.mark.parametrize("codec", ["rle", "csr", "bitmask", "huffman"])
def test_decoder_of_one_codec(codec, tmp_path):
    proof = prove(block(f"{codec}-decoder"), LaneDecoderSpec(lanes=4, codebook=5), blocks=8,
                  simulator=QUICK, folder=tmp_path)
    check(proof)
    assert proof.coverage["streams"] > 100 and proof.coverage["changed streams"] > 10
    assert proof.coverage["crafted streams"] > 50


@ONE_AND_MORE
def test_layers_through_decompressor_and_array(name, tmp_path):
    spec = DecompressorSpec(**SPECS[name])
    proof = prove(block("decompressor-and-array"), spec, folder=tmp_path)
    check(proof)
    assert proof.coverage["sums"] > 500


def test_bench_can_fail(tmp_path):
    """The bench sees that blocks don't end."""
    found, spec = block("decompressor"), DecompressorSpec(**SPECS["rle"])
    text = found.verilog(spec)
    broken = text.replace("assign weights_commit = ", "assign weights_commit = 0 & ")
    assert broken != text
    assert not prove(found, spec, blocks=2, verilog=broken, simulator=QUICK,
                     folder=tmp_path).passed


def test_changed_streams_are_of_all_sorts():
    """Right ones, and faults of all codes; the same for the same seed."""
    spec = DecompressorSpec(**SPECS["all"])
    cases = random_cases(spec, seed=1, streams=20)
    found = [changed(spec, cases[number % 20], seed=number) for number in range(600)]
    assert {case.code for case in found} >= {0, 1, 2, 3, 5, 7, 8, 9, 10, 11}
    again = changed(spec, cases[7], seed=7)
    assert again.data == found[7].data
    for case in found[:50]:
        if not case.code:
            assert decoded(spec, case.data).blocks
