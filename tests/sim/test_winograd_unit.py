"""The cocotb regression of the unit for Winograd convolution, on both simulators."""

import pytest

from sparrow.flow.blocks import block
from sparrow.flow.proof import prove
from sparrow.flow.regression import run_regression
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
def test_all(tile, values, simulator, tmp_path, request):
    if simulator == "icarus":
        request.getfixturevalue("icarus")
    spec = WinogradConvSpec(tile=tile, **{"lanes": 4, "columns": 4, "post_lanes": 2, **values}
                            if values else {})
    check(spec, tmp_path, simulator=simulator, blocks=20)


def run_layer(spec, size, channels, folder):
    """Simulate a layer; gives what was covered, its cycles among it."""
    found = block("winograd")
    source = folder / "winograd.v"
    source.write_text(found.verilog(spec), encoding="utf-8")
    results, coverage = run_regression(
        found, spec, source, module="sparrow.sim.winograd.unit.layer", seed=1, blocks=0,
        exhaustive=False, layer={"height": size, "width": size, "padding": (1, 1, 1, 1),
                                 "in_channels": channels, "out_channels": channels})
    assert [result.message for result in results] == [""]
    assert coverage["layers at full speed"] == 1
    assert coverage["results"] == size * size * -(-channels // spec.columns)
    return coverage


@pytest.mark.heavy
@pytest.mark.parametrize(("tile", "size", "channels", "cycles"), [
    (2, 14, 64, 13_083), (2, 56, 64, 201_269), (4, 56, 64, 115_038), (2, 7, 512, 262_444)])
def test_large_layers(tile, size, channels, cycles, tmp_path):
    """Layers of ResNet-18 on a unit of 16 × 16 at its full speed: cycles of docs/winograd.md."""
    spec = WinogradConvSpec(tile=tile, rows=16384, result_fifo_depth=32 * tile * tile)
    assert run_layer(spec, size, channels, tmp_path)["layer cycles"] == cycles
