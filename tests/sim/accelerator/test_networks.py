"""Compiled networks on the small accelerator's Verilog, bit for bit, whatever the memory does."""

import dataclasses
import itertools

import pytest
import torch

from sparrow.compiler import compile_network
from sparrow.compiler.predict import Timing
from sparrow.golden.network import execute
from sparrow.sim.accelerator import Traffic, simulation
from sparrow.sim.accelerator.compare import first_difference, tensor_difference
from sparrow.sim.accelerator.network import run_network
from sparrow.sim.accelerator.predictions import wrong_predictions
from sparrow.sim.accelerator.samples import INT4_SAMPLES, SAMPLES, sample, sample_images

from .batch import Case, run_batch

TRAFFIC = {
    "quick": Traffic(latency=1),
    "slow": Traffic(latency=100),
    "stalling": Traffic(latency=1, stalls="often", seed=5),
    "bursts": Traffic(latency=100, stalls="bursts", seed=6),
    "narrow": Traffic(latency=10, bandwidth=0.3),
}
NAMES = [*SAMPLES, *INT4_SAMPLES]
PREDICTED = ["conv", "tower", "mixed", "linear", "add", "image", "image_rows", "image_dilated",
             "image_pair", "image_int4", "residual", "residual_rows", "residual_int4", "window",
             "window_down", "window_row"]


def case(spec, name, traffic, *, images=1, keep_all=True):
    network = sample(name)
    timing = Timing(memory_read=traffic.latency, memory_write=traffic.latency)
    program = compile_network(network, spec, keep_all=keep_all, timing=timing)
    return Case(program, network, sample_images(network, images), traffic, 200_000)


def run_all(built, cases, folder):
    """Each case with its images, which are right; all in one session of the simulator."""
    results = run_batch(built, cases, folder, check_rules=True)
    for each, images in zip(cases, results, strict=True):
        assert len(images) == len(each.inputs)
        for image in images:
            assert image.difference == "", each
            assert image.outcome.counters["VECTORS"] == sum(
                layer.vectors for layer in each.program.layers), each
    return zip(cases, results, strict=True)


@pytest.mark.parametrize("traffic, names", [
    ("quick", [name for name in NAMES if name not in PREDICTED]),  # those have tests below
    ("bursts", NAMES),
], ids=["quick", "bursts"])
def test_every_kind_of_layer(built, spec, tmp_path, traffic, names):
    run_all(built, [case(spec, name, TRAFFIC[traffic]) for name in names], tmp_path)


def test_a_whole_network(built, spec, tmp_path):
    cases = [case(spec, "mixed", traffic, images=2) for traffic in TRAFFIC.values()]
    for each, images in run_all(built, cases, tmp_path):
        for image in images:
            assert image.outcome.writes_while_running == 0
            assert image.outcome.strays == [], each.traffic
            assert sum(image.layer_cycles.values()) <= image.outcome.cycles, each.traffic


def test_cycles_are_as_predicted(built, spec, tmp_path):
    pairs = [*itertools.product(PREDICTED, [1, 100]), ("mixed", 20), ("residual", 20)]
    cases = [case(spec, name, Traffic(latency=latency)) for name, latency in pairs]
    for pair, (each, [image]) in zip(pairs, run_all(built, cases, tmp_path), strict=True):
        assert wrong_predictions(each.program, image.layer_cycles) == [], pair


def test_cycles_of_what_stays_are_as_predicted(built, spec, tmp_path):
    """Nothing is stored that isn't needed; what is in memory is right."""
    pairs = list(itertools.product(["tower", "mixed", "add"], [1, 100]))
    cases = [case(spec, name, Traffic(latency=latency), keep_all=False)
             for name, latency in pairs]
    for pair, (each, [image]) in zip(pairs, run_all(built, cases, tmp_path), strict=True):
        assert pair[0] == "add" or {layer.output for layer in each.program.layers} == {
            "chip", "memory"}
        assert wrong_predictions(each.program, image.layer_cycles) == [], pair


def test_a_slower_memory_is_seen(built, spec, tmp_path):
    slow = dataclasses.replace(case(spec, "tower", Traffic(latency=20)),
                               traffic=Traffic(latency=100))
    [(_, [image])] = run_all(built, [slow], tmp_path)
    program = slow.program
    lines = wrong_predictions(program, image.layer_cycles)
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
    network = sample("conv")
    result = run_network(built, compile_network(network, spec), network,
                         sample_images(network, 1), tmp_path, timeout=100)
    assert result.difference.startswith("Image 0: no interrupt in 10")
    assert result.difference.endswith("; 0 of 1 layers were complete")


def test_on_icarus(spec, verilog, folder, tmp_path, icarus):
    """Four-state: nothing that matters is unknown."""
    built = simulation(verilog, "accelerator", folder / "icarus", simulator="icarus",
                       address_width=spec.address_width)
    run_all(built, [case(spec, name, Traffic(latency=5, stalls="often"))
                    for name in ("mixed", "image_pair")], tmp_path)


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
