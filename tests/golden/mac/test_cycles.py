"""Cycle counts of products, from the formula that the RTL is held to."""

import pytest

from sparrow.golden.mac.cycles import latency, product_cycles, run_cycles
from sparrow.hw.spec import MacArraySpec


@pytest.mark.parametrize("values, cycles", [
    ({}, 16 + 36 * 4 * 3136 + 2),
    ({"load": "parallel"}, 1 + 36 * 4 * 3136 + 2),
    ({"topology": "systolic"}, 16 + 36 * 4 * 3136 + 32),
    ({"dataflow": "output_stationary"}, 3136 * 4 * 36 + 3),
    ({"dataflow": "output_stationary", "topology": "systolic"},
     196 * 4 * 576 + 35 + 15),
    ({"dataflow": "input_stationary"}, 16 + 36 * 196 * 64 + 2),
])
def test_layer(values, cycles):
    """56 × 56 pixels, 64 channels in and out, 3 × 3: all dataflows keep all multipliers busy."""
    assert product_cycles(MacArraySpec(**values), pixels=3136, inputs=576, outputs=64) == cycles


def test_int4_takes_half():
    spec = MacArraySpec(precision="int8_int4")
    full = product_cycles(spec, pixels=3136, inputs=576, outputs=64)
    half = product_cycles(spec, pixels=3136, inputs=576, outputs=64, int4=True)
    assert 2 * (half - 18) == full - 18


def test_short_blocks_wait_for_their_loads():
    spec = MacArraySpec(lanes=8, columns=4)
    assert run_cycles(spec, blocks=3, length=2) == 8 + 2 * 8 + 2 + latency(spec)
