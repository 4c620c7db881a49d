"""The arithmetic of one element of a vector, in one dimension of a transform."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib.wiring import In, Out

from ..hierarchy import SharedComponent
from .division import ExactDivision
from .schedule import Accumulation, Accumulations, Selections

__all__ = ["AccumulatingLane", "SelectingLane", "add_or_subtract"]


def add_or_subtract(first, second, subtract, width: int):
    """``first ± second`` modulo ``2 ** width``, by one adder."""
    flipped = second ^ subtract.replicate(width)
    return (Cat(Const(1, 1), first) + Cat(subtract, flipped))[1:width + 1]


def output_register(m: Module, lane, value) -> Value:
    """A register for a lane's value, if it has an ``enable``."""
    if not hasattr(lane, "enable"):
        return value
    register = Signal(len(value), name="output", reset_less=True)
    with m.If(lane.enable):
        m.d.sync += register.eq(value)
    return register


class SelectingLane(SharedComponent):
    """Holds the inputs of a row and gives sums of them, one formula per cycle.

    Latency: 1 cycle, or none if it isn't ``registered``; an output per cycle.

    Parameters
    ----------
    schedule : Selections
    width : int
        Bits of an input.
    output_width : int
        Bits of an output.
    registered : bool
        The output comes from a register.

    Members
    -------
    x : In(signed(width))
        The input of this cycle.
    capture : In(number of ``held``)
        Which registers take it, if it is taken.
    replaced : In(number of ``schedule.late``)
        Which of these inputs have been replaced by the next row's; only if there are any.
    choice : In(number of ``choices``)
        Which operands to take; only if there are any choices.
    subtract : In(1)
        The sign of the formula's second part; only if it can be subtracted.
    enable : In(1)
        Whether the output register takes the sum; only if there is one.
    value : Out(signed(output_width))
    """

    module_name = "winograd_lane"

    def __init__(self, schedule: Selections, width: int, output_width: int, registered: bool):
        self._schedule, self._width, self._output_width = schedule, width, output_width
        self._registered = registered
        ports = {"x": In(signed(width)), "capture": In(len(self.held)),
                 "value": Out(signed(output_width))}
        if schedule.late:
            ports["replaced"] = In(len(schedule.late))
        if self.choices:
            ports["choice"] = In(len(self.choices))
        if self.subtracting:
            ports["subtract"] = In(1)
        if registered:
            ports["enable"] = In(1)
        super().__init__(ports)

    @property
    def parameters(self):
        return (self._schedule, self._width, self._output_width, self._registered)

    @property
    def held(self) -> list[set[int]]:
        """For each register the inputs that it takes."""
        reused = {second: first for first, second in self._schedule.reused}
        first = sorted({source[0] for place in self._places() for source in place
                        if source is not None and source[0] is not None})
        return [{number, *(after for after, before in reused.items() if before == number)}
                for number in first]

    @property
    def subtracting(self) -> set[int]:
        """The outputs, by place in the schedule, whose second part is subtracted."""
        return {place for place, formula in enumerate(self._schedule.outputs) if formula.subtract}

    @property
    def choices(self) -> list[set[int]]:
        """For each bit of ``choice`` the outputs, by place in the schedule, for which it is up."""
        return [outputs for place in self._places() for outputs in list(place.values())[:-1]]

    def _places(self) -> list[dict[tuple[int | None, int] | None, set[int]]]:
        """For each place in a formula, what stands there, in which outputs.

        That is a number and how far it is shifted, or ``None`` for zero; the number is that of a
        register, or ``None`` for the input of the cycle.
        """
        schedule = self._schedule
        reused = {second: first for first, second in schedule.reused}
        places = []
        for number in range(len(schedule.outputs[0].first + schedule.outputs[0].second)):
            found: dict[tuple[int | None, int] | None, set[int]] = {}
            for output, formula in enumerate(schedule.outputs):
                operand: tuple[int | None, int] | None = (*formula.first, *formula.second)[number]
                if operand and output < schedule.joined and (
                        operand[0] == schedule.begins + output):
                    operand = (None, operand[1])
                elif operand and operand[0] in reused:
                    operand = (reused[operand[0]], operand[1])
                found.setdefault(operand, set()).add(output)
            places.append(dict(sorted(found.items(), key=lambda item: item[0] is not None)))
        return places

    def elaborate(self, platform):
        m = Module()
        width, held = self._output_width + self._schedule.shift, self._registers(m)
        operands, bits = [], iter(self.choice if self.choices else ())
        for number, place in enumerate(self._places()):
            *others, value = [self._operand(source, held) for source in place]
            for other in others:
                value = Mux(next(bits), other, value)
            operand = Signal(width, name=f"operand{number}")
            m.d.comb += operand.eq(value)
            operands.append(operand)
        pairs = len(self._schedule.outputs[0].first)
        first, second = self._pair(operands[:pairs]), self._pair(operands[pairs:])
        total = (add_or_subtract(first, second, self.subtract, width) if self.subtracting
                 else (first + second)[:width])
        m.d.comb += self.value.eq(output_register(m, self, total[self._schedule.shift:]))
        return m

    def _registers(self, m):
        """The inputs that are held, by number; late ones as they were before the next row."""
        held = {}
        capture = {}
        for bit, numbers in zip(self.capture, self.held, strict=True):
            number = min(numbers)
            register = Signal(signed(self._width), name=f"held{number}", reset_less=True)
            with m.If(bit):
                m.d.sync += register.eq(self.x)
            held[number], capture[number] = register, bit
        for bit, number in enumerate(self._schedule.late):
            older = Signal(signed(self._width), name=f"older{number}", reset_less=True)
            with m.If(capture[number]):
                m.d.sync += older.eq(held[number])
            held[number] = Mux(self.replaced[bit], older, held[number]).as_signed()
        return held

    def _operand(self, source, held):
        """An operand, extended to the sum's bits."""
        width = self._output_width + self._schedule.shift
        if source is None:
            return Const(0, width)
        number, shift = source
        shifted = (self.x if number is None else held[number]) << shift
        return Cat(shifted, shifted[-1].replicate(max(0, width - len(shifted))))[:width]

    def _pair(self, values):
        if len(values) == 1:
            return values[0]
        total = values[0] - values[1] if self._schedule.difference else values[0] + values[1]
        return total[:len(values[0])]


class AccumulatingLane(SharedComponent):
    """Adds the inputs of a row to its outputs, each in a register.

    Latency: 1 cycle, or none if it isn't ``registered``, from the cycle in which the schedule
    gives an output; an input per cycle.

    Parameters
    ----------
    schedule : Accumulations
    width : int
        Bits of an input; sums are modulo ``2 ** width``.
    divisor : int
        1, 3 or 9: by this outputs are divided, exactly, modulo ``2 ** (width - schedule.shift)``.
    registered : bool
        The output comes from a register.

    Members
    -------
    x : In(signed(width))
        The input of this cycle.
    take : In(outputs)
        Which outputs it counts for, if it is taken.
    steps : In(number of ``inputs_of_steps``)
        How it counts for them.
    choice : In(outputs - 1)
        Whether this output is given; the last one, if none.
    enable : In(1)
        Whether the output register takes it; only if there is one.
    value : Out(signed(width - schedule.shift))
    """

    module_name = "winograd_accumulating_lane"

    def __init__(self, schedule: Accumulations, width: int, divisor: int, registered: bool):
        self._registered = registered
        self._schedule, self._width, self._divisor = schedule, width, divisor
        outputs = len(schedule.outputs)
        super().__init__({
            "x": In(signed(width)), "take": In(outputs),
            "steps": In(len(self.inputs_of_steps)), "choice": In(outputs - 1),
            "value": Out(signed(width - schedule.shift))} | ({"enable": In(1)} if registered
                                                             else {}))

    @property
    def parameters(self):
        return (self._schedule, self._width, self._divisor, self._registered)

    @property
    def inputs_of_steps(self) -> list[set[int]]:
        """For each bit of ``steps`` the inputs for which it is up."""
        return [inputs for output in self._schedule.outputs for inputs in (
            {output.first}, _subtracted(output), *_shifted(output).values())]

    def elaborate(self, platform):
        m = Module()
        width = self._width - self._schedule.shift
        steps = iter(self.steps)
        *others, chosen = [self._result(m, number, steps)
                           for number in range(len(self._schedule.outputs))]
        for choice, other in zip(reversed(self.choice), reversed(others), strict=True):
            chosen = Mux(choice, other, chosen)
        if self._divisor != 1:
            division = ExactDivision(self._divisor, width)
            division.place(m, platform, "division")
            m.d.comb += division.dividend.eq(chosen)
            chosen = division.quotient
        m.d.comb += self.value.eq(output_register(m, self, chosen))
        return m

    def _result(self, m, number, steps):
        """An output, shifted right, from its register or, if it is early, before it."""
        output = self._schedule.outputs[number]
        width = self._width - self._schedule.shift + output.shift
        start, subtract = next(steps), next(steps)
        *others, addend = _shifts(output)
        addend = self.x << addend
        for other in others:
            addend = Mux(next(steps), self.x << other, addend)
        total = Signal(width, name=f"total{number}")
        register = Signal(width, name=f"sum{number}", reset_less=True)
        m.d.comb += total.eq(add_or_subtract(register & ~start.replicate(width), addend[:width],
                                             subtract, width))
        with m.If(self.take[number]):
            m.d.sync += register.eq(total)
        return (total if output.early else register)[output.shift:]


def _subtracted(output: Accumulation) -> set[int]:
    return {number for number, term in enumerate(output.terms) if term and term[0]}


def _shifts(output: Accumulation) -> list[int]:
    return sorted({term[1] for term in output.terms if term})


def _shifted(output: Accumulation) -> dict[int, set[int]]:
    """The inputs that are shifted, by all distances but the largest."""
    return {shift: {number for number, term in enumerate(output.terms)
                    if term and term[1] == shift} for shift in _shifts(output)[:-1]}
