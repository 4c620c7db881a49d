"""What accumulators of all kinds do with the sums that arrive."""

import dataclasses
import functools
import itertools
import operator

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import data

from ..spec.mac import AccumulatorsSpec

__all__ = ["Vector", "add_sums", "arriving_layout", "results_layout", "row_layout"]


def arriving_layout(spec: AccumulatorsSpec) -> data.StructLayout:
    """A transfer of one sum per column, as :func:`.ports.sums_layout` gives it.

    ``mode`` also has ``maximum``, ``shifted`` and ``subtracted`` where the specification asks for
    them.
    """
    return data.StructLayout({
        "sums": data.ArrayLayout(signed(spec.sum_width), spec.columns),
        "first": 1,
        "last": 1,
        "mode": data.StructLayout({
            "start": 1, "finish": 1, **({"maximum": 1} if spec.maximum else {}),
            **({"shifted": 1} if spec.shifted else {}),
            **({"subtracted": 1} if spec.subtracted else {})}),
    })


def row_layout(spec: AccumulatorsSpec) -> data.StructLayout:
    """A pixel's accumulators: ``sums`` and, if any, the sticky ``overflow`` of each of them."""
    return data.StructLayout({
        "sums": data.ArrayLayout(signed(spec.accumulator_width), spec.columns),
        **({"overflow": spec.columns} if spec.overflow else {}),
    })


def results_layout(spec: AccumulatorsSpec) -> data.StructLayout:
    """A pixel's accumulators, and whether its vector was the ``first``, the ``last``."""
    return data.StructLayout({
        **{name: field.shape for name, field in row_layout(spec)}, "first": 1, "last": 1})


@dataclasses.dataclass(frozen=True)
class Vector:
    """The vector in the adders: its payload, whether there is one, and what belongs to it.

    ``first``: it is the first of its block; ``past``: its ``pixel`` is beyond the memory.
    """
    payload: data.View
    valid: Value
    first: Value
    pixel: Value
    past: Value


def add_sums(m: Module, spec: AccumulatorsSpec, vector: Vector, held: data.View,
             after: data.View) -> None:
    """``after`` is ``held`` with the sums of the vector, and what went out of range."""
    mode = vector.payload.mode
    before = Signal(row_layout(spec))
    goes_on = ~mode.start & ~vector.past
    with m.If(goes_on):
        m.d.comb += before.eq(held)
    for column in range(spec.columns):
        own, kept, adds = vector.payload.sums[column], before.sums[column], Const(1, 1)
        if spec.maximum:
            # All numbers compared fit the low bits; one of the two is added to nothing.
            low = slice(0, spec.comparison_width)
            larger = held.sums[column][low].as_signed() > own[low].as_signed()
            lost = Signal(name=f"lost_{column}")
            m.d.comb += lost.eq(goes_on & mode.maximum & larger)
            kept = Mux(goes_on & ~mode.maximum | lost, held.sums[column], 0)
            adds = ~lost
        addend = Signal(signed(spec.sum_width + spec.shift * spec.shifted),
                        name=f"addend_{column}")
        total = Signal(signed(max(spec.accumulator_width, len(addend)) + 1),
                       name=f"total_{column}")
        m.d.comb += [addend.eq(_addend(spec, own, adds, mode)), after.sums[column].eq(total)]
        if spec.subtracted:
            carry = mode.subtracted
            m.d.comb += total.eq((Cat(1, kept).as_signed() + Cat(carry, addend).as_signed()) >> 1)
        else:
            m.d.comb += total.eq(kept + addend)
        if spec.overflow:
            beyond = (one ^ other for one, other in
                      itertools.pairwise(total[spec.accumulator_width - 1:]))
            m.d.comb += after.overflow[column].eq(
                before.overflow[column] | functools.reduce(operator.or_, beyond) | vector.past)


def _addend(spec, own, adds, mode):
    """A sum, shifted or not, or nothing; inverted, if it is subtracted."""
    if spec.subtracted:
        return own ^ mode.subtracted.replicate(spec.sum_width).as_signed()
    if not spec.shifted:
        return Mux(adds, own, 0)
    return Mux(adds & ~mode.shifted, own, 0) | Mux(adds & mode.shifted,
                                                   own << spec.shift, 0)
