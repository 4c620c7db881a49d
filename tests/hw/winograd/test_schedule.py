"""The formulas of the hardware against golden's matrices, which have another source."""

import pytest

from sparrow.golden.winograd import matrices
from sparrow.hw.winograd.schedule import INPUT, OUTPUT, WEIGHT


def selected(schedule):
    """The matrix of formulas with registers."""
    rows = {}
    for output in schedule.outputs:
        row = [0] * schedule.inputs
        for outer, part in ((1, output.first), (-1 if output.subtract else 1, output.second)):
            for inner, operand in zip((1, -1 if schedule.difference else 1), part, strict=False):
                if operand:
                    row[operand[0]] += outer * inner << operand[1]
        rows[output.element] = tuple(row)
    return tuple(rows[element] for element in range(len(rows)))


def accumulated(schedule):
    """The matrix of formulas with accumulators; its rows are shifted to one scale."""
    rows = {}
    for output in schedule.outputs:
        factor = 1 << (schedule.shift - output.shift)
        rows[output.element] = tuple(
            0 if term is None else (-factor if term[0] else factor) << term[1]
            for term in output.terms)
    return tuple(rows[element] for element in range(len(rows)))


@pytest.mark.parametrize("tile", [2, 4])
def test_formulas(tile):
    found = matrices(tile)
    assert selected(INPUT[tile]) == found.input
    assert selected(WEIGHT[tile]) == found.weight
    assert (selected if tile == 2 else accumulated)(OUTPUT[tile]) == found.output
    assert OUTPUT[tile].divisor << OUTPUT[tile].shift == found.scale


@pytest.mark.parametrize("tile", [2, 4])
def test_formulas_that_need_no_more_than_there_is(tile):
    """An output that comes with an input needs none after it."""
    for schedule in (INPUT[tile], WEIGHT[tile], OUTPUT[2]):
        for place, output in enumerate(schedule.outputs[:schedule.joined]):
            needed = {operand[0] for operand in (*output.first, *output.second) if operand}
            assert max(needed) <= schedule.begins + place
    outputs = OUTPUT[4]
    for place, output in enumerate(outputs.outputs[:outputs.joined]):
        last = max(number for number, term in enumerate(output.terms) if term)
        assert last + (not output.early) <= outputs.begins + place
