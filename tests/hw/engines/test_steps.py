"""The loops of a COMPUTE command against nested loops in Python."""

import random

import pytest

from sparrow.hw.engines.results import ResultLoop
from sparrow.hw.engines.steps import StepLoop
from sparrow.hw.spec.commands import Opcode
from sparrow.sim.loops.reference import (
    random_compute,
    random_window,
    result_rows,
    steps,
    whole_command,
)

_ROWS = 64


def _command(seed, make=random_compute):
    return whole_command(Opcode.COMPUTE, make(random.Random(seed), _ROWS))


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("make", [random_compute, random_window])
def test_steps_are_those_of_nested_loops(small_spec, walk, seed, make):
    values = _command(seed, make)
    loop = StepLoop(spec=small_spec)
    expected = list(steps(values, _ROWS))

    def begin(ctx, moves):
        ctx.set(loop.o.ready, moves)
        return ctx.get(loop.o.valid)

    def sample(ctx):
        step = ctx.get(loop.o.payload)
        return {name: int(getattr(step, name)) for name in expected[0]}

    assert walk(loop, values, seed=seed, begin=begin, sample=sample) == expected


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("make", [random_compute, random_window])
def test_results_go_through_blocks_rows_and_columns(small_spec, walk, seed, make):
    values = _command(seed, make)
    loop = ResultLoop(spec=small_spec)

    def begin(ctx, moves):
        ctx.set(loop.advance, moves)
        return ctx.get(loop.busy)

    assert walk(loop, values, seed=seed, begin=begin,
                sample=lambda ctx: {"bank": ctx.get(loop.bank), "row": ctx.get(loop.row)}
                ) == list(result_rows(values, _ROWS))
