"""The three transforms of Winograd convolution as streams of vectors."""

import itertools

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..spec.winograd import WinogradSpec
from .counting import following
from .schedule import INPUT, OUTPUT, WEIGHT, Accumulations, Selections
from .stage import Stage
from .transposition import Transposition

__all__ = ["InputTransform", "OutputTransform", "WeightTransform"]


class _Transform(wiring.Component):
    """A stage, or two with a transposition in between; only the last one has output registers.

    Parameters
    ----------
    spec : WinogradSpec
    schedule : Selections or Accumulations
        Of one dimension.
    elements : int
        Elements of a vector.
    widths : tuple of int
        Bits of an element: of an input, and after each dimension.
    """

    def __init__(self, spec: WinogradSpec, schedule: Selections | Accumulations, elements: int,
                 widths: tuple[int, ...]):
        self._spec = spec
        self._schedule, self._elements, self._widths = schedule, elements, widths
        place = range(len(schedule.outputs))
        fields = {"vector": data.ArrayLayout(signed(widths[-1]), elements),
                  "row": place, "column": place}
        if len(widths) == 2:
            del fields["row"]
        super().__init__({
            "i": In(stream.Signature(data.StructLayout(
                {"vector": data.ArrayLayout(signed(widths[0]), elements)}))),
            "o": Out(stream.Signature(data.StructLayout(fields))),
        })

    @property
    def spec(self) -> WinogradSpec:
        """The specification."""
        return self._spec

    @property
    def schedule(self) -> Selections | Accumulations:
        """What each dimension computes, and when."""
        return self._schedule

    @property
    def order(self) -> list[tuple[int, ...]]:
        """The places of a tile's outputs, row before column, in the order in which they come."""
        elements = [formula.element for formula in self._schedule.outputs]
        if len(self._widths) == 2:
            return [(element,) for element in elements]
        return [(row, column) for column in elements for row in elements]

    @property
    def latency(self) -> int:
        """Cycles from a tile's first vector to its first output, if nothing waits."""
        schedule = self._schedule
        last = schedule.begins + 1
        if len(self._widths) == 2:
            return last
        rows = (schedule.inputs - 1) * schedule.period
        return rows + schedule.begins + len(schedule.outputs) + 1 + last

    def elaborate(self, platform):
        m = Module()
        divisor = self._schedule.divisor ** (len(self._widths) - 1)
        *first, last = [
            Stage(self._schedule, self._elements, width, output_width, registered=registered,
                  divisor=divisor if registered else 1)
            for (width, output_width), registered in zip(
                itertools.pairwise(self._widths), [False, True][1 - len(self._widths):],
                strict=True)]
        m.submodules.last = last
        output = self.o.payload
        m.d.comb += [output.vector.eq(last.o.payload.vector), self.o.valid.eq(last.o.valid),
                     last.o.ready.eq(self.o.ready)]
        if first:
            [begin] = first
            m.submodules.first = begin
            self._connect(m, begin, last)
            m.d.comb += output.row.eq(last.o.payload.element)
        else:
            begin = last
            m.d.comb += output.column.eq(last.o.payload.element)
        m.d.comb += [begin.i.payload.eq(self.i.payload.vector), begin.i.valid.eq(self.i.valid),
                     self.i.ready.eq(begin.i.ready)]
        return m

    def _connect(self, m, first, second):
        """Lead the first stage's outputs, transposed, to the second one; count the columns."""
        schedule = self._schedule
        m.submodules.transposition = between = Transposition(
            schedule.inputs, len(schedule.outputs), self._elements, self._widths[1])
        m.d.comb += [between.i.payload.eq(first.o.payload.vector),
                     between.i.valid.eq(first.o.valid), first.o.ready.eq(between.i.ready)]
        wiring.connect(m, between.o, second.i)
        elements = [formula.element for formula in schedule.outputs]
        position = Signal(range(len(elements)))
        last = second.o.payload.element == elements[-1]
        with m.If(self.o.valid & self.o.ready & last):
            m.d.sync += position.eq(following(position, len(elements)))
        column = elements[-1]
        for number, element in reversed(list(enumerate(elements[:-1]))):
            column = Mux(position == number, element, column)
        m.d.comb += self.o.payload.column.eq(column)


def _checked(spec: object) -> WinogradSpec:
    if not isinstance(spec, WinogradSpec):
        raise TypeError(f"spec must be a WinogradSpec, not {spec!r}")
    return spec


class InputTransform(_Transform):
    """Activations of tiles, ``B · d · Bᵀ``: what the array multiplies.

    Parameters
    ----------
    spec : WinogradSpec

    Members
    -------
    i : In(stream)
        ``vector``: ``lanes`` activations of a pixel. Tiles of ``side`` × ``side`` pixels, row by
        row, one after the other from reset; with one dimension, tiles of ``side`` pixels.
    o : Out(stream)
        ``vector``: ``lanes`` elements of ``multiplier_activation_width`` bits; ``row`` (with two
        dimensions) and ``column``: their place in the transformed tile.

    Notes
    -----
    Throughput: a vector per cycle in and out, ``positions`` cycles per tile. A stage has one
    adder per lane (``tile`` 2) or three (``tile`` 4). Latency: see :attr:`latency`. Outputs come
    in the :attr:`order` in which a stage can form them, without further input. Back-pressure:
    ``i`` isn't ready while outputs wait and all places for further ones are taken. Nothing is
    limited: all arithmetic is exact.

    Raises
    ------
    TypeError
        If ``spec`` is no ``WinogradSpec``.
    """

    def __init__(self, *, spec: WinogradSpec):
        schedule = INPUT[_checked(spec).tile]
        widths = (spec.activation_width, spec.activation_width + schedule.growth,
                  spec.multiplier_activation_width)
        super().__init__(spec, schedule, spec.lanes, widths[:spec.dimensions] + widths[-1:])


class WeightTransform(_Transform):
    """Weights of kernels, ``G · g · Gᵀ``, what activations are multiplied by.

    Parameters
    ----------
    spec : WinogradSpec

    Members
    -------
    i : In(stream)
        ``vector``: ``columns`` weights of a tap. Kernels of 3 × 3 taps, row by row, one after the
        other from reset; with one dimension, kernels of 3 taps.
    o : Out(stream)
        ``vector``: ``columns`` elements of ``multiplier_weight_width`` bits; ``row`` (with two
        dimensions) and ``column``: their place in the transformed kernel.

    Notes
    -----
    Throughput: a vector per cycle out, ``positions`` cycles per kernel, in which 3 or 9 vectors are
    taken. A stage has two adders per column. Latency, order, back-pressure and what is raised are
    as with :class:`InputTransform`.
    """

    def __init__(self, *, spec: WinogradSpec):
        schedule = WEIGHT[_checked(spec).tile]
        widths = (spec.weight_width, spec.weight_width + schedule.growth,
                  spec.multiplier_weight_width)
        super().__init__(spec, schedule, spec.columns, widths[:spec.dimensions] + widths[-1:])


class OutputTransform(_Transform):
    """The convolution's sums of sums of products, ``A · M · Aᵀ`` and its scale divided off.

    Parameters
    ----------
    spec : WinogradSpec

    Members
    -------
    i : In(stream)
        ``vector``: ``columns`` sums of a position, modulo ``2 ** sum_width``. Tiles of ``side`` ×
        ``side`` positions, row by row, one after the other from reset.
    o : Out(stream)
        ``vector``: ``columns`` results of ``output_width`` bits; ``row`` (with two dimensions)
        and ``column``: their pixel in the tile, column by column.

    Notes
    -----
    Throughput: a vector per cycle in, ``positions`` cycles per tile, in which ``tile`` or
    ``tile`` × ``tile`` vectors come out. A stage has two adders per column (``tile`` 2) or four
    accumulators (``tile`` 4). After each dimension the power of two in its scale is shifted out,
    which is exact, so that the second stage's numbers are narrower; the odd part, 3 or 9, is
    divided off at the end. Latency, back-pressure and what is raised are as with
    :class:`InputTransform`.
    """

    def __init__(self, *, spec: WinogradSpec):
        schedule = OUTPUT[_checked(spec).tile]
        widths = tuple(spec.sum_width - schedule.shift * number
                       for number in range(spec.dimensions + 1))
        super().__init__(spec, schedule, spec.columns, widths)
