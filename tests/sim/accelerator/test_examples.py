"""The networks of ``examples/`` with random weights, on the default accelerator."""

import importlib.util
from pathlib import Path

import pytest
import torch

from sparrow.compiler import compile_network
from sparrow.compiler.predict import Timing
from sparrow.compress import capture, quantize
from sparrow.flow.blocks import block
from sparrow.hw.spec import AcceleratorSpec
from sparrow.sim.accelerator.network import run_network
from sparrow.sim.accelerator.predictions import wrong_predictions
from sparrow.sim.accelerator.samples import sample, sample_images
from sparrow.sim.accelerator.script import Traffic
from sparrow.sim.accelerator.simulate import simulation

EXAMPLES = Path(__file__).parents[3] / "examples"


@pytest.fixture(scope="module")
def default_accelerator(tmp_path_factory):
    """A simulation of the default accelerator."""
    return simulation(block("accelerator").verilog(AcceleratorSpec()), "accelerator",
                      tmp_path_factory.mktemp("default"), address_width=32)


@pytest.mark.heavy
@pytest.mark.parametrize("latency", [20, 100])
@pytest.mark.parametrize("bits", [8, 4])
@pytest.mark.parametrize(("name", "keep_all"),
                         [("resnet8", True), ("lenet5", True), ("dscnn", False)])
def test_example(name, keep_all, bits, latency, default_accelerator, tmp_path):
    place = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    example = importlib.util.module_from_spec(place)
    place.loader.exec_module(example)
    torch.manual_seed(0)
    model = getattr(example, name)().eval()
    images = torch.randn(16, *example.SHAPE)
    network = quantize(capture(model, example.SHAPE), images, bits=bits)
    program = compile_network(network, AcceleratorSpec(), keep_all=keep_all,
                              timing=Timing(memory_read=latency, memory_write=latency))
    inputs = network.input.to_elements(images[:1]).to(torch.int8)
    result = run_network(default_accelerator, program, network, inputs, tmp_path,
                         traffic=Traffic(latency=latency))
    assert result.difference == ""
    assert wrong_predictions(program, result.layer_cycles) == []


@pytest.mark.heavy
@pytest.mark.parametrize("name", ["depthwise", "depthwise_large", "window_row", "window_column",
                                  "window_down", "window_gaps", "window_int4"])
def test_windows(name, default_accelerator, tmp_path):
    """Depthwise layers with a window of nine, with and without stalls, at the speed promised."""
    network = sample(name)
    program = compile_network(network, AcceleratorSpec(),
                              timing=Timing(memory_read=20, memory_write=20))
    inputs = sample_images(network, 2)
    for traffic in (Traffic(latency=20), Traffic(latency=5, stalls="bursts", seed=3)):
        result = run_network(default_accelerator, program, network, inputs, tmp_path,
                             traffic=traffic, check_rules=True)
        assert result.difference == ""
        if traffic.latency == 20:
            assert wrong_predictions(program, result.layer_cycles) == []
    if name == "depthwise_large":  # at least a quarter of columns x taps, and more than one tap
        assert program.layers[0].macs / program.layers[0].vectors >= 36
        assert program.layers[1].macs / program.layers[1].vectors > 20
