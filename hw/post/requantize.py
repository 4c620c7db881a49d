"""Requantization of vectors of sums, with per-column scales that are double-buffered."""

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..memory import TwoPortMemory
from ..spec.requantize import RequantizeSpec
from .lane import Lane, scale_layout, tensor_layout

__all__ = ["Requantize", "parameter_layout", "sums_layout", "values_layout"]


def sums_layout(spec: RequantizeSpec) -> data.StructLayout:
    """A vector of sums: ``sums`` of all columns, and whether it is ``first``, ``last``."""
    return data.StructLayout({
        "sums": data.ArrayLayout(signed(spec.accumulator_width), spec.columns),
        "first": 1,
        "last": 1,
    })


def values_layout(spec: RequantizeSpec) -> data.StructLayout:
    """A vector of requantized values: ``values`` of all columns, ``first`` and ``last``."""
    return data.StructLayout({
        "values": data.ArrayLayout(signed(spec.output_width), spec.columns),
        "first": 1,
        "last": 1,
    })


def parameter_layout(spec: RequantizeSpec) -> data.StructLayout:
    """One column's scale; with ``commit``, also what holds for the whole tensor."""
    return data.StructLayout({
        "column": max(1, (spec.columns - 1).bit_length()),
        "mantissa": spec.mantissa_width,
        "shift": spec.shift_width,
        "zero_point": signed(spec.output_width),
        "minimum": signed(spec.output_width),
        "maximum": signed(spec.output_width),
        "commit": 1,
    })


def _control_layout() -> data.StructLayout:
    """What is known of a step: whether there is one, and whether it ends its vector."""
    return data.StructLayout({"valid": 1, "end": 1, "first": 1, "last": 1})


class Requantize(wiring.Component):
    """Turns vectors of accumulator sums into vectors of activations, bit-exact with golden.

    ::

        parameters ── two banks of scales ──┐
                                            │ one row a step
        i ── lanes' share of the sums ── Lane × lanes ── collected steps ── o

    The scales are in a :class:`TwoPortMemory` of ``2 * steps`` rows of ``lanes`` scales, the module
    ``requantize_parameters``.

    Parameters
    ----------
    spec : RequantizeSpec
        Columns, lanes, widths and rounding.

    Members
    -------
    i : ``In(stream.Signature(sums_layout(spec)))``
        Vectors of sums. ``first`` asks for the next set of parameters; ``first`` and ``last``
        both go to ``o`` with the vector.
    parameters : ``In(stream.Signature(parameter_layout(spec)))``
        One column's scale a transfer, the columns of a set in any order, each of them once.
        ``commit``, with the last of them, completes the set and gives it the ``zero_point``,
        ``minimum`` and ``maximum`` of that transfer; in the others these don't matter.
    o : ``Out(stream.Signature(values_layout(spec)))``
        Vectors of values.
    error : ``Out(1)``
        Up from the cycle after a transfer on ``parameters`` that names a column of ``columns``
        or more (its scale is dropped) or commits a ``minimum`` above the ``maximum`` (values are
        then one of the two), until reset.

    Raises
    ------
    TypeError
        If ``spec`` is no ``RequantizeSpec``.

    Notes
    -----
    **Parameters.** Each vector with ``first`` uses up exactly one committed set, and the vectors
    up to the next ``first`` use the same one; so which set a vector meets doesn't depend on when
    either arrives. A ``first`` whose set isn't committed yet waits for it, and so does the first
    vector after a reset, ``first`` or not. While one set is in use, the next one loads;
    ``parameters`` isn't ready from a ``commit`` until the ``first`` that takes the set. Zero
    point and limits are part of a set, so that tensors follow each other with no gap, and nobody
    has to know when the pipeline is empty. A column that a set doesn't name has an undefined
    scale.

    **Cycles.** Throughput: ``steps = ceil(columns / lanes)`` cycles a vector, set changes included.
    Latency: ``o`` is valid ``steps + 3`` cycles after a vector is offered, 4 cycles after it is
    transferred. So the last of ``n`` vectors, with no idle and no stall, is on ``o``
    ``n * steps + 3`` cycles after the first is offered. A set takes ``columns`` transfers, one a
    cycle, and a vector can use it in the cycle after its ``commit``.

    **Back-pressure.** A vector stays on ``i`` while its steps are taken and is transferred with the
    last one. While ``o`` is valid and not ready, all stages stand still. ``i.ready`` depends
    on ``o.ready`` and on ``i.payload.first`` within the cycle, ``parameters.ready`` on nothing.

    **Reset** empties the pipeline and forgets every set, complete or not.
    """

    def __init__(self, *, spec: RequantizeSpec):
        if not isinstance(spec, RequantizeSpec):
            raise TypeError(f"spec must be a RequantizeSpec, not {spec!r}")
        self._spec = spec
        super().__init__({
            "i": In(stream.Signature(sums_layout(spec))),
            "parameters": In(stream.Signature(parameter_layout(spec))),
            "o": Out(stream.Signature(values_layout(spec))),
            "error": Out(1),
        })

    @property
    def spec(self) -> RequantizeSpec:
        """The specification."""
        return self._spec

    def elaborate(self, platform):
        m = Module()
        spec = self._spec
        # Bank b of step r is row 2 r + b.
        memory = TwoPortMemory(name="requantize_parameters", depth=2 * spec.steps,
                               width=scale_layout(spec).size, parts=spec.lanes)
        memory.place(m, platform, "parameter_memory")

        advance = Signal()
        bank = Signal()
        committed = Signal()
        loaded = Signal(tensor_layout(spec), reset_less=True)
        m.d.comb += advance.eq(~self.o.valid | self.o.ready)
        self._load(m, memory, bank, committed, loaded)
        step, issue, switch = self._issue(m, memory, advance, bank, committed)

        operands = data.ArrayLayout(signed(spec.accumulator_width), spec.lanes)
        operand_sums = Signal(operands, reset_less=True)
        operand_control, product_control, rounded_control, value_control = (
            Signal(_control_layout(), name=f"{name}_control")
            for name in ("operand", "product", "rounded", "value"))
        operand_tensor, product_tensor, rounded_tensor = (
            Signal(tensor_layout(spec), name=f"{name}_tensor", reset_less=True)
            for name in ("operand", "product", "rounded"))
        with m.If(advance):
            m.d.sync += [
                operand_sums.eq(self._share(step)),
                operand_control.valid.eq(issue),
                operand_control.end.eq(step == spec.steps - 1),
                operand_control.first.eq(self.i.payload.first),
                operand_control.last.eq(self.i.payload.last),
                product_control.eq(operand_control),
                product_tensor.eq(operand_tensor),
                rounded_control.eq(product_control),
                rounded_tensor.eq(product_tensor),
                value_control.eq(rounded_control),
            ]
            with m.If(issue & switch):
                m.d.sync += operand_tensor.eq(loaded)

        lanes = [Lane(spec=spec) for _ in range(spec.lanes)]
        for index, lane in enumerate(lanes):
            lane.place(m, platform, f"lane_{index}")
            m.d.comb += [
                lane.advance.eq(advance),
                lane.sum.eq(operand_sums[index]),
                lane.scale.eq(memory.read_data.word_select(index, memory.width)),
                lane.tensor.eq(rounded_tensor),
            ]
        self._collect(m, advance, value_control, Cat(lane.value for lane in lanes))
        return m

    def _load(self, m, memory, bank, committed, loaded):
        """Write scales into the bank that isn't in use, until a set is committed."""
        payload = self.parameters.payload
        lanes, columns = self._spec.lanes, range(self._spec.columns)
        scale = Signal(scale_layout(self._spec))
        m.d.comb += [
            self.parameters.ready.eq(~committed),
            scale.mantissa.eq(payload.mantissa),
            scale.shift.eq(payload.shift),
            memory.write_data.eq(scale.as_value().replicate(lanes)),
            memory.write_address.eq(Cat(~bank, (
                payload.column.matches(*(c for c in columns if c // lanes >> bit & 1))
                for bit in range((self._spec.steps - 1).bit_length())))),
        ]
        with m.If(self.parameters.valid & self.parameters.ready):
            m.d.comb += memory.write_enable.eq(
                Cat(payload.column.matches(*columns[lane::lanes]) for lane in range(lanes)))
            with m.If(payload.column >= len(columns)):
                m.d.sync += self.error.eq(1)
            with m.If(payload.commit):
                m.d.sync += [
                    committed.eq(1),
                    loaded.zero_point.eq(payload.zero_point),
                    loaded.minimum.eq(payload.minimum),
                    loaded.maximum.eq(payload.maximum),
                ]
                with m.If(payload.minimum > payload.maximum):
                    m.d.sync += self.error.eq(1)

    def _issue(self, m, memory, advance, bank, committed):
        """Take the steps of the offered vector; the step, whether it goes, whether it switches."""
        step = Signal(range(self._spec.steps))
        unused = Signal(init=1)
        issue = Signal()
        switch = Signal()
        final = step == self._spec.steps - 1
        m.d.comb += [
            switch.eq((self.i.payload.first | unused) & ~step.any()),
            issue.eq(self.i.valid & (committed | ~switch)),
            self.i.ready.eq(advance & final & (committed | ~switch)),
            memory.read_enable.eq(advance & issue),
            memory.read_address.eq(Cat(bank ^ switch, step)),
        ]
        with m.If(advance & issue):
            m.d.sync += step.eq(Mux(final, 0, step + 1))
            with m.If(switch):
                m.d.sync += [bank.eq(~bank), committed.eq(0), unused.eq(0)]
        return step, issue, switch

    def _share(self, step):
        """The sums that the lanes work on in this step; any for a lane that has no column."""
        sums, lanes = self.i.payload.sums, self._spec.lanes
        share = []
        for lane in range(lanes):
            choices = [sums[column] for column in range(lane, self._spec.columns, lanes)]
            for bit in step:
                choices = [pair[0] if len(pair) == 1 else Mux(bit, pair[1], pair[0])
                           for pair in (choices[i:i + 2] for i in range(0, len(choices), 2))]
            share += choices
        return Cat(share)

    def _collect(self, m, advance, control, values):
        """Keep the steps of a vector but the last, which goes out from the lanes themselves.

        The steps of a vector come without a gap, so whatever was between vectors is out by the end.
        """
        collected = Signal(len(values) * (self._spec.steps - 1), reset_less=True)
        vector = Cat(collected, values)
        with m.If(advance):
            m.d.sync += collected.eq(vector[len(values):])
        m.d.comb += [
            self.o.valid.eq(control.valid & control.end),
            self.o.payload.first.eq(control.first),
            self.o.payload.last.eq(control.last),
            self.o.payload.values.eq(vector[:self.o.payload.values.shape().size]),
        ]
