"""What one dimension of each transform computes, and in which cycle: formulas as data.

A stage takes the elements of a row one by one and gives those of the transformed row one by one,
in the order of ``outputs``. The first ``joined`` of these come with the last inputs, in the same
cycles; the others follow, while inputs of the next row arrive.
"""

import dataclasses

__all__ = ["INPUT", "OUTPUT", "WEIGHT", "Accumulation", "Accumulations", "Selection", "Selections"]

Operand = tuple[int, int] | None
"""Number of an input, and how far it is shifted left; ``None``: zero."""


class Schedule:
    """What all schedules have: ``inputs``, ``outputs``, ``joined``."""

    inputs: int
    outputs: tuple
    joined: int

    @property
    def begins(self) -> int:
        """The input with which the first output comes."""
        return self.inputs - self.joined

    @property
    def trailing(self) -> int:
        """Outputs that follow the last input."""
        return len(self.outputs) - self.joined

    @property
    def period(self) -> int:
        """Cycles of a row."""
        return max(self.inputs, len(self.outputs))


@dataclasses.dataclass(frozen=True)
class Selection:
    """An output: ``first ± second``, each an operand, or two that are added or subtracted."""
    element: int
    first: tuple[Operand, ...]
    second: tuple[Operand, ...]
    subtract: bool = False


@dataclasses.dataclass(frozen=True)
class Selections(Schedule):
    """Outputs as sums of inputs that registers hold.

    Parameters
    ----------
    inputs : int
    outputs : tuple of Selection
    joined : int
    difference : bool
        Two operands within ``first`` or ``second`` are subtracted, else added.
    growth : int
        Bits that an output has more than an input.
    shift : int
        How far sums are shifted right.
    reused : tuple of (int, int)
        Pairs of inputs, the second of which takes the register of the first.
    """
    inputs: int
    outputs: tuple[Selection, ...]
    joined: int
    difference: bool
    growth: int
    shift: int = 0
    reused: tuple[tuple[int, int], ...] = ()
    divisor = 1

    @property
    def late(self) -> tuple[int, ...]:
        """Inputs that are still needed when those of the next row have replaced them."""
        found = set()
        for place, output in enumerate(self.outputs[self.joined:]):
            for operand in (*output.first, *output.second):
                if operand and place > self.period - self.inputs + operand[0]:
                    found.add(operand[0])
        return tuple(sorted(found))


@dataclasses.dataclass(frozen=True)
class Accumulation:
    """An output that grows with the inputs.

    Parameters
    ----------
    terms : tuple
        For each input ``None``, or whether it is subtracted, and its shift to the left.
    shift : int
        How far the result is shifted right.
    early : bool
        It is given out in the cycle of its last input, and not from its register.
    """
    element: int
    terms: tuple[tuple[bool, int] | None, ...]
    shift: int
    early: bool = False

    @property
    def first(self) -> int:
        """The first input that counts."""
        return next(number for number, term in enumerate(self.terms) if term)


@dataclasses.dataclass(frozen=True)
class Accumulations(Schedule):
    """Outputs that accumulate inputs, each in a register of its own.

    Parameters
    ----------
    inputs : int
    outputs : tuple of Accumulation
    joined : int
    shift : int
        Bits that an output has less than an input.
    divisor : int
        What outputs remain multiplied by: 1, or 3 with one dimension, 9 with two.
    """
    inputs: int
    outputs: tuple[Accumulation, ...]
    joined: int
    shift: int
    divisor: int


_ADD, _SUB = False, True

INPUT = {
    # d2 - d0, d3 - d1, d2 + d1, d2 - d1
    2: Selections(4, (
        Selection(0, ((2, 0),), ((0, 0),), True),
        Selection(3, ((3, 0),), ((1, 0),), True),
        Selection(1, ((2, 0),), ((1, 0),)),
        Selection(2, ((2, 0),), ((1, 0),), True)), joined=2, difference=False, growth=1),
    # 4 d0 - 5 d2 + d4 = (d4 - d2) + 4 (d0 - d2), and so on
    4: Selections(6, (
        Selection(0, ((4, 0), (2, 0)), ((0, 2), (2, 2))),
        Selection(5, ((5, 0), (3, 0)), ((1, 2), (3, 2))),
        Selection(1, ((4, 0), (2, 2)), ((3, 0), (1, 2))),
        Selection(2, ((4, 0), (2, 2)), ((3, 0), (1, 2)), True),
        Selection(3, ((4, 0), (2, 0)), ((3, 1), (1, 1))),
        Selection(4, ((4, 0), (2, 0)), ((3, 1), (1, 1)), True)),
        joined=2, difference=True, growth=4),
}

WEIGHT = {
    # 2 g0, (g0 + g2) ± g1, 2 g2
    2: Selections(3, (
        Selection(0, ((0, 0), (0, 0)), (None,)),
        Selection(1, ((0, 0), (2, 0)), ((1, 0),)),
        Selection(2, ((0, 0), (2, 0)), ((1, 0),), True),
        Selection(3, ((2, 0), (2, 0)), (None,))), joined=1, difference=False, growth=2),
    # 6 g0, 2 (g0 + g2) ± 2 g1, (g0 + 4 g2) ± 2 g1, 6 g2
    4: Selections(3, (
        Selection(0, ((0, 1), (0, 2)), (None,)),
        Selection(1, ((0, 1), (2, 1)), ((1, 1),)),
        Selection(2, ((0, 1), (2, 1)), ((1, 1),), True),
        Selection(3, ((0, 0), (2, 2)), ((1, 1),)),
        Selection(4, ((0, 0), (2, 2)), ((1, 1),), True),
        Selection(5, ((2, 1), (2, 2)), (None,))), joined=1, difference=False, growth=3),
}

OUTPUT: dict[int, Accumulations | Selections] = {
    # (M1 - M0) + M2, (M1 - M2) + M3
    2: Selections(4, (
        Selection(0, ((1, 0), (0, 0)), ((2, 0),)),
        Selection(1, ((1, 0), (2, 0)), ((3, 0),))),
        joined=2, difference=True, growth=-1, shift=1, reused=((0, 2),)),
    4: Accumulations(6, (
        Accumulation(0, ((_ADD, 0), (_SUB, 1), (_SUB, 1), (_ADD, 0), (_ADD, 0), None), 3,
                     early=True),
        Accumulation(1, (None, (_SUB, 0), (_ADD, 0), (_ADD, 0), (_SUB, 0), None), 2),
        Accumulation(2, (None, (_SUB, 0), (_SUB, 0), (_ADD, 1), (_ADD, 1), None), 2),
        Accumulation(3, (None, (_SUB, 0), (_ADD, 0), (_ADD, 2), (_SUB, 2), (_ADD, 1)), 2)),
        joined=2, shift=3, divisor=3),
}
