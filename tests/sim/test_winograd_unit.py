"""The cocotb regression of the unit for Winograd convolution, on both simulators."""

import pytest

from sparrow.flow.blocks import block
from sparrow.flow.proof import prove
from sparrow.hw.spec import WinogradConvSpec

SMALL = {"lanes": 2, "columns": 2, "tiles": 4, "rows": 64, "post_lanes": 2}
NARROW = {"activation_width": 4, "weight_width": 3, "output_width": 17, "mantissa_width": 8}


def check(spec, folder, *, blocks=4, **options):
    proof = prove(block("winograd"), spec, blocks=blocks, folder=folder, **options)
    failures = [f"{result.name}: {result.message}" for result in proof.results
                if result.outcome == "failed"]
    assert proof.passed, "\n".join(failures)
    for exercised in ("passes", "dense layers", "sparse layers", "layers with several passes",
                      "layers with several channel blocks", "layers with several output blocks",
                      "layers with gaps in memory", "layers with padding", "full passes",
                      "passes with ragged tiles", "weight blocks of zeros", "extreme activations",
                      "values between limits", "values at a limit", "resets", "o stalls",
                      "passes stalls", "weights stalls", "parameters stalls"):
        assert proof.coverage[exercised] > 5, exercised
    return proof


def test_verilator(tmp_path):
    proof = check(WinogradConvSpec(**SMALL), tmp_path)
    assert proof.coverage["layers at full speed"] > 5


@pytest.mark.heavy
def test_icarus(tmp_path, icarus):
    check(WinogradConvSpec(tile=4, kernels="transformed", **SMALL), tmp_path, simulator="icarus")


@pytest.mark.heavy
@pytest.mark.parametrize("tile", [2, 4])
@pytest.mark.parametrize("values", [
    {}, SMALL, {"kernels": "transformed"}, {"lanes": 3, "columns": 5, **NARROW},
    {"lanes": 5, "columns": 3, "kernels": "transformed", "pipeline_stages": 1, "tiles": 7,
     "rounding": "half_even", "multiplier": "operator"},
    {"pipeline_stages": 4, "post_lanes": 1, "result_fifo_depth": 2, "rows": 16},
], ids=["default", "small", "transformed", "narrow", "odd", "slow"])
@pytest.mark.parametrize("simulator", ["verilator", "icarus"])
def test_all(tile, values, simulator, tmp_path, icarus):
    spec = WinogradConvSpec(tile=tile, **{"lanes": 4, "columns": 4, "post_lanes": 2, **values}
                            if values else {})
    check(spec, tmp_path, simulator=simulator, blocks=20)
