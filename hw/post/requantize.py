"""Requantization of vectors of sums, with per-column scales that are double-buffered."""

import functools
import itertools
import operator

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..memory import TwoPortMemory
from ..spec.base import require_integer
from ..spec.requantize import RequantizeSpec
from .addition import Additions
from .issue import issue_ahead, issue_steps
from .lane import Lane
from .layouts import (
    addition_layout,
    control_layout,
    first_pass,
    parameter_layout,
    scale_layout,
    sums_layout,
    tensor_layout,
    values_layout,
)
from .sets import follow_tensor, lanes_share, load_parameters

__all__ = ["Requantize", "parameter_layout", "sums_layout", "values_layout"]


class Requantize(wiring.Component):
    """Turns vectors of accumulator sums into vectors of activations, bit-exact with golden.

    ::

        parameters ───────────┬─ two banks of scales ──┐
                              │                        │ one row a step
        i ── lanes' share ─(+ bias)── operands ── Lane × lanes ── collected steps ── o

    The scales are in a :class:`TwoPortMemory` of ``2 * steps`` rows of ``lanes`` scales, the module
    ``requantize_parameters``. Biases are in one of the same rows, ``requantize_biases``; adding
    them is a pipeline stage of its own, so that neither who puts sums out nor the multipliers wait
    for it.

    Parameters
    ----------
    spec : RequantizeSpec
        Columns, lanes, widths, rounding and options.
    additions : bool
        Whether another tensor can be added to results. Only with ``bias`` and ``collect``, and
        without ``stalls``.
    memory_latency : int
        Cycles of a read of the memories, and of an operand, 1 or 2. With 2, which is for ``bias``
        without ``stalls``, a vector must have ``first`` if the one before had ``last``, or there
        was none, and in no other case.

    Members
    -------
    i : ``In(stream.Signature(sums_layout(spec)))``
        Vectors of sums. ``first`` asks for the next set of parameters; ``first`` and ``last``
        both go to ``o`` with the vector. Every sum with its column's bias must fit
        ``accumulator_width`` signed bits, else its value is undefined.
    parameters : ``In(stream.Signature(parameter_layout(spec)))``
        One column's scale and bias a transfer, the columns of a set in any order, each once.
        ``commit``, with the last of them, completes the set and gives it the ``zero_point``,
        ``minimum`` and ``maximum`` of that transfer; in the others these don't matter.
    o : ``Out(stream.Signature(values_layout(spec)))``
        Vectors of values. If not ``collect``, the steps of vectors in order: in step ``s`` value
        ``l`` is that of column ``s * lanes + l``, and any for a column that isn't there.
    error : ``Out(1)``
        Up from the cycle after a transfer on ``parameters`` that names a column of ``columns``
        or more (it is dropped) or commits a ``minimum`` above the ``maximum`` (values are
        then one of the two), until reset.

    add : ``In(1)``
        With ``additions``: the vector on ``i`` is one to whose values an operand is added.
    addition : ``In(addition_layout(spec))``
        How, while such vectors are under way.
    fetch, behind : ``Out(1)``, operand : ``In``, ``columns`` elements
        ``memory_latency`` cycles after ``fetch``, the operand of the next such vector. With
        ``behind`` the vector before it hasn't been on ``o`` before ``fetch``.

    Raises
    ------
    TypeError
        If ``spec`` is no ``RequantizeSpec``.
    ValueError
        If ``additions`` or ``memory_latency`` don't go with it.

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
    transferred; with ``bias`` one more. So the last of ``n`` vectors, with no idle and no stall, is
    on ``o`` ``n * steps + 3`` cycles (with ``bias``: 4) after the first is offered. A set takes
    ``columns`` transfers, one a cycle, and a vector can use it in the cycle after its ``commit``,
    with a ``memory_latency`` of 2 one later: rows of biases are read a step ahead.
    If not ``collect``, step ``s`` is on ``o`` ``s + 4`` cycles (with ``bias``: 5) after the vector
    is offered.

    **Back-pressure.** A vector stays on ``i`` while its steps are taken and is transferred with the
    last one. While ``o`` is valid and not ready, all stages stand still. ``i.ready`` depends
    on ``o.ready`` and on ``i.payload.first`` within the cycle, ``parameters.ready`` on nothing.

    **Additions.** A vector's values go with the operand through :class:`.addition.Additions`, and
    the sums through the lanes once more, in cycles in which no step is taken. It takes
    ``steps + 4 * ceil(steps / 4)`` cycles, and as the first of a set waits until all before it are
    out.

    Without ``stalls`` it is up to the consumer to be ready always, and nothing stands still.

    **Reset** empties the pipeline and forgets every set, complete or not.
    """

    def __init__(self, *, spec: RequantizeSpec, additions: bool = False, memory_latency: int = 1):
        if not isinstance(spec, RequantizeSpec):
            raise TypeError(f"spec must be a RequantizeSpec, not {spec!r}")
        if additions and (spec.stalls or not (spec.bias and spec.collect)):
            raise ValueError("additions need a specification with bias and collect, without stalls")
        require_integer("memory_latency", memory_latency, 1, 2)
        if memory_latency == 2 and (spec.stalls or not spec.bias):
            raise ValueError("memory_latency 2 needs a specification with bias, without stalls")
        self._spec, self._additions, self._latency = spec, additions, memory_latency
        super().__init__({
            "i": In(stream.Signature(sums_layout(spec))),
            "parameters": In(stream.Signature(parameter_layout(spec))),
            "o": Out(stream.Signature(values_layout(spec))),
            "error": Out(1),
            **({"add": In(1), "addition": In(addition_layout(spec)), "fetch": Out(1),
                "behind": Out(1), "operand": In(spec.columns * spec.output_width)}
               if additions else {}),
        })

    @property
    def spec(self) -> RequantizeSpec:
        """The specification."""
        return self._spec

    def elaborate(self, platform):
        m = Module()
        spec = self._spec
        # Bank b of step r is row 2 r + b.
        scales, *biases = memories = [
            TwoPortMemory(name=name, depth=2 * spec.steps, width=width, parts=spec.lanes,
                          read_latency=self._latency)
            for name, width in (("requantize_parameters", scale_layout(spec).size),
                                ("requantize_biases", spec.accumulator_width))[:1 + spec.bias]]
        for memory, name in zip(memories, ("parameter_memory", "bias_memory")):
            memory.place(m, platform, name)

        advance = Signal()
        bank = Signal()
        committed = Signal()
        loaded = Signal(tensor_layout(spec), reset_less=True)
        m.d.comb += advance.eq(~self.o.valid | self.o.ready if spec.stalls else 1)
        load_parameters(m, spec, self.parameters, self.error, memories, bank, committed, loaded)
        names = ["operand", *["summed"] * spec.bias, "product", "rounded", "value"]
        controls = [Signal(control_layout(self._additions), name=f"{name}_control")
                    for name in names]
        add = self.add if self._additions else None
        if self._latency == 1:
            step, issue, take = issue_steps(m, spec, self.i, memories, advance, bank, committed,
                                            controls, add)
        else:
            step, issue, take = issue_ahead(m, spec, self.i, memories, bank, committed, controls,
                                            add)
        with m.If(advance):
            m.d.sync += [controls[0].valid.eq(issue),
                         controls[0].first.eq(self.i.payload.first),
                         controls[0].last.eq(self.i.payload.last),
                         *(after.eq(before) for before, after in itertools.pairwise(controls))]
        values = Signal(spec.lanes * spec.output_width)
        tensor, begins = follow_tensor(m, spec, advance, take, ~step.any(), loaded)
        scale = scales.read_data
        rows = None
        if self._additions:
            rows = self._place_additions(m, controls, begins, values)
            addition = self.addition
            tensor = Mux(controls[-2].again, addition.tensor, tensor)
            scale = Mux(controls[1].again, addition.scale.as_value().replicate(spec.lanes), scale)
        sums = self._operands(m, advance, step, biases, controls, rows)

        lanes = [Lane(spec=spec) for _ in range(spec.lanes)]
        for index, lane in enumerate(lanes):
            lane.place(m, platform, f"lane_{index}")
            m.d.comb += [
                *([lane.advance.eq(advance)] if spec.stalls else []),
                lane.sum.eq(sums[index]),
                lane.scale.eq(scale.word_select(index, scales.width)),
                lane.tensor.eq(tensor),
            ]
        m.d.comb += values.eq(Cat(lane.value for lane in lanes))
        self._put_out(m, advance, controls[-1], values)
        return m

    def _place_additions(self, m, controls, begins, values):
        """Send values that something is to be added to back to the lanes."""
        value, summed = controls[-1], controls[1]
        m.submodules.additions = additions = Additions(spec=self._spec)
        stage = 3 - self._latency  # that asks for its operand, so that it is there with its value
        fetched = self.fetch
        for _ in range(self._latency):
            before, fetched = fetched, Signal(name="fetched")
            m.d.sync += fetched.eq(before)
        m.d.comb += [
            self.fetch.eq(first_pass(controls[stage]) & begins[self._latency - 1]),
            self.behind.eq(functools.reduce(
                operator.or_, (control.valid for control in controls[stage + 1:]))),
            additions.addition.eq(self.addition),
            additions.taken.eq(fetched), additions.operand.eq(self.operand),
            additions.advance.eq(first_pass(value)), additions.values.eq(values),
        ]
        m.d.sync += controls[0].add.eq(self.add)
        with m.If(additions.advance):
            m.d.sync += [summed.eq(value), summed.again.eq(1)]
        return additions.rows

    def _operands(self, m, advance, step, biases, controls, rows):
        """The lanes' sums, registered, and with biases registered again.

        ``rows``, if not None, are two addends each that take their place when values go back.
        """
        layout = data.ArrayLayout(signed(self._spec.accumulator_width), self._spec.lanes)
        share, operands = Signal(layout), Signal(layout, reset_less=True)
        m.d.comb += share.as_value().eq(lanes_share(self._spec, self.i.payload.sums, step))
        with m.If(advance):
            m.d.sync += operands.eq(share)
        for memory in biases:
            summed = Signal(layout, reset_less=True)
            bias = data.View(layout, memory.read_data)
            addends = [(operands[lane], bias[lane]) for lane in range(self._spec.lanes)]
            if rows is not None:
                back = first_pass(controls[-1])
                addends = [(Mux(back, row[0].as_signed(), first),
                            Mux(back, row[1].as_signed(), second))
                           for row, (first, second) in zip(rows, addends)]
            with m.If(advance):
                m.d.sync += [summed[lane].eq(first + second)
                             for lane, (first, second) in enumerate(addends)]
            operands = summed
        return operands

    def _put_out(self, m, advance, control, values):
        """Put the steps out as they come, or keep those of a vector until its last one.

        The steps of a vector come without a gap, so whatever was between vectors is out by the end;
        only more than 4 steps of an addition come in turn with values that go back.
        """
        step = Signal(range(self._spec.steps))
        end = step == self._spec.steps - 1
        valid = control.valid & ~first_pass(control) if self._additions else control.valid
        with m.If(advance & valid):
            m.d.sync += step.eq(Mux(end, 0, step + 1))
        m.d.comb += [self.o.payload.first.eq(control.first), self.o.payload.last.eq(control.last)]
        if not self._spec.collect:
            m.d.comb += [self.o.valid.eq(valid), self.o.payload.step.eq(step),
                         self.o.payload.end.eq(end), self.o.payload.values.eq(values)]
            return
        collected = Signal(len(values) * (self._spec.steps - 1), reset_less=True)
        vector = Cat(collected, values)
        gaps = self._additions and self._spec.steps > 4
        with m.If(advance & (valid if gaps else 1)):
            m.d.sync += collected.eq(vector[len(values):])
        m.d.comb += [
            self.o.valid.eq(valid & end),
            self.o.payload.values.eq(vector[:self.o.payload.values.shape().size]),
        ]
