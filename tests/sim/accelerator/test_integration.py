# amaranth: UnusedElaboratable=no
"""The accelerator as a system takes it: separate memories, clock ports, memories of one port,
of two cycles."""

import dataclasses
import re

import pytest

from sparrow.compiler import compile_network
from sparrow.compiler.timing import Timing
from sparrow.flow.blocks import block
from sparrow.flow.interface import Surroundings
from sparrow.hw.accelerator import Accelerator
from sparrow.hw.export import ClockPorts, flat_ports
from sparrow.sim.accelerator import Traffic, simulation
from sparrow.sim.accelerator.network import run_network
from sparrow.sim.accelerator.predictions import wrong_predictions
from sparrow.sim.accelerator.samples import INT4_SAMPLES, SAMPLES, sample, sample_images

AROUND = Surroundings(separate_memories=True, clock_ports=ClockPorts(
    clock="aclk", reset="aresetn", active_low=True))


def wrapped(text, spec):
    """The accelerator behind a top of its name with ``clk`` and ``rst``, as the bench wants it."""
    ports = flat_ports(Accelerator(spec=spec))
    declared = "".join(f"  {'input' if port.is_input else 'output'} [{port.width - 1}:0] "
                       f"{port.name};\n" for port in ports)
    inner = re.sub(r"^module accelerator\(", "module inner(", text, count=1, flags=re.M)
    return (f"{inner}\nmodule accelerator({', '.join(port.name for port in ports)}, clk, rst);\n"
            f"{declared}  input clk, rst;\n  inner inner(.aclk(clk), .aresetn(~rst), "
            + ", ".join(f".{port.name}({port.name})" for port in ports) + ");\nendmodule\n")


@pytest.fixture(scope="module")
def files(spec):
    return block("accelerator").verilog_files(spec, AROUND)


def results(built, spec, name, folder):
    network = sample(name)
    program = compile_network(network, spec)
    return run_network(built, program, network, sample_images(network, 2), folder,
                       traffic=Traffic(latency=10, stalls="often"), check_rules=True,
                       timeout=200_000)


def test_equal_in_every_bit_and_cycle(built, spec, folder, files, tmp_path):
    """Memories in a file of their own and an active-low reset change nothing."""
    other = simulation(wrapped(files.text + files.memories, spec), "accelerator",
                       folder / "separate", address_width=spec.address_width)
    for name in ("mixed", "image_rows", "window"):
        expected, found = (results(one, spec, name, tmp_path / f"{name}{number}")
                           for number, one in enumerate((built, other)))
        assert found.difference == ""
        assert found.bit_exact == 2
        assert [dataclasses.asdict(image.outcome) for image in found.images] == [
            dataclasses.asdict(image.outcome) for image in expected.images]


@pytest.mark.heavy
def test_a_memory_that_is_late_is_seen(spec, folder, files, tmp_path):
    """What stands in for a memory matters: rows of a macro with another latency are wrong."""
    late = files.memories.replace("      read_data <= rows[read_address];",
                                  "      held <= rows[read_address];\n    read_data <= held;")
    late = re.sub(r"^(  reg \[\d+:0\] )read_data;$", r"\1read_data;\n\1held;", late, flags=re.M)
    assert late.count("held") > 2
    other = simulation(wrapped(files.text + late, spec), "accelerator", folder / "late",
                       address_width=spec.address_width)
    assert results(other, spec, "conv", tmp_path).bit_exact == 0


@pytest.fixture(scope="module")
def turns_spec(spec):
    return spec.replace(single_port_accumulators=True)


@pytest.fixture(scope="module")
def turns(turns_spec, folder):
    files = block("accelerator").verilog_files(turns_spec, Surroundings(separate_memories=True))
    assert files.text.count("  sparrow_ram_1rw_16x128 ") == 2
    return simulation(files.text + files.memories, "accelerator", folder / "turns",
                      address_width=turns_spec.address_width)


@pytest.mark.parametrize("name, latency", [
    ("conv", 1), ("tower", 20), ("mixed", 1), ("mixed", 20), ("linear", 1), ("add", 20),
    ("image_rows", 1), ("image_pair", 20), ("window", 1), ("window_down", 20)])
def test_accumulators_of_one_port(turns, turns_spec, tmp_path, name, latency):
    """The same bits; what an odd number of pixels costs is predicted."""
    network = sample(name)
    timing = Timing(memory_read=latency, memory_write=latency)
    program = compile_network(network, turns_spec, timing=timing)
    result = run_network(turns, program, network, sample_images(network, 2), tmp_path,
                         traffic=Traffic(latency=latency), check_rules=True)
    assert result.difference == ""
    assert wrong_predictions(program, result.layer_cycles) == []


@pytest.fixture(scope="module")
def late_spec(spec):
    return spec.replace(memory_latency=2)


@pytest.fixture(scope="module")
def late(late_spec, folder):
    return late_simulation(late_spec, folder / "late")


def late_simulation(spec, folder):
    files = block("accelerator").verilog_files(spec, Surroundings(separate_memories=True))
    names = set(re.findall(r"^  (sparrow_ram_\w+) ", files.text, re.M))
    late = {name for name in names if name.endswith("_l2")}
    assert len(late) > 8 and len(names - late) == bool(spec.codecs)  # that of the decompressor
    return simulation(files.text + files.memories, "accelerator", folder,
                      address_width=spec.address_width)


def check_late(built, spec, folder, name, traffic, *, images=2):
    """The same bits; cycles as predicted, where the memory is as it was told to be."""
    network, latency = sample(name), traffic.latency
    program = compile_network(network, spec,
                              timing=Timing(memory_read=latency, memory_write=latency))
    result = run_network(built, program, network, sample_images(network, images), folder,
                         traffic=traffic, check_rules=True, timeout=200_000)
    assert result.difference == ""
    if traffic.stalls == "always":
        assert wrong_predictions(program, result.layer_cycles) == []


@pytest.mark.parametrize("name, latency", [("mixed", 1), ("residual", 20), ("window", 1)])
def test_memories_that_read_in_two_cycles(late, late_spec, tmp_path, name, latency):
    check_late(late, late_spec, tmp_path, name, Traffic(latency=latency), images=1)


@pytest.mark.heavy
@pytest.mark.parametrize("traffic", [
    Traffic(latency=1), Traffic(latency=20), Traffic(latency=5, stalls="often", seed=3)], ids=str)
@pytest.mark.parametrize("name", [*SAMPLES, *INT4_SAMPLES])
def test_every_layer_with_memories_of_two_cycles(late, late_spec, tmp_path, name, traffic):
    check_late(late, late_spec, tmp_path, name, traffic)


@pytest.mark.heavy
@pytest.mark.parametrize("changes", [
    {"single_port_accumulators": True, "pipeline_stages": 3},
    {"post_lanes": 2, "pipeline_stages": 4, "result_fifo_depth": 16},
    {"codecs": ("dense", "bitmask", "rle", "csr", "huffman"), "residual_add": False}], ids=str)
def test_other_accelerators_with_memories_of_two_cycles(late_spec, folder, tmp_path, changes):
    spec = late_spec.replace(**changes)
    built = late_simulation(spec, folder / f"late{len(changes)}{spec.pipeline_stages}")
    for name in ("mixed", "conv_int4", "linear", "residual", "image_rows", "window", "strided"):
        for latency in (1, 20):
            check_late(built, spec, tmp_path / f"{name}{latency}", name, Traffic(latency=latency))
