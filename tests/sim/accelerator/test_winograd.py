"""Winograd's algorithm on a small accelerator: random networks, bit for bit."""

import random

import pytest

from sparrow.compiler import CompileError, compile_network
from sparrow.compiler.passes import Pass
from sparrow.compiler.timing import Timing
from sparrow.flow.blocks import block
from sparrow.sim.accelerator import Traffic, simulation
from sparrow.sim.accelerator.random_networks import sparse_network, tiled_network
from sparrow.sim.accelerator.samples import sample_images

from .batch import Case, run_batch
from .conftest import SMALL

CODECS = ("dense", "bitmask", "rle", "csr", "huffman")
SPEC = SMALL.replace(precision="int8", winograd=2, winograd_tiles=6, codecs=CODECS,
                     accumulator_depth=64, buffer_bytes=4096)
STALLS = ("always", "often", "bursts", "alternate", "seldom")


@pytest.fixture
def wherever(monkeypatch):
    """Winograd's algorithm is taken wherever it can be, also where it is slower."""
    ways = Pass.ways.fget

    def tiled(work):
        return tuple(one for one in ways(work) if one.winograd) or ways(work)

    monkeypatch.setattr(Pass, "ways", property(tiled))


def drawn(seed):
    """A network, and how it is compiled."""
    source = random.Random(seed)
    network = tiled_network(source.randint)
    if source.random() < 0.5:
        network = sparse_network(network, source.randint)
    options = {"codec": source.choice(("auto", "plain", *CODECS)),
               "keep_all": source.random() < 0.5, "residency": source.random() < 0.8,
               "fusion": source.random() < 0.8}
    return network, options, source


@pytest.fixture(scope="module")
def tiling(folder):
    """The simulation of an accelerator with ``winograd``."""
    return simulation(block("accelerator").verilog(SPEC), "accelerator", folder / "winograd",
                      address_width=SPEC.address_width)


def case(seed):
    """A network on the Verilog, or None if it can't run."""
    network, options, source = drawn(seed)
    traffic = Traffic(latency=source.randint(1, 60), seed=seed,
                      stalls="always" if seed % 2 else source.choice(STALLS))
    try:
        program = compile_network(network, SPEC, **options, timing=Timing(
            memory_read=traffic.latency, memory_write=traffic.latency))
    except CompileError:
        return None
    return Case(program, network, sample_images(network, 3)[2:], traffic,
                50 * program.cycles + 20_000)


@pytest.mark.parametrize("seeds", [
    range(20), pytest.param(range(20, 400), marks=pytest.mark.heavy)], ids=["few", "many"])
def test_random_networks(tiling, wherever, tmp_path, seeds):
    cases = [found for seed in seeds if (found := case(seed)) is not None]
    assert len(cases) >= 0.6 * len(seeds)
    results = run_batch(tiling, cases, tmp_path, check_rules=True)
    wrong = 0
    for each, (image,) in zip(cases, results, strict=True):
        assert image.difference == "", each.program.layers
        assert image.outcome.counters["VECTORS"] == sum(info.vectors
                                                        for info in each.program.layers)
        measured = image.outcome.cycles
        if each.traffic.stalls == "always":
            wrong += abs(measured - each.program.cycles) > max(64, 0.03 * measured)
    assert wrong <= 0.05 * len(cases)
