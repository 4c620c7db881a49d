# amaranth: UnusedElaboratable=no
"""The accelerator as a system takes it: separate memories, clock ports, memories of one port,
of two cycles."""

import dataclasses
import re

import pytest

from sparrow.compiler import compile_network
from sparrow.compiler.predict import Timing
from sparrow.flow.blocks import block
from sparrow.flow.interface import Surroundings
from sparrow.hw.accelerator import Accelerator
from sparrow.hw.export import ClockPorts, flat_ports
from sparrow.sim.accelerator import Traffic, simulation
from sparrow.sim.accelerator.network import run_network
from sparrow.sim.accelerator.predictions import wrong_predictions
from sparrow.sim.accelerator.samples import INT4_SAMPLES, SAMPLES, sample, sample_images

from .batch import Case, run_batch

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


@pytest.mark.heavy
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


# changes of the specification, memories by which they are told, networks and latencies
TURNS = ({"single_port_accumulators": True}, [(r"^  sparrow_ram_1rw_16x128(_l2)? ", 2)],
         [("conv", 1), ("tower", 20), ("mixed", 1), ("mixed", 20), ("linear", 1), ("add", 20),
          ("image_rows", 1), ("image_pair", 20), ("window", 1), ("window_down", 20)])
LATE = ({"memory_latency": 2}, [(r"^  sparrow_ram_\w+(?<!_l2) ", 0)],
        [("conv", 1), ("tower", 20), ("mixed", 1), ("mixed", 20), ("linear", 1),
         ("image_rows", 1), ("window", 1), ("window_down", 20)])
KINDS = {"accumulators of one port": TURNS, "memories of two cycles": LATE,
         "both": (TURNS[0] | LATE[0], TURNS[1] + LATE[1], TURNS[2])}


@pytest.mark.parametrize("kind", [
    "both", *(pytest.param(kind, marks=pytest.mark.heavy) for kind in list(KINDS)[:2])])
def test_memories_of_other_kinds(spec, folder, tmp_path, kind):
    """The same bits; cycles are predicted, those of an odd number of pixels too.

    Memories are in a file of their own, and the reset is active-low.
    """
    changes, memories, networks = KINDS[kind]
    other = spec.replace(**changes)
    files = block("accelerator").verilog_files(other, AROUND)
    for pattern, count in memories:
        assert len(re.findall(pattern, files.text, re.M)) == count
    built = simulation(wrapped(files.text + files.memories, other), "accelerator",
                       folder / kind.replace(" ", "_"), address_width=other.address_width)
    cases = []
    for name, latency in networks:
        network = sample(name)
        timing = Timing(memory_read=latency, memory_write=latency)
        cases.append(Case(compile_network(network, other, timing=timing), network,
                          sample_images(network, 2), Traffic(latency=latency), 200_000))
    results = run_batch(built, cases, tmp_path, check_rules=True)
    for each, images in zip(cases, results, strict=True):
        assert [image.difference for image in images] == ["", ""], each
        for image in images:
            assert wrong_predictions(each.program, image.layer_cycles) == [], each


@pytest.mark.heavy
@pytest.mark.parametrize("changes", [
    {}, {"single_port_accumulators": True, "pipeline_stages": 3},
    {"post_lanes": 2, "pipeline_stages": 4, "result_fifo_depth": 16},
    {"codecs": ("dense", "bitmask", "rle", "csr", "huffman"), "residual_add": False}], ids=str)
def test_every_layer_with_memories_of_two_cycles(spec, folder, tmp_path, changes):
    """The same bits at a slow bus and at one that stalls; cycles as predicted where it doesn't."""
    late = spec.replace(memory_latency=2, **changes)
    files = block("accelerator").verilog_files(late, Surroundings(separate_memories=True))
    built = simulation(files.text + files.memories, "accelerator",
                       folder / f"late_{'_'.join(changes)}", address_width=late.address_width)
    names = ["mixed", "conv_int4", "linear", "image_rows", "window", "strided"]
    cases = []
    for name in names if changes else [*SAMPLES, *INT4_SAMPLES]:
        for traffic in (Traffic(latency=1), Traffic(latency=20),
                        Traffic(latency=5, stalls="often", seed=3)):
            network = sample(name)
            timing = Timing(memory_read=traffic.latency, memory_write=traffic.latency)
            program = compile_network(network, late, timing=timing)
            cases.append(Case(program, network, sample_images(network, 2), traffic, 200_000))
    results = run_batch(built, cases, tmp_path, check_rules=True)
    for each, images in zip(cases, results, strict=True):
        assert [image.difference for image in images] == ["", ""], each
        if each.traffic.stalls is None:
            for image in images:
                assert wrong_predictions(each.program, image.layer_cycles) == [], each
