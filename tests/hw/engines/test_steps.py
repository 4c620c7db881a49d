"""The loops of a COMPUTE command against nested loops in Python."""

import random

import pytest

from sparrow.hw.engines.results import ResultLoop
from sparrow.hw.engines.steps import StepLoop
from sparrow.hw.spec.commands import Opcode
from sparrow.sim.loops.reference import (
    map_granules,
    random_compute,
    random_mapped,
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


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("make", [random_mapped, random_compute, random_window])
def test_steps_without_weights_give_nothing(small_spec, walk, seed, make):
    values = _command(seed, make)
    granules, expected = list(map_granules(values)), list(steps(values, _ROWS))
    values.pop("kept", None)
    loop = StepLoop(spec=small_spec.replace(codecs=("bitmask",)))
    late, waits = random.Random(seed), False

    def begin(ctx, moves):
        nonlocal waits
        ctx.set(loop.o.ready, moves)
        waits = bool(granules) and (waits or late.random() < 0.5)
        ctx.set(loop.maps.valid, waits)
        ctx.set(loop.maps.payload, granules[0] if waits else late.getrandbits(16))
        if waits and ctx.get(loop.maps.ready):
            granules.pop(0)
            waits = False
        return ctx.get(loop.busy)

    def sample(ctx):
        step = ctx.get(loop.o.payload)
        return ctx.get(loop.o.valid) and {name: int(getattr(step, name)) for name in expected[0]}

    found = walk(loop, values, seed=seed, begin=begin, sample=sample)
    assert list(filter(None, found)) == expected
    assert not granules


@pytest.mark.parametrize("kept, out_width, expected", [
    ([False] * 35, 3, [0] * 35 + [1] * 3),
    # gone over while three pixels of the step before take their turn, and further
    ([True, False, False] * 6 + [True, True] + [False] * 15, 3,
     [1] * 3 * 8 + [0] * (15 - 2) + [1] * 3),
    ([True] * 35, 1, [1] * 36)])
def test_steps_without_weights_are_gone_over_ahead(small_spec, walk, kept, out_width, expected):
    values = whole_command(Opcode.COMPUTE, {"map": 1, "kernel_height": 6, "kernel_width": 6,
                                            "out_width": out_width, "kept": [kept]})
    granules = list(map_granules(values))
    values.pop("kept")
    loop = StepLoop(spec=small_spec.replace(codecs=("bitmask",)))

    def begin(ctx, moves):
        ctx.set(loop.o.ready, 1)
        ctx.set(loop.maps.valid, bool(granules))
        ctx.set(loop.maps.payload, granules[0] if granules else 0)
        if granules and ctx.get(loop.maps.ready):
            granules.pop(0)
        return ctx.get(loop.busy)

    found = walk(loop, values, seed=None, begin=begin, sample=lambda ctx: ctx.get(loop.o.valid))
    assert found == [0] * 3 + expected  # 3: from a granule to the first step


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
