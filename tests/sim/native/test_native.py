"""The driver in C++ does what the bench in Python does, in the same cycles."""

import dataclasses
import json
import random
import subprocess

import pytest
import safetensors.torch
import torch

from sparrow.compiler import compile_network
from sparrow.flow import simulation as flow_simulation
from sparrow.flow.cli import main
from sparrow.golden.network import execute, save
from sparrow.sim.accelerator import Fault, Run, Traffic
from sparrow.sim.accelerator.network import run_network
from sparrow.sim.accelerator.samples import INT4_SAMPLES, SAMPLES, sample, sample_images
from sparrow.sim.native import native_simulation
from sparrow.sim.runner import SimulationError

TRAFFIC = [
    *(Traffic(latency=latency) for latency in (1, 2, 3, 20, 100)),
    *(Traffic(latency=10, bandwidth=bandwidth) for bandwidth in (0.1, 0.3, 0.5, 0.77)),
    Traffic(latency=1, stalls="often", seed=5), Traffic(latency=7, stalls="seldom", seed=2**40),
    Traffic(latency=1, stalls="alternate"), Traffic(latency=30, stalls="bursts", seed=-6),
    Traffic(latency=4, bandwidth=0.6, stalls="bursts", seed=7),
]


class Tower:
    """A network, compiled, with some images."""

    def __init__(self, spec, images=2):
        self.network = sample("mixed")
        self.program = compile_network(self.network, spec)
        self.files = {"program.bin": self.program.program_bytes}
        noise = random.Random(3)
        windows = bytearray()
        for image in sample_images(self.network, images):
            window = bytearray(noise.randbytes(self.program.data_size))
            self.program.write_input(window, image)
            windows += window
        self.files["data.bin"] = bytes(windows)

    def run(self, image=0, **options):
        size = self.program.data_size
        values = {"program": "program.bin", "data": "data.bin", "data_size": size,
                  "data_offset": image * size, "start": self.program.start, "timeout": 50_000,
                  "program_size": len(self.program.program_bytes)}
        return Run(**values | options)


@pytest.fixture(scope="module")
def tower(spec):
    return Tower(spec)


def check_equal(native, built, runs, files, folder):
    """That both engines have the same outcomes, outputs and cycles; those of the native one."""
    found = native.run(runs, files, folder / "native", check_rules=True)
    expected = built.run(runs, files, folder / "cocotb")
    for one, other in zip(found.outcomes, expected.outcomes, strict=True):
        assert dataclasses.replace(one, marks=[]) == other
    assert found.outputs == expected.outputs
    assert found.cycles == expected.cycles
    return found


def test_the_same_cycles(native, built, tower, tmp_path):
    """Whatever the memory does; and the change from one behaviour to the next is the same, too."""
    runs = [tower.run(image, traffic=traffic) for traffic in TRAFFIC for image in (0, 1)]
    found = check_equal(native, built, runs, tower.files, tmp_path)
    assert [outcome.end for outcome in found.outcomes] == ["done"] * len(runs)
    # they differ, but for short latencies, which may hide behind compute
    assert len({outcome.cycles for outcome in found.outcomes}) > len(TRAFFIC) // 2
    layers = sum(bool(layer.commands) for layer in tower.program.layers)
    assert all(len(outcome.retired) == layers for outcome in found.outcomes)


def test_what_a_run_leaves_behind(native, built, tower, tmp_path):
    """Runs without data of their own, runs that aren't kept, and an error in between."""
    runs = [tower.run(), tower.run(data="", keep=False), tower.run(1, start=tower.program.start),
            tower.run(data="", program="junk.bin", program_size=0, start=0),
            tower.run(watchdog=20, traffic=Traffic(latency=100)), tower.run()]
    found = check_equal(native, built, runs, tower.files | {"junk.bin": b"\x77" * 64}, tmp_path)
    assert {outcome.end for outcome in found.outcomes} == {"done", "error"}
    assert len(found.outputs) == len(runs) - 1
    assert found.outputs[0] == found.outputs[-1] != found.outputs[2]


def test_counters_of_layers(native, tower, tmp_path):
    """Layers sum to the run; some begin before the one before them has retired."""
    runs = [tower.run(traffic=Traffic(latency=latency)) for latency in (1, 50)]
    for outcome in native.run(runs, tower.files, tmp_path).outcomes:
        layers = [layer for layer in tower.program.layers if layer.commands]
        counters = outcome.layer_counters
        assert len(counters) == len(layers)
        assert sum(entry["VECTORS"] for entry in counters) == sum(layer.vectors for layer in layers)
        assert [entry["CYCLES"] for entry in counters[1:]] == outcome.layer_cycles[1:]
        for name in ("VECTORS", "STALL_WEIGHTS", "STALL_TOKENS", "WORDS_WRITTEN"):
            assert sum(entry[name] for entry in counters) == outcome.counters[name] > 0


@pytest.mark.parametrize("name", [*SAMPLES, *INT4_SAMPLES])
def test_every_kind_of_layer(native, spec, tmp_path, name):
    network = sample(name)
    result = run_network(native, compile_network(network, spec), network,
                         sample_images(network, 2), tmp_path, check_rules=True, timeout=200_000,
                         traffic=Traffic(latency=5, stalls="bursts", seed=8))
    assert result.difference == ""
    assert result.bit_exact == 2
    assert result.simulator.endswith(", native")


def test_wrong_results_are_seen(native, spec, tmp_path):
    network = sample("conv")
    layer = dataclasses.replace(network.layers[0], bias=network.layers[0].bias + 20_000)
    program = compile_network(network.replace(layers=(layer,)), spec)
    result = run_network(native, program, network, sample_images(network, 1), tmp_path)
    assert result.bit_exact == 0
    assert result.difference.startswith("Image 0: Layer 'conv0': pixel (")


def test_a_hang_is_reported(native, built, spec, tower, tmp_path):
    runs = [tower.run(), tower.run(timeout=500), tower.run()]
    found = check_equal(native, built, runs, tower.files, tmp_path)
    assert [outcome.end for outcome in found.outcomes] == ["done", "timeout"]
    network = sample("conv")
    result = run_network(native, compile_network(network, spec), network,
                         sample_images(network, 1), tmp_path, timeout=100)
    assert result.difference == "Image 0: no interrupt in 101 cycles; 0 of 1 layers were complete"


def test_strays(native, tower, tmp_path):
    """A window that the memory has elsewhere than the accelerator, which knows whole pages."""
    native.run([tower.run()], tower.files, tmp_path)
    script = tmp_path / "script.txt"
    base = str(0x2000_0000)
    assert script.read_text().count(base) == 1
    script.write_text(script.read_text().replace(base, str(0x2000_0040)))
    subprocess.run([native.driver, tmp_path], check=True)
    outcomes = (tmp_path / "outcomes.json").read_text()
    assert '"strays": ["read of 4 bytes at 0x20000000", ' in outcomes
    assert '"end": "error", "error_code": 1,' in outcomes


@pytest.mark.parametrize("fault, name", [
    (Fault(read_error=(0, 1 << 32)), "read_error"), (Fault(silent="r", cycle=5), "silent"),
    (Fault(reset=True), "reset")])
def test_faults_are_refused(native, tower, tmp_path, fault, name):
    with pytest.raises(SimulationError, match=f"Run 1: fault {name} must go to engine 'cocotb'; "
                                              "engine 'native' injects none"):
        native.run([tower.run(), tower.run(fault=fault)], tower.files, tmp_path)


def test_what_else_is_refused(native, tower, tmp_path):
    with pytest.raises(SimulationError, match="Waveforms must come from engine 'cocotb'"):
        native.run([tower.run()], tower.files, tmp_path, waves=True)
    with pytest.raises(SimulationError, match="file name must have no spaces, not 'a b'"):
        native.run([tower.run(data="a b")], tower.files, tmp_path)
    with pytest.raises(SimulationError, match="seed must be of at most 54 bits, not "):
        native.run([tower.run(traffic=Traffic(seed=1 << 60))], tower.files, tmp_path)
    with pytest.raises(SimulationError, match="The simulation failed: the data window's size needs "
                                              "content"):
        native.run([tower.run(), tower.run(data="", data_size=4096 * 99)], tower.files, tmp_path)


def test_verilog_that_is_wrong(tmp_path):
    with pytest.raises(SimulationError, match="The native simulation can't be built: .*rror"):
        native_simulation("module top(input clk; endmodule\n", "top", tmp_path, address_width=32)
    with pytest.raises(SimulationError, match="Build folder must have no spaces in its path"):
        native_simulation("module top(); endmodule\n", "top", tmp_path / "a b", address_width=32)


def test_a_build_is_kept(native, verilog, spec, folder):
    before = native.driver.stat().st_mtime_ns
    again = native_simulation(verilog, "accelerator", folder / "native",
                              address_width=spec.address_width)
    assert again == native
    assert native.driver.stat().st_mtime_ns == before


@pytest.fixture
def command(native, spec, tmp_path, monkeypatch):
    """Arguments of ``sparrow simulate`` for this simulation, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(flow_simulation, "native_simulation", lambda *_, **__: native)
    save(sample("conv"), tmp_path / "conv.sparrow")
    settings = [word for name, value in spec.to_mapping().items()
                for word in ("--set", f"{name}={str(value).lower() if value in (0, 1) else value}")]
    return ["simulate", "conv.sparrow", *settings, "--engine", "native"]


def test_the_command(command, capsys):
    assert main([*command, "--images", "2", "--stalls", "often"]) == 0
    assert "2 of 2 images bit-exact on verilator " in capsys.readouterr().out
    assert main([*command, "--simulator", "icarus"]) == 2
    assert capsys.readouterr().err == ("sparrow: error: --simulator must be verilator with "
                                       "--engine native, not 'icarus'\n")


def test_the_command_with_data(command, capsys):
    network = sample("conv")
    images = torch.rand(4, *network.input.shape, generator=torch.Generator().manual_seed(1))
    outputs = execute(network, network.input.to_elements(images)).flatten(1)
    labels = outputs.argmax(1)
    labels[1:3] = outputs[1:3].argmin(1)
    safetensors.torch.save_file({"train_images": images[:1].clone(), "test_images": images,
                                 "train_labels": labels[:1].clone(), "test_labels": labels},
                                "own.safetensors")
    assert main([*command, "--data", "own.safetensors", "--images", "3"]) == 0
    assert "3 of 3 images bit-exact" in (output := capsys.readouterr().out)
    assert output.endswith("right classes: 33.33% on the Verilog, 33.33% by golden\n")
    assert main([*command, "--data", "own.safetensors", "--images", "4", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["bit_exact"], found["accuracy_rtl"], found["accuracy_golden_same"]) == (4, .5, .5)

    assert main([*command, "--data", "own.safetensors", "--images", "5"]) == 2
    assert main([*command, "--data", "random:3x4x5"]) == 2
    assert main([*command, "--data", "nothing"]) == 2
    refused = [line for line in capsys.readouterr().err.splitlines() if "error" in line]
    assert [line.partition(", FILE")[0] for line in refused] == [
        "sparrow: error: images must be at most the 4 test images of 'own.safetensors', not 5",
        "sparrow: error: data 'random:3x4x5' must have images of {}, as conv takes them, not of "
        "3x4x5".format("x".join(map(str, network.input.shape))),
        "sparrow: error: data must be one of digits, mnist, fashion-mnist, kws01, random:SHAPE, "
        "smooth:SHAPE"]
