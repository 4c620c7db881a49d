"""A systolic array whose cells keep the outputs: activations move right, weights down."""

from amaranth.hdl import Cat, Const, Module, Signal, Value, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..hierarchy import Packed, SharedComponent
from ..spec.mac import MacArraySpec
from .arithmetic import arithmetic
from .encoder import encoded
from .ports import array_ports
from .step_accumulator import StepAccumulator

__all__ = ["OutputSystolicArray", "OutputSystolicCell", "OutputSystolicColumn"]


def _operand_layout(spec):
    fields = {"elements": data.ArrayLayout(signed(spec.moving_width), spec.halves),
              "valid": 1, "first": 1, "last": 1}
    return Packed(data.StructLayout(fields))


def _weight_layout(spec):
    fields = {"stored": spec.storage_width}
    if spec.switchable:
        fields["int4"] = 1
    return Packed(data.StructLayout(fields))


def _passed(m, layout, value, name):
    """What a cell passes on, one cycle later; only ``valid`` needs a reset."""
    register = Signal(layout, name=name, reset_less=True)
    m.d.sync += register.eq(value)
    return register


class OutputSystolicCell(SharedComponent):
    """Multiplies what passes by and keeps the sum; hands a finished sum to a drain register.

    Latency: elements pass in 1 cycle; ``drained`` holds the sum of a tile from 3 cycles after
    the cell met its last elements, until the next tile's, or until ``shift``.

    Parameters
    ----------
    spec : MacArraySpec

    Members
    -------
    operand, next_operand : In, Out
        Elements with ``valid``, ``first``, ``last``, from the column to the left.
    weight, next_weight : In, Out
        From the lane above.
    shift : In(1)
        Takes ``below`` as the drained sum.
    below, drained : In, Out(accumulator_width + 1)
        Sum and, above it, overflow flag.
    """

    module_name = "output_systolic_cell"

    def __init__(self, spec: MacArraySpec):
        self._spec = spec
        self._arithmetic = arithmetic(spec)
        width = spec.accumulator_width + 1
        super().__init__({
            "operand": In(_operand_layout(spec)), "next_operand": Out(_operand_layout(spec)),
            "weight": In(_weight_layout(spec)), "next_weight": Out(_weight_layout(spec)),
            "shift": In(1), "below": In(width), "drained": Out(width)})

    def elaborate(self, platform):
        spec = self._spec
        m = Module()
        total = StepAccumulator(width=spec.sum_width, accumulator_width=spec.accumulator_width)
        total.place(m, platform, "accumulator")
        valid, first, complete, finished = Signal(), Signal(), Signal(), Signal()
        step = Signal(signed(spec.sum_width), reset_less=True)
        drained = Signal.like(self.drained, name="drain", reset_less=True)
        m.d.sync += [
            step.eq(self._product(m, platform)), valid.eq(self.operand.valid),
            first.eq(self.operand.first), complete.eq(self.operand.valid & self.operand.last),
            finished.eq(complete),
        ]
        with m.If(finished):
            m.d.sync += drained.eq(Cat(total.total, total.overflow))
        with m.Elif(self.shift):
            m.d.sync += drained.eq(self.below)
        m.d.comb += [
            total.step.eq(step), total.first.eq(first), total.enable.eq(valid),
            self.drained.eq(drained),
            self.next_operand.eq(
                _passed(m, _operand_layout(spec), self.operand, "operand_register")),
            self.next_operand.valid.eq(valid),
            self.next_weight.eq(_passed(m, _weight_layout(spec), self.weight, "weight_register")),
        ]
        return m

    def _product(self, m, platform):
        spec = self._spec
        int4 = self.weight.int4 if spec.switchable else Const(0, 1)
        operand = encoded(m, platform, spec, self.operand.elements, int4, "encoder")
        correction = None
        if self._arithmetic.corrected:
            correction = self._arithmetic.correction(m, platform, [operand], int4, spec.sum_width)
        product = self._arithmetic.multiply(m, operand, self.weight.stored)
        total = self._arithmetic.sum(m, platform, [product], correction, int4,
                                     width=spec.sum_width, registers=[])
        return self._arithmetic.finish(total)


class OutputSystolicColumn(SharedComponent):
    """``lanes`` cells; weights enter at lane 0, sums leave there.

    Members
    -------
    operands, next_operands : In, Out
        Of lane ``n``, ``n`` cycles after those of lane 0.
    weight : In
    shift : In(1)
        Moves all drained sums one lane up.
    drained : Out(accumulator_width + 1)
        Of lane 0.
    """

    module_name = "output_systolic_column"

    def __init__(self, spec: MacArraySpec):
        self._spec = spec
        operands = Packed(data.ArrayLayout(_operand_layout(spec), spec.lanes))
        super().__init__({
            "operands": In(operands), "next_operands": Out(operands),
            "weight": In(_weight_layout(spec)), "shift": In(1),
            "drained": Out(spec.accumulator_width + 1)})

    def elaborate(self, platform):
        spec = self._spec
        m = Module()
        cells = [OutputSystolicCell(spec) for _ in range(spec.lanes)]
        weight = self.weight
        for lane, cell in enumerate(cells):
            cell.place(m, platform, f"cell{lane}")
            m.d.comb += [cell.operand.eq(self.operands[lane]), cell.weight.eq(weight),
                         cell.shift.eq(self.shift), self.next_operands[lane].eq(cell.next_operand)]
            if lane + 1 < spec.lanes:
                m.d.comb += cell.below.eq(cells[lane + 1].drained)
            weight = cell.next_weight
        m.d.comb += self.drained.eq(cells[0].drained)
        return m


class OutputSystolicArray(wiring.Component):
    """Output-stationary systolic array; see :class:`.array.MacArray`.

    Each step multiplies a vector of ``lanes`` activations by one of ``columns`` weights; the sums
    of a tile come out lane by lane. A tile's last vector waits until the tile before has been
    taken from the drain registers, so a tile costs the larger of its length and
    ``2 * lanes + columns + 3`` cycles.
    """

    def __init__(self, spec: MacArraySpec):
        self._spec = spec
        super().__init__(array_ports(spec))

    def elaborate(self, platform):
        m = Module()
        weights, activations, sums = self.weights, self.activations, self.sums
        accept, draining, free = Signal(), Signal(), Signal()
        vector = activations.payload
        m.d.comb += [
            free.eq(~vector.last | ~draining),
            accept.eq(weights.valid & activations.valid & free),
            weights.ready.eq(activations.valid & free), activations.ready.eq(weights.valid & free),
        ]
        between = Signal(init=1)
        with m.If(accept):
            m.d.sync += between.eq(vector.last)
        columns = self._place_columns(m, platform, accept, vector.first | between)
        shift = self._drain(m, accept & vector.last, draining)
        for number, column in enumerate(columns):
            m.d.comb += [column.shift.eq(shift),
                         sums.payload.sums[number].eq(column.drained[:-1].as_signed()),
                         sums.payload.overflow[number].eq(column.drained[-1])]
        return m

    def _place_columns(self, m, platform, accept, first):
        spec = self._spec
        columns = [OutputSystolicColumn(spec) for _ in range(spec.columns)]
        vector, load = self.activations.payload, self.weights.payload
        for lane in range(spec.lanes):
            entering = Signal(_operand_layout(spec), name=f"operand{lane}")
            m.d.comb += [
                Value.cast(entering.elements).eq(
                    Cat(vector.vector[half * spec.lanes + lane] for half in range(spec.halves))),
                entering.first.eq(first), entering.last.eq(vector.last),
            ]
            valid = accept
            for cycle in range(lane + 1):
                name = f"operand{lane}_{cycle}"
                following = Signal(name=f"{name}_valid")
                m.d.sync += following.eq(valid)
                entering, valid = _passed(m, _operand_layout(spec), entering, name), following
            m.d.comb += [columns[0].operands[lane].eq(entering),
                         columns[0].operands[lane].valid.eq(valid)]
        for number, column in enumerate(columns):
            column.place(m, platform, f"column{number}")
            entering = Signal(_weight_layout(spec), name=f"weight{number}")
            m.d.comb += entering.stored.eq(load.vector[number])
            if spec.switchable:
                m.d.comb += entering.int4.eq(load.int4)
            for cycle in range(number + 1):
                entering = _passed(m, _weight_layout(spec), entering, f"weight{number}_{cycle}")
            m.d.comb += column.weight.eq(entering)
            if number + 1 < spec.columns:
                m.d.comb += columns[number + 1].operands.eq(column.next_operands)
        return columns

    def _drain(self, m, finish, draining):
        """Wait for the wave's end, then put out ``lanes`` rows. Returns the shift signal."""
        spec, sums = self._spec, self.sums
        waiting = spec.lanes + spec.columns + 2
        remaining = Signal(range(waiting + 1))
        row = Signal(range(spec.lanes))
        shift = Signal()
        with m.If(finish):
            m.d.sync += [draining.eq(1), remaining.eq(waiting), row.eq(0),
                         sums.payload.mode.eq(self.activations.payload.mode)]
        with m.Elif(remaining != 0):
            m.d.sync += remaining.eq(remaining - 1)
        m.d.comb += [
            sums.valid.eq(draining & (remaining == 0)), shift.eq(sums.valid & sums.ready),
            sums.payload.first.eq(row == 0), sums.payload.last.eq(row == spec.lanes - 1),
        ]
        with m.If(shift):
            m.d.sync += row.eq(row + 1)
            with m.If(sums.payload.last):
                m.d.sync += draining.eq(0)
        return shift
