"""One dimension of a transform: a row in, element by element, its transform out."""

from amaranth.hdl import Cat, Module, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..hierarchy import Packed
from .counting import any_of, following
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
    registered : bool
        Outputs come from registers; otherwise they depend on the inputs of the same cycle.

    Members
    -------
    i : In(stream of ``lanes`` elements)
        The vectors of a row, one row after the other, counted from reset.
    o : Out(stream)
        ``vector``: ``lanes`` elements. ``element``: which of the transformed row's it is; they come
        in the order of the schedule.

    Notes
    -----
    Latency: ``schedule.begins`` cycles from a row's first input to its first output, and one more
    if they are registered.
    Throughput: a row every ``schedule.period`` cycles. Outputs of complete rows come without
    further input. Back-pressure: all stands still while an output waits.
    """

    def __init__(self, schedule: Selections | Accumulations, lanes: int, width: int,
                 output_width: int, *, divisor: int = 1, registered: bool = True):
        self._registered = registered
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
        advance, accept = (Signal(name=name) for name in ("advance", "accept"))
        number = Signal(range(schedule.inputs))
        last = Signal()
        trailing = Signal(schedule.trailing)  # which output it is that comes after a row
        output = Signal(len(schedule.outputs))  # which output it is that comes in this cycle
        late = trailing[:max(0, schedule.trailing - schedule.begins)].any()
        m.d.comb += [
            self.i.ready.eq(advance & ~late),
            accept.eq(self.i.valid & self.i.ready),
            last.eq(accept & (number == schedule.inputs - 1)),
            output.eq(Cat([self.i.valid & ~late & (number == schedule.begins + place)
                           for place in range(schedule.joined)], trailing)),
        ]
        self._give(m, output, advance)
        with m.If(advance):
            m.d.sync += trailing.eq(Cat(last, trailing))
        with m.If(accept):
            m.d.sync += number.eq(following(number, schedule.inputs))
        lanes = [self._lane() for _ in range(self._lanes)]
        shared = {}
        for port, bits in self._controls(lanes[0], accept, number, output, trailing.any()).items():
            shared[port] = Signal(len(bits), name=port)
            m.d.comb += shared[port].eq(Cat(bits))
        for place, lane in enumerate(lanes):
            m.d.comb += [getattr(lane, port).eq(value) for port, value in shared.items()]
            m.d.comb += [lane.x.eq(self.i.payload[place]),
                         self.o.payload.vector[place].eq(lane.value)]
            if self._registered:
                m.d.comb += lane.enable.eq(advance)
            lane.place(m, platform, f"lane{place}")
        return m

    def _give(self, m, output, advance):
        """Offer the output of this cycle, or what the output register holds."""
        payload = self.o.payload
        element = _element(self._schedule, output)
        if not self._registered:
            m.d.comb += [advance.eq(self.o.ready), self.o.valid.eq(output.any()),
                         payload.element.eq(element)]
            return
        valid = Signal()
        m.d.comb += [advance.eq(~valid | self.o.ready), self.o.valid.eq(valid)]
        with m.If(advance):
            m.d.sync += [valid.eq(output.any()), payload.element.eq(element)]

    def _lane(self):
        if isinstance(self._schedule, Selections):
            return SelectingLane(self._schedule, self._width, self._output_width,
                                 self._registered)
        return AccumulatingLane(self._schedule, self._width, self._divisor, self._registered)

    def _controls(self, lane, accept, number, output, after):
        """What the lanes are told: bits by port. ``after`` a row, its last outputs come."""
        schedule = self._schedule
        if isinstance(schedule, Accumulations):
            taken = [{place for place, term in enumerate(formula.terms) if term}
                     for formula in schedule.outputs]
            return {"take": [accept & _among(number, places) for places in taken],
                    "steps": [_among(number, places) for places in lane.inputs_of_steps],
                    "choice": list(output[:-1])}
        bits = {"capture": [accept & _among(number, held) for held in lane.held]}
        if lane.choices:
            bits["choice"] = [any_of(output, places) for places in lane.choices]
        if lane.subtracting:
            bits["subtract"] = [any_of(output, lane.subtracting)]
        if schedule.late:
            bits["replaced"] = [after & (number > late) for late in schedule.late]
        return bits


def _among(number, places):
    """Whether a number is one of some."""
    return Cat(number == place for place in sorted(places)).any()


def _element(schedule, output):
    """The element of the transformed row that the output is."""
    bits = range((len(schedule.outputs) - 1).bit_length())
    return Cat(any_of(output, {place for place, formula in enumerate(schedule.outputs)
                             if formula.element >> bit & 1}) for bit in bits)
