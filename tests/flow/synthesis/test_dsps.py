"""How many DSP blocks arrays and Winograd units take: one for each product, and no others."""

import pytest

from sparrow.flow.blocks import block
from sparrow.flow.synthesis import estimate
from sparrow.hw.spec import MacArraySpec, Multiplier, Precision, WinogradConvSpec


@pytest.mark.heavy
@pytest.mark.parametrize("target", ["ecp5", "xc7"])
@pytest.mark.parametrize("widths", [(8, 8), (10, 12), (15, 14)])
def test_a_product_takes_a_dsp(widths, target):
    spec = MacArraySpec(lanes=2, columns=2, precision=Precision.CUSTOM, activation_width=widths[0],
                        weight_width=widths[1], multiplier=Multiplier.OPERATOR, pipeline_stages=4)
    found = block("mac-array")
    assert estimate(found.verilog(spec), found.top_name, target).dsps == 4


@pytest.mark.heavy
@pytest.mark.parametrize("tile", [2, 4])
def test_a_unit_takes_no_further_dsps(tile):
    spec = WinogradConvSpec(tile=tile, lanes=2, columns=2, tiles=2, rows=16, post_lanes=1,
                            result_fifo_depth=2, multiplier=Multiplier.OPERATOR)
    found = block("winograd")
    requantizer = 2  # 32 × 17 bits
    assert estimate(found.verilog(spec), found.top_name, "ecp5").dsps == 4 + requantizer
