"""Any element of a transformed kernel, combinationally."""

import pytest
import torch
from amaranth.hdl import Module, Signal
from amaranth.sim import Simulator

from sparrow.golden.winograd import transform_weight
from sparrow.hw.spec.winograd import WinogradSpec
from sparrow.hw.winograd.element import KernelElement, choice


@pytest.mark.parametrize("width", [2, 8])
@pytest.mark.parametrize("tile", [2, 4])
def test_all_elements_equal_golden(tile, width):
    """Of random kernels, and of extreme ones."""
    spec = WinogradSpec(tile=tile, weight_width=width)
    low, high = -1 << (width - 1), (1 << (width - 1)) - 1
    generator = torch.Generator().manual_seed(tile * width)
    kernels = torch.randint(low, high + 1, (12, 3, 3), generator=generator)
    kernels[:8] = torch.where(torch.rand((8, 3, 3), generator=generator) < 0.5, low, high)
    kernels[0], kernels[1] = low, high
    m = Module()
    element = m.submodules.element = KernelElement(tile, width, spec.multiplier_weight_width)
    row, column = (Signal(range(spec.side), name=name) for name in ("row", "column"))
    m.d.comb += [element.row.eq(choice(m, tile, row, "row")),
                 element.column.eq(choice(m, tile, column, "column"))]

    async def check(ctx):
        for kernel, wanted in zip(kernels, transform_weight(spec, kernels).tolist(), strict=True):
            ctx.set(element.taps, sum((tap & ((1 << width) - 1)) << width * place
                                      for place, tap in enumerate(kernel.flatten().tolist())))
            for y in range(spec.side):
                for x in range(spec.side):
                    ctx.set(row, y)
                    ctx.set(column, x)
                    assert ctx.get(element.value) == wanted[y][x], (kernel, y, x)

    simulator = Simulator(m)
    simulator.add_testbench(check)
    simulator.run()
