"""The accumulator inside an output-stationary array."""

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib.wiring import In, Out

from ..hierarchy import SharedComponent

__all__ = ["StepAccumulator"]


class StepAccumulator(SharedComponent):
    """Adds up the sums of successive steps, and remembers whether they still fit.

    Latency: 1 cycle; one step per cycle.

    Parameters
    ----------
    width, accumulator_width : int
        Bits of a step's sum and of the accumulator, both with sign.

    Members
    -------
    step : In(signed(width))
    first : In(1)
        The step begins a new sum.
    enable : In(1)
        Takes the step.
    total : Out(signed(accumulator_width))
    overflow : Out(1)
        A partial sum since ``first`` was out of range; ``total`` is then its value modulo
        ``2 ** accumulator_width``.
    """

    module_name = "step_accumulator"

    def __init__(self, *, width: int, accumulator_width: int):
        self._width = width
        self._accumulator_width = accumulator_width
        super().__init__({"step": In(signed(width)), "first": In(1), "enable": In(1),
                          "total": Out(signed(accumulator_width)), "overflow": Out(1)})

    @property
    def parameters(self):
        return (self._width, self._accumulator_width)

    def elaborate(self, platform):
        m = Module()
        width = self._accumulator_width
        base = Signal(signed(width))
        result = Signal(signed(width + 1))
        total = Signal(signed(width), reset_less=True)
        overflow = Signal(reset_less=True)
        m.d.comb += [
            base.eq(Mux(self.first, 0, total)), result.eq(base + self.step),
            self.total.eq(total), self.overflow.eq(overflow),
        ]
        with m.If(self.enable):
            m.d.sync += [total.eq(result),
                         overflow.eq((overflow & ~self.first) | (result[-1] ^ result[-2]))]
        return m
