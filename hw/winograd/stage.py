"""One dimension of a transform: a row in, element by element, its transform out."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..hierarchy import Packed
from .lanes import AccumulatingLane, SelectingLane
from .schedule import Accumulations, Selections

__all__ = ["Stage"]


class Stage(wiring.Component):
    """Transforms rows of vectors along one dimension, all elements of a vector at once.

    Parameters
    ----------
    schedule : Selections or Accumulations
    lanes : int
        Elements of a vector.
    width, output_width : int
        Bits of an element, before and after.
    divisor : int
        What outputs are divided by; accumulations only.

    Members
    -------
    i : In(stream of ``lanes`` elements)
        The vectors of a row, one row after the other, counted from reset.
    o : Out(stream)
        ``vector``: ``lanes`` elements. ``element``: which of the transformed row's it is; they come
        in the order of the schedule.

    Notes
    -----
    Latency: ``schedule.begins + 1`` cycles from a row's first input to its first output.
    Throughput: a row every ``schedule.period`` cycles. Outputs of complete rows come without
    further input. Back-pressure: all stands still while an output waits.
    """

    def __init__(self, schedule: Selections | Accumulations, lanes: int, width: int,
                 output_width: int, divisor: int = 1):
        self._schedule, self._lanes, self._width = schedule, lanes, width
        self._output_width, self._divisor = output_width, divisor
        elements = len(schedule.outputs)
        super().__init__({
            "i": In(stream.Signature(Packed(data.ArrayLayout(signed(width), lanes)))),
            "o": Out(stream.Signature(data.StructLayout({
                "vector": Packed(data.ArrayLayout(signed(output_width), lanes)),
                "element": range(elements)}))),
        })

    def elaborate(self, platform):
        m = Module()
        schedule = self._schedule
        outputs = len(schedule.outputs)
        advance, accept, joined, valid = (
            Signal(name=name) for name in ("advance", "accept", "joined", "valid"))
        number = Signal(range(schedule.inputs))
        trailing = Signal(range(schedule.trailing + 1))
        output, element = (Signal(range(outputs), name=name) for name in ("output", "element"))
        m.d.comb += [
            advance.eq(~valid | self.o.ready),
            self.i.ready.eq(advance & (trailing <= schedule.begins)),
            accept.eq(self.i.valid & self.i.ready),
            joined.eq(accept & (number >= schedule.begins)),
            output.eq(Mux(trailing == 0, number - schedule.begins, outputs - trailing)),
            self.o.valid.eq(valid), self.o.payload.element.eq(element),
        ]
        with m.If(advance):
            m.d.sync += [valid.eq(joined | (trailing != 0)),
                         trailing.eq(Mux(trailing == 0, 0, trailing - 1)),
                         element.eq(_table([formula.element for formula in schedule.outputs],
                                           output))]
        with m.If(accept):
            m.d.sync += number.eq(number + 1)
            with m.If(number == schedule.inputs - 1):
                m.d.sync += [number.eq(0), trailing.eq(schedule.trailing)]
        lanes = [self._lane() for _ in range(self._lanes)]
        controls = self._controls(lanes[0], accept, number, output, trailing != 0)
        shared = {}
        for port, bits in controls.items():
            shared[port] = Signal(len(bits), name=port)
            m.d.comb += shared[port].eq(Cat(bits))
        for place, lane in enumerate(lanes):
            m.d.comb += [getattr(lane, port).eq(value) for port, value in shared.items()]
            m.d.comb += [lane.x.eq(self.i.payload[place]), lane.enable.eq(advance),
                         self.o.payload.vector[place].eq(lane.value)]
            lane.place(m, platform, f"lane{place}")
        return m

    def _lane(self):
        if isinstance(self._schedule, Selections):
            return SelectingLane(self._schedule, self._width, self._output_width)
        return AccumulatingLane(self._schedule, self._width, self._divisor)

    def _controls(self, lane, accept, number, output, after):
        """What the lanes are told: bits by port. ``after`` a row, its last outputs come."""
        schedule = self._schedule
        if isinstance(schedule, Accumulations):
            taken = [{place for place, term in enumerate(formula.terms) if term}
                     for formula in schedule.outputs]
            return {"take": [accept & _among(number, places) for places in taken],
                    "steps": [_among(number, places) for places in lane.inputs_of_steps],
                    "choice": [output == place for place in range(len(schedule.outputs) - 1)]}
        subtracting = {place for place, formula in enumerate(schedule.outputs)
                       if formula.subtract}
        bits = {"capture": [accept & (number == held) for held in lane.held],
                "choice": [_among(output, places) for places in lane.choices],
                "subtract": [_among(output, subtracting)]}
        if schedule.late:
            bits["replaced"] = [after & (number > late) for late in schedule.late]
        return bits


def _among(number, places):
    """Whether a number is one of some."""
    bit = Const(0, 1)
    for place in places:
        bit = bit | (number == place)
    return bit


def _table(values, index):
    """The value at an index."""
    *others, found = values
    for place, value in reversed(list(enumerate(others))):
        found = Mux(index == place, value, found)
    return found
