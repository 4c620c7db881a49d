"""The cocotb regressions of the transforms of Winograd convolution, on both simulators."""

import itertools

import pytest

from sparrow.flow.blocks import block
from sparrow.flow.proof import prove
from sparrow.hw.spec import WinogradSpec

PARTS = ["input", "weight", "output"]
NARROW = {"activation_width": 4, "weight_width": 3, "output_width": 9}


def check(part, spec, folder, **options):
    found = block(f"winograd-{part}-transform")
    proof = prove(found, spec, blocks=6, folder=folder, **options)
    failures = [f"{result.name}: {result.message}" for result in proof.results
                if result.outcome == "failed"]
    assert proof.passed, "\n".join(failures)
    for exercised in ("random tiles", "extreme tiles", "tiles at full speed", "results", "resets",
                      "i stalls", "o stalls"):
        assert proof.coverage[exercised] > 5, exercised


@pytest.mark.parametrize("part, tile, dimensions", [
    ("input", 4, 1), pytest.param("weight", 2, 2, marks=pytest.mark.heavy)])
def test_icarus(part, tile, dimensions, tmp_path, icarus):
    spec = WinogradSpec(tile=tile, dimensions=dimensions, lanes=2, columns=2, **NARROW)
    check(part, spec, tmp_path, simulator="icarus")


def test_verilator(tmp_path):
    check("output", WinogradSpec(tile=2, columns=1), tmp_path)


@pytest.mark.heavy
@pytest.mark.parametrize("part, tile, dimensions", list(
    itertools.product(PARTS, (2, 4), (1, 2))))
@pytest.mark.parametrize("values", [{}, NARROW], ids=["wide", "narrow"])
@pytest.mark.parametrize("simulator", ["verilator", "icarus"])
def test_all(part, tile, dimensions, values, simulator, tmp_path, icarus):
    spec = WinogradSpec(tile=tile, dimensions=dimensions, lanes=3, columns=5, **values)
    check(part, spec, tmp_path, simulator=simulator)
