"""Dot products with accumulators in the columns: every vector brings its weights."""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring

from ..spec.mac import MacArraySpec
from .column import DotColumn
from .control import tag_pipeline
from .front import Front
from .ports import array_ports
from .step_accumulator import StepAccumulator

__all__ = ["OutputStationaryArray"]


class OutputStationaryArray(wiring.Component):
    """Output-stationary dot products; see :class:`.array.MacArray`.

    A vector and a block of weights are taken together, one pair per cycle; the sums come out
    with the last vector, ``pipeline_stages + 1`` cycles after it was taken.
    """

    def __init__(self, spec: MacArraySpec):
        self._spec = spec
        super().__init__(array_ports(spec))

    def elaborate(self, platform):
        spec = self._spec
        m = Module()
        weights, activations, sums = self.weights, self.activations, self.sums
        advance, accept = Signal(), Signal()
        tags = activations.payload
        valid, tags = tag_pipeline(m, accept, [tags.first, tags.last, tags.mode], advance,
                                   spec.pipeline_stages)
        first, last = tags[0], tags[1]
        finished, mode = tag_pipeline(m, valid & last, [tags[2:]], advance, 1)
        begins = self._begins(m, valid & advance, first, last)
        m.d.comb += [
            advance.eq(~sums.valid | sums.ready),
            accept.eq(weights.valid & activations.valid & advance),
            weights.ready.eq(activations.valid & advance),
            activations.ready.eq(weights.valid & advance),
            sums.valid.eq(finished), sums.payload.first.eq(1), sums.payload.last.eq(1),
            sums.payload.mode.eq(mode),
        ]
        front = Front(spec)
        front.place(m, platform, "front0")
        m.d.comb += [front.vector.eq(activations.payload.vector), front.enable.eq(advance)]
        if spec.switchable:
            m.d.comb += front.int4.eq(weights.payload.int4)
            _, int4 = tag_pipeline(m, accept, [weights.payload.int4], advance, 1)
        for number in range(spec.columns):
            column = DotColumn(spec)
            column.place(m, platform, f"column{number}")
            total = StepAccumulator(width=spec.sum_width, accumulator_width=spec.accumulator_width)
            total.place(m, platform, f"accumulator{number}")
            m.d.comb += [
                column.operands.eq(front.operands),
                column.load.eq(weights.payload.loads[number]), column.swap.eq(advance),
                total.step.eq(column.sum), total.first.eq(begins),
                total.enable.eq(advance & valid),
                sums.payload.sums[number].eq(total.total),
                sums.payload.overflow[number].eq(total.overflow),
            ]
            if spec.pipeline_stages > 1:
                m.d.comb += column.enable.eq(advance)
            if spec.switchable:
                m.d.comb += column.int4.eq(int4)
            if hasattr(column, "correction"):
                m.d.comb += column.correction.eq(front.correction)
        return m

    def _begins(self, m, step, first, last):
        """Whether a step begins a sum: it says so, or it is the first after a last or a reset."""
        between = Signal(init=1)
        with m.If(step):
            m.d.sync += between.eq(last)
        return first | between
