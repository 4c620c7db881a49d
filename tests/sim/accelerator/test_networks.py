"""Compiled networks on the small accelerator's Verilog, bit for bit, whatever the memory does."""

import dataclasses
import itertools

import pytest
import torch

from sparrow.compiler import compile_network
from sparrow.compiler.timing import Timing
from sparrow.golden.network import execute
from sparrow.sim.accelerator import Traffic, simulation
from sparrow.sim.accelerator.compare import first_difference, tensor_difference
from sparrow.sim.accelerator.network import run_network
from sparrow.sim.accelerator.predictions import wrong_predictions
from sparrow.sim.accelerator.samples import INT4_SAMPLES, SAMPLES, sample, sample_images

TRAFFIC = {
    "quick": Traffic(latency=1),
    "slow": Traffic(latency=100),
    "stalling": Traffic(latency=1, stalls="often", seed=5),
    "bursts": Traffic(latency=100, stalls="bursts", seed=6),
    "narrow": Traffic(latency=10, bandwidth=0.3),
}
NAMES = [*SAMPLES, *INT4_SAMPLES]


def run(built, spec, name, traffic, folder, *, images=2, latency=None, keep_all=True, **options):
    network = sample(name)
    timing = Timing(memory_read=latency or traffic.latency,
                    memory_write=latency or traffic.latency)
    program = compile_network(network, spec, keep_all=keep_all, timing=timing)
    inputs = sample_images(network, images)
    return program, run_network(built, program, network, inputs, folder, traffic=traffic,
                                **options)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("traffic", ["quick", "bursts"])
def test_every_kind_of_layer(built, spec, tmp_path, name, traffic):
    program, result = run(built, spec, name, TRAFFIC[traffic], tmp_path, check_rules=True,
                          timeout=200_000)
    assert result.difference == ""
    assert result.bit_exact == 2
    for image in result.images:
        assert image.outcome.counters["VECTORS"] == sum(
            layer.vectors for layer in program.layers)


@pytest.mark.parametrize("traffic", TRAFFIC)
def test_a_whole_network(built, spec, tmp_path, traffic):
    program, result = run(built, spec, "mixed", TRAFFIC[traffic], tmp_path, check_rules=True,
                          timeout=200_000)
    assert result.difference == ""
    for image in result.images:
        assert image.outcome.writes_while_running == 0
        assert image.outcome.strays == []
        assert sum(image.layer_cycles.values()) <= image.outcome.cycles
        assert image.outcome.counters["VECTORS"] == sum(
            layer.vectors for layer in program.layers)


@pytest.mark.parametrize("name, latency", [
    *itertools.product(["conv", "tower", "mixed", "linear", "add", "image", "image_rows",
                        "image_dilated", "image_pair", "image_int4", "residual", "residual_rows",
                        "residual_int4", "window", "window_down", "window_row"], [1, 100]),
    ("mixed", 20), ("residual", 20)])
def test_cycles_are_as_predicted(built, spec, tmp_path, name, latency):
    program, result = run(built, spec, name, Traffic(latency=latency), tmp_path, images=1)
    assert wrong_predictions(program, result.layer_cycles) == []


@pytest.mark.parametrize("name", ["tower", "mixed", "add"])
@pytest.mark.parametrize("latency", [1, 100])
def test_cycles_of_what_stays_are_as_predicted(built, spec, tmp_path, name, latency):
    """Nothing is stored that isn't needed; what is in memory is right."""
    program, result = run(built, spec, name, Traffic(latency=latency), tmp_path, images=1,
                          keep_all=False, check_rules=True)
    assert name == "add" or {layer.output for layer in program.layers} == {"chip", "memory"}
    assert result.difference == "" and result.compared == program.kept
    assert wrong_predictions(program, result.layer_cycles) == []


def test_a_slower_memory_is_seen(built, spec, tmp_path):
    program, result = run(built, spec, "tower", Traffic(latency=100), tmp_path, images=1,
                          latency=20)
    lines = wrong_predictions(program, result.layer_cycles)
    assert lines
    assert lines[0].startswith("Layer 'conv0': ")
    assert lines[0].endswith(f" cycles were measured, {program.layers[0].cycles} predicted")


def test_wrong_results_are_seen(built, spec, tmp_path):
    """The comparison fails when the program isn't that of the network."""
    network = sample("conv")
    layer = dataclasses.replace(network.layers[0], bias=network.layers[0].bias + 20_000)
    other = network.replace(layers=(layer,))
    program = compile_network(other, spec)
    result = run_network(built, program, network, sample_images(network, 1), tmp_path)
    assert result.bit_exact == 0
    assert result.difference.startswith("Image 0: Layer 'conv0': pixel (")
    assert result.difference.endswith(" elements differ")


def test_a_hang_is_reported(built, spec, tmp_path):
    _, result = run(built, spec, "conv", Traffic(), tmp_path, images=1, timeout=100)
    assert result.difference.startswith("Image 0: no interrupt in 10")
    assert result.difference.endswith("; 0 of 1 layers were complete")


@pytest.mark.parametrize("name", ["mixed", "image_rows", "image_pair"])
def test_on_icarus(spec, verilog, folder, tmp_path, icarus, name):
    """Four-state: nothing that matters is unknown."""
    built = simulation(verilog, "accelerator", folder / "icarus", simulator="icarus",
                       address_width=spec.address_width)
    _, result = run(built, spec, name, Traffic(latency=5, stalls="often"), tmp_path, images=1,
                    check_rules=True, timeout=200_000)
    assert result.difference == ""


def test_difference_texts():
    expected = torch.zeros(2, 3, 4, dtype=torch.int8)
    found = expected.clone()
    assert tensor_difference("a", found, expected) is None
    found[1, 0, 2], found[0, 1, 0] = 5, 7
    assert first_difference({"a": expected, "b": found}, {"a": expected, "b": expected}) == (
        "Layer 'b': pixel (0, 2), channel 1 is 5, golden says 0; 2 of 24 elements differ")
    assert tensor_difference("a", found[:1], expected) == (
        "Layer 'a': shape is (1, 3, 4), golden says (2, 3, 4)")


@pytest.mark.parametrize("name", NAMES)
def test_samples_use_the_whole_range(name):
    """Results of random networks are neither all alike nor all at the limits."""
    network = sample(name)
    output = execute(network, sample_images(network, 20))
    assert len(output.unique()) > 8
    assert float((output.abs() >= 127).double().mean()) < 0.7


@pytest.mark.parametrize("name", ["conv", "linear", "add", "concat"])
def test_samples_of_narrow_mantissas(spec, name):
    """They fit an accelerator that has no wider ones, and use the whole range as well."""
    network = sample(name, mantissa_width=8)
    compile_network(network, spec.replace(mantissa_width=8))
    assert len(execute(network, sample_images(network, 20)).unique()) > 8
