"""Words of one width from words of another."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..spec.base import SpecError, require_integer

__all__ = ["Regroup"]


class Regroup(wiring.Component):
    """Joins narrow words to wide ones or splits wide ones, the lowest bits first.

    Parameters
    ----------
    input_width, output_width : int
        Bits, 1 to 4096; one a multiple of the other.

    Members
    -------
    i, o : ``stream.Signature`` of the two widths

    Raises
    ------
    SpecError
        If neither width is a multiple of the other.

    Notes
    -----
    Latency: none; ``o`` is valid in the cycle in which the last word that it needs is. Throughput:
    a word per cycle on the narrower side. ``i.ready`` depends on ``o.ready`` and ``i.valid``
    within the cycle. Reset forgets a word that is incomplete.
    """

    def __init__(self, *, input_width: int, output_width: int):
        require_integer("input_width", input_width, 1, 4096)
        require_integer("output_width", output_width, 1, 4096)
        wide, narrow = max(input_width, output_width), min(input_width, output_width)
        if wide % narrow:
            raise SpecError(f"output_width must be a multiple or a divisor of {input_width}, "
                            f"not {output_width!r}")
        self._input_width, self._output_width = input_width, output_width
        self._ratio = wide // narrow
        super().__init__({"i": In(stream.Signature(input_width)),
                          "o": Out(stream.Signature(output_width))})

    def elaborate(self, platform):
        m = Module()
        ratio = self._ratio
        number = Signal(range(max(2, ratio)))
        final = number == ratio - 1
        if self._output_width >= self._input_width:
            held = Signal(self._output_width - self._input_width, reset_less=True)
            joined = Cat(held, self.i.payload)
            m.d.comb += [
                self.o.payload.eq(joined),
                self.o.valid.eq(self.i.valid & final),
                self.i.ready.eq(~final | self.o.ready),
            ]
            with m.If(self.i.valid & ~final):
                m.d.sync += held.eq(joined >> self._input_width)
            moves = self.i.valid & self.i.ready
        else:
            with m.Switch(number):
                for word in range(ratio):
                    with m.Case(word):
                        m.d.comb += self.o.payload.eq(
                            self.i.payload[word * self._output_width:][:self._output_width])
            m.d.comb += [
                self.o.valid.eq(self.i.valid),
                self.i.ready.eq(final & self.o.ready),
            ]
            moves = self.o.valid & self.o.ready
        with m.If(moves & (ratio > 1)):
            m.d.sync += number.eq(number + 1)
        with m.If(moves & final):
            m.d.sync += number.eq(0)
        return m
