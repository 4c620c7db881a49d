"""A layer of a network on a unit for Winograd convolution, as a cocotb test: results and cycles.

It reads ``layer``, the parameters of a :class:`~sparrow.golden.winograd.ConvLayer`, beside those
of every regression.
"""

import cocotb

from sparrow.golden.winograd import ConvLayer
from sparrow.hw.spec.winograd import WinogradConvSpec

from ...report import add_coverage, bench_parameters
from .bench import WinogradConvBench
from .counting import count_cycles
from .samples import Source

_PARAMETERS = bench_parameters()
_SPEC = WinogradConvSpec.from_mapping(_PARAMETERS["spec"])
_SEED = _PARAMETERS["seed"]


@cocotb.test()
async def layer(dut):
    """All results of the layer are golden's, and it takes the cycles that are predicted."""
    bench = WinogradConvBench(dut, _SPEC, seed=_SEED)
    fields = dict(_PARAMETERS["layer"])
    cycles = await count_cycles(bench, Source(_SPEC, _SEED), planned=True, layer=ConvLayer(
        **fields | {"padding": tuple(fields["padding"])}))
    add_coverage({**bench.coverage(), "layer cycles": cycles})
