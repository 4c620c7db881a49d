"""Random networks, and the comparison of what a program gives with what the network is."""

import functools
import types

import numpy as np
import pytest
import torch

from sparrow.compiler import compile_network
from sparrow.golden.accelerator import Machine
from sparrow.golden.network import execute
from sparrow.hw.spec.accelerator import AcceleratorSpec
from sparrow.sim.accelerator.builder import Builder
from sparrow.sim.accelerator.samples import sample_images


def small_spec(lanes=4, **changes):
    """A small accelerator; buffers of 1024 rows unless told otherwise."""
    values = {"lanes": lanes, "columns": lanes, "data_width": 32, "post_lanes": min(lanes, 4),
              "buffer_bytes": 1024 * lanes, "accumulator_depth": 256, "weight_fifo_bytes": 1024,
              "max_burst": 16}
    return AcceleratorSpec(**values | changes)


def check(network, spec, image, *, orders=("eager",), keep_all=True, residency=True, fusion=True,
          codec="auto", timing=None):
    """Compile, run in some orders, compare all tensors that are kept; gives the program."""
    program = compile_network(network, spec, keep_all=keep_all, residency=residency,
                              fusion=fusion, codec=codec, timing=timing)
    expected = execute(network, image, trace=True)
    fused = {info.name for info in program.layers if info.fused_into}
    assert (set(program.kept) == set(expected) - fused if keep_all
            else network.output in program.kept)
    for order in orders:
        memory = np.random.default_rng(1).integers(0, 256, program.data_size, np.uint8)
        program.write_input(memory, image)
        run = Machine(spec, order=order).run(program.program_bytes, memory, start=program.start)
        assert not any(run.tokens), "tokens are left over"
        assert run.layers == sum(info.commands > 0 for info in program.layers)
        assert run.vectors == sum(info.vectors for info in program.layers)
        for name in program.kept:
            got = program.read_tensor(memory, name)
            assert torch.equal(got, expected[name][0]), f"{name} differs with order {order!r}"
    return program


@pytest.fixture(scope="session")
def tools():
    """The functions above, random networks and images, for tests."""
    return types.SimpleNamespace(Builder=functools.partial(Builder, prefix="layer"), check=check,
                                 images=sample_images, small_spec=small_spec)
