"""Another tensor added to requantized results, before they are requantized once more."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..hierarchy import Packed, SharedComponent
from ..mac.booth import recode
from ..mac.heap import BitHeap
from ..spec.commands import ADD_FRACTION
from ..spec.mac import Multiplier
from ..spec.requantize import RequantizeSpec
from .layouts import addition_layout
from .sets import chosen

__all__ = ["AdditionLane", "Additions"]


class AdditionLane(SharedComponent):
    """A result and an operand, one of them times a factor, the other times ``2**14``.

    Parameters
    ----------
    spec : RequantizeSpec

    Members
    -------
    value, operand : ``In(signed(output_width))``
        A result, and what is added to it.
    addition : ``In(addition_layout(spec))``
    rows : ``Out``, two numbers of ``accumulator_width`` bits
        Their sum, modulo ``2**accumulator_width``, is that of both products and ``offset``.

    Notes
    -----
    Combinational. The element is recoded, not the factor: that makes four rows.
    """

    module_name = "addition_lane"

    def __init__(self, *, spec: RequantizeSpec):
        self._spec = spec
        element = signed(spec.output_width)
        super().__init__({
            "value": In(element), "operand": In(element),
            "addition": In(addition_layout(spec)),
            "rows": Out(Packed(data.ArrayLayout(spec.accumulator_width, 2))),
        })

    @property
    def parameters(self):
        return (self._spec.replace(columns=1, lanes=1),)

    def elaborate(self, platform):
        m = Module()
        spec, addition = self._spec, self.addition
        multiplied, other = (Signal(signed(spec.output_width), name=name)
                             for name in ("multiplied", "other"))
        m.d.comb += [multiplied.eq(Mux(addition.scale_result, self.value, self.operand)),
                     other.eq(Mux(addition.scale_result, self.operand, self.value))]
        if spec.multiplier is Multiplier.OPERATOR:
            m.d.comb += [self.rows[0].eq(multiplied * addition.factor),
                         self.rows[1].eq((other << ADD_FRACTION) + addition.offset)]
            return m
        heap = BitHeap(spec.accumulator_width, name="sum", platform=platform)
        self._add_product(m, heap, multiplied, addition.factor)
        for number, weight in ((other, ADD_FRACTION), (addition.offset, 0)):
            heap.add_signed(~number, weight=weight)  # -n = ~n + 1
            heap.add_constant(1 << weight)
        heap.add_constant(-2)  # -(a + b) - 2 = ~a + ~b
        heap.compress(m)
        m.d.comb += [row.eq(~value) for row, value in zip(self.rows, heap.rows(), strict=True)]
        return m

    @staticmethod
    def _add_product(m, heap, multiplied, factor):
        """The product's negative: a row for each digit, complemented, with ``-r = ~r + 1``."""
        digits, top = recode(m, multiplied, "digit")
        single, double = Cat(factor, Const(0, 2)), Cat(Const(0, 1), factor, Const(0, 1))
        places = len(single)
        for number, digit in enumerate([*digits, top]):
            last = digit is top
            once, twice = (digit["one"], digit["two"]) if last else (digit["p1"], digit["p2"])
            negative = digit["neg"] if last else digit["n1"]
            row = Signal(places, name=f"row_{number}")
            selected = once.replicate(places) & single | twice.replicate(places) & double
            if last:
                m.d.comb += row.eq(~(selected ^ negative.replicate(places)))
            else:
                m.d.comb += row.eq(~(selected | negative.replicate(places) & ~single))
            heap.add(~negative, weight=2 * number)
            heap.add_signed(row, weight=2 * number)


class Additions(wiring.Component):
    """The operands of a requantizer's lanes, and what its results give with them.

    Parameters
    ----------
    spec : RequantizeSpec

    Members
    -------
    addition : ``In(addition_layout(spec))``
    taken : ``In(1)``, operand : ``In``, ``columns`` elements
        The operand of the next vector of results, which replaces that of the last one.
    advance : ``In(1)``
        A step of results is added; the next one meets the next elements.
    values : ``In``, rows : ``Out``
        Of all lanes, see :class:`AdditionLane`.
    """

    def __init__(self, *, spec: RequantizeSpec):
        self._spec = spec
        super().__init__({
            "addition": In(addition_layout(spec)),
            "taken": In(1), "operand": In(spec.columns * spec.output_width),
            "advance": In(1), "values": In(spec.lanes * spec.output_width),
            "rows": Out(Packed(data.ArrayLayout(
                data.ArrayLayout(spec.accumulator_width, 2), spec.lanes))),
        })

    def elaborate(self, platform):
        m = Module()
        spec = self._spec
        size = spec.lanes * spec.output_width
        operand = Signal(spec.steps * size, reset_less=True)
        step = Signal(range(spec.steps))
        share = Signal(size)
        m.d.comb += share.eq(chosen([operand.word_select(number, size)
                                      for number in range(spec.steps)], step))
        with m.If(self.taken):
            m.d.sync += operand.eq(self.operand)
        with m.If(self.advance):
            m.d.sync += step.eq(Mux(step == spec.steps - 1, 0, step + 1))
        for number in range(spec.lanes):
            lane = AdditionLane(spec=spec)
            lane.place(m, platform, f"lane_{number}")
            m.d.comb += [
                lane.addition.eq(self.addition),
                lane.value.eq(self.values.word_select(number, spec.output_width)),
                lane.operand.eq(share.word_select(number, spec.output_width)),
                self.rows[number].eq(lane.rows),
            ]
        return m
