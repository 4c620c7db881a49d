"""The arithmetic of the weight transform: any element of a transformed kernel."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, signed
from amaranth.lib.wiring import In, Out

from ..hierarchy import SharedComponent
from .lanes import add_or_subtract
from .schedule import WEIGHT, Selections

__all__ = ["KernelElement", "choice"]


class KernelElement(SharedComponent):
    """An element of ``G · g · Gᵀ``, any one of them.

    Latency: none, it is combinational.

    Parameters
    ----------
    tile : int
    width : int
        Bits of a tap.
    output_width : int

    Members
    -------
    taps : In(9 × width)
        A kernel, row by row.
    row, column : In
        Which element, as :func:`choice` tells it.
    value : Out(signed(output_width))
    """

    module_name = "winograd_kernel_element"

    def __init__(self, tile: int, width: int, output_width: int):
        self._schedule = WEIGHT[tile]
        self._width, self._output_width = width, output_width
        bits = len(_choices(self._schedule))
        super().__init__({"taps": In(9 * width), "row": In(bits), "column": In(bits),
                          "value": Out(signed(output_width))})

    @property
    def parameters(self):
        return (self._schedule, self._width, self._output_width)

    def elaborate(self, platform):
        m = Module()
        taps = [self.taps.word_select(tap, self._width).as_signed() for tap in range(9)]
        columns = [self._sum(m, taps[column::3], self.row, self._width + self._schedule.growth,
                             f"column{column}") for column in range(3)]
        m.d.comb += self.value.eq(
            self._sum(m, columns, self.column, self._output_width, "element"))
        return m

    def _sum(self, m, inputs, chosen, width, name):
        """A formula of three inputs, the chosen one."""
        bits = iter(chosen)
        operands = []
        for number, place in enumerate(_places(self._schedule)):
            *others, value = [Const(0) if source is None else inputs[source[0]] << source[1]
                              for source in place]
            for other in others:
                value = Mux(next(bits), other, value)
            operand = Signal(signed(width), name=f"{name}_operand{number}")
            m.d.comb += operand.eq(value)
            operands.append(operand)
        first, second, third = operands
        total = Signal(signed(width), name=name)
        m.d.comb += total.eq(add_or_subtract((first + second)[:width], third, next(bits), width))
        return total


def choice(m: Module, tile: int, number: Signal, name: str) -> Signal:
    """What chooses the formula of one dimension, from the number of an element."""
    choices = _choices(WEIGHT[tile])
    bits = Signal(len(choices), name=f"{name}_choice")
    m.d.comb += bits.eq(Cat(Cat(number == element for element in sorted(elements)).any()
                            for elements in choices))
    return bits


def _places(schedule: Selections) -> list[dict[tuple[int, int] | None, set[int]]]:
    """For each place in a formula, what stands there, in the formulas of which elements."""
    places = []
    for number in range(3):
        found: dict[tuple[int, int] | None, set[int]] = {}
        for formula in schedule.outputs:
            source = (*formula.first, *formula.second)[number]
            found.setdefault(source, set()).add(formula.element)
        places.append(found)
    return places


def _choices(schedule: Selections) -> list[set[int]]:
    """The elements for which each bit of a choice is up: operands, and that one is subtracted."""
    return [*(elements for place in _places(schedule) for elements in list(place.values())[:-1]),
            {formula.element for formula in schedule.outputs if formula.subtract}]
