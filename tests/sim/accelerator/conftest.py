"""One simulation of a small accelerator for all tests, of all workers."""

import os

import pytest

from sparrow.flow.blocks import block
from sparrow.hw.spec.accelerator import AcceleratorSpec
from sparrow.sim.accelerator import simulation

SMALL = AcceleratorSpec(lanes=4, columns=4, data_width=32, post_lanes=4, accumulator_depth=32,
                        buffer_bytes=1024, weight_fifo_bytes=256)
CODECS = ("dense", "bitmask", "rle", "csr", "huffman")
DECODES = SMALL.replace(codecs=CODECS, accumulator_depth=256, buffer_bytes=4096)


@pytest.fixture(scope="session")
def spec():
    """The accelerator's specification."""
    return SMALL


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """A folder that all workers of a test run share."""
    base = tmp_path_factory.getbasetemp()
    return (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "accelerator"


@pytest.fixture(scope="session")
def verilog():
    """The accelerator's Verilog."""
    return block("accelerator").verilog(SMALL)


@pytest.fixture(scope="session")
def built(folder, verilog):
    """Its simulation on Verilator."""
    return simulation(verilog, "accelerator", folder, address_width=SMALL.address_width)


@pytest.fixture(scope="session")
def decoding(folder):
    """The simulation of an accelerator with all codecs."""
    return simulation(block("accelerator").verilog(DECODES), "accelerator", folder / "codecs",
                      address_width=DECODES.address_width)
