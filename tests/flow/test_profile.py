"""``sparrow profile``: figures of layers that agree with program, network and run."""

import json
from pathlib import Path

import pytest
import torch

from sparrow.compiler import compile_network
from sparrow.flow.cli import main
from sparrow.flow.profile import profile
from sparrow.hw.spec.accelerator import AcceleratorSpec
from sparrow.sim.accelerator import Outcome
from sparrow.sim.accelerator.samples import sample

EXAMPLES = Path(__file__).parents[2] / "examples"
KEYS = {"name", "kind", "bits", "macs", "vectors", "predicted_cycles", "measured_cycles",
        "utilization", "bytes_read", "bytes_written", "memory_accesses", "stalls", "output",
        "fused_into"}
SMALL = AcceleratorSpec(lanes=4, columns=4, data_width=32, post_lanes=4, accumulator_depth=32,
                        buffer_bytes=1024, weight_fifo_bytes=256)


def test_command(capsys):
    assert main(["profile", f"{EXAMPLES / 'digits.py'}:digits_cnn", "--input", "1x8x8", "--json",
                 "--latency", "30", "--bits", "4", "--set", "post_lanes=4"]) == 0
    found = json.loads(capsys.readouterr().out)
    layers, total = found["layers"], found["total"]
    assert found["latency"] == 30 and found["accelerator"]["post_lanes"] == 4
    assert all(set(layer) == KEYS for layer in layers)
    assert set(total) == KEYS - {"name", "kind", "bits", "output", "fused_into"}
    assert total["measured_cycles"] is None and total["macs"] == 101_696
    for key in ("macs", "vectors", "predicted_cycles", "bytes_read", "memory_accesses"):
        assert total[key] == sum(layer[key] for layer in layers) > 0
    waits = sum(total["stalls"].values())
    assert 0 < waits <= total["predicted_cycles"] - total["vectors"]
    assert {layer["bits"] for layer in layers} == {4, None}
    assert [layer["output"] for layer in layers] == [
        "fused" if layer["fused_into"] else "chip" for layer in layers[:-1]] + ["memory"]
    assert total["bytes_written"] == layers[-1]["bytes_written"]
    for layer in layers:
        cycles = layer["predicted_cycles"]
        assert (cycles == 0) == (layer["kind"] == "Add")
        assert layer["utilization"] == pytest.approx(
            layer["macs"] / 512 / cycles if cycles else 0, abs=1e-4)
    (fused,) = [layer for layer in layers if layer["fused_into"]]
    assert (fused["output"], fused["fused_into"]) == ("fused", "block.add")


def test_table(capsys):
    assert main(["profile", f"{EXAMPLES / 'digits.py'}:digits_cnn", "--input", "1x8x8"]) == 0
    text = capsys.readouterr().out
    assert "memory latency 100; stalls predicted" in text
    assert "101 696" in text


def test_pruned(capsys):
    """Blocks of zeros take no vectors, single zeros fewer bytes; with 4 bits in one layer."""
    def found(*options):
        assert main(["profile", f"{EXAMPLES / 'digits.py'}:digits_cnn", "--input", "1x8x8",
                     "--json", "--set", 'codecs=["bitmask"]', "--bits-of", "down=4", *options]) == 0
        return {layer["name"]: layer for layer in json.loads(capsys.readouterr().out)["layers"]}

    dense, single = found(), found("--density", "0.1")
    blocks = found("--density", "0.4", "--pattern", "block")
    for name in ("block.conv1", "down"):
        assert single[name]["vectors"] == dense[name]["vectors"]
        assert single[name]["bytes_read"] < 0.5 * dense[name]["bytes_read"]
        assert blocks[name]["vectors"] <= 0.6 * dense[name]["vectors"]


def test_measured():
    """With a run's outcome: its cycles and stalls, layer by layer."""
    network = sample("tower")
    program = compile_network(network, SMALL)
    names = [layer.name for layer in program.layers if layer.commands]
    retired = [100 * (number + 1) for number in range(len(names))]
    marks = [{"CYCLES": 0, "STALL_WEIGHTS": 10 * number, "STALL_RESULTS": 1, "STALL_BUFFER": number,
              "STALL_TOKENS": 5 * number, "STALL_DECODING": 3 * number}
             for number in range(1, len(names) + 1)]
    found = profile(program, network, Outcome(
        end="done", retired=retired, marks=marks, counters=dict.fromkeys(marks[0], 0)))
    layers = {layer["name"]: layer for layer in found["layers"]}
    assert [layers[name]["measured_cycles"] for name in names] == [100] * len(names)
    assert layers[names[1]]["stalls"] == {"weights": 10, "decoding": 3, "results": 0, "buffer": 1,
                                          "tokens": 5}
    assert layers[names[0]]["utilization"] == pytest.approx(
        layers[names[0]]["macs"] / 16 / 100, abs=1e-4)
    assert found["total"]["stalls"]["tokens"] == 5 * len(names)
    assert found["total"]["measured_cycles"] == 100 * len(names)


def test_accesses():
    """Of a 1 × 1 convolution: words loaded, vectors read and written, vectors stored."""
    network = sample("pixel")
    program = compile_network(network, SMALL)
    (entry,) = profile(program, network)["layers"]
    loaded = entry["bytes_read"] - sum(
        values["words"] * 4 for kind, values in program.commands() if kind.name == "WEIGHTS")
    stored = entry["bytes_written"] // 4
    assert entry["memory_accesses"] == loaded // 4 + entry["vectors"] + 2 * stored


@pytest.mark.parametrize("winograd", ["none", "2"])
def test_accesses_of_winograd(winograd):
    """Of 3 × 3 convolutions: the buffer is read once for each vector of the array."""
    spec = SMALL.replace(precision="int8", winograd=winograd)
    network = sample("conv")
    program = compile_network(network, spec)
    for entry, info in zip(profile(program, network)["layers"], program.layers, strict=True):
        own = [program.commands()[number] for number in info.numbers]
        written = sum(values["out_height"] * values["out_width"] * values["output_blocks"]
                      * (1 + values["add"]) for kind, values in own if kind.name == "COMPUTE")
        moved = sum(values["planes"] * values["runs"] * values["run"]
                    for kind, values in own if kind.name in ("LOAD", "STORE"))
        assert entry["memory_accesses"] == entry["vectors"] + written + moved


@pytest.mark.parametrize("arguments, text", [
    (["--input", "3x32"], "--input must be CxHxW, such as 3x32x32, not '3x32'"),
    (["--input", "0x8x8"], "must be"),
    (["--input", "1x8x8", "--latency", "0"], "--latency must be at least 1, not 0"),
    (["--input", "1x8x8", "--weights", "none.pt"],
     "--weights must be a file or 'random', not 'none.pt'"),
    (["--input", "1x8x8", "--bits-of", "stem"], "--bits-of must be given LAYER=4 or LAYER=8"),
    (["--input", "1x8x8", "--density", "1.5"], "density must be from 0 to 1, not 1.5"),
    (["--input", "1x8x8", "--pattern", "block"], "--pattern block must go with --density"),
    (["--input", "3x8x8"], "The model must take images of shape (3, 8, 8)"),
])
def test_mistakes(arguments, text, capsys):
    torch.manual_seed(0)
    assert main(["profile", f"{EXAMPLES / 'digits.py'}:digits_cnn", *arguments]) == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("sparrow:")]
    assert len(lines) == 1 and text in lines[0]


def test_two_clocks_are_refused_before_work_is_done(capsys):
    assert main(["profile", f"{EXAMPLES}/digits.py:digits_cnn", "--input", "1x8x8", "--measure",
                 "--set", "bus_clock=separate"]) == 2
    assert "engine native must go with bus_clock 'same', not 'separate'" in capsys.readouterr().err
