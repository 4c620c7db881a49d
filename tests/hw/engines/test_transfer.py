"""The loops of LOAD and STORE against nested loops in Python."""

import random

import pytest

from sparrow.hw.engines.transfer import BufferLoop, MemoryLoop
from sparrow.hw.spec.commands import Engine, Opcode
from sparrow.sim.loops.reference import (
    memory_requests,
    random_transfer,
    transfer_rows,
    whole_command,
)

_ENGINES = [(Engine.LOAD, Opcode.LOAD), (Engine.STORE, Opcode.STORE)]
_ROWS = 64


def _command(opcode, seed):
    return whole_command(opcode, random_transfer(random.Random(seed), _ROWS, 4))


@pytest.mark.parametrize("engine, opcode", _ENGINES)
@pytest.mark.parametrize("seed", range(4))
def test_requests_go_through_planes_and_runs(small_spec, walk, engine, opcode, seed):
    values = _command(opcode, seed)
    loop = MemoryLoop(spec=small_spec, engine=engine)

    def begin(ctx, moves):
        ctx.set(loop.requests.ready, moves)
        assert ctx.get(loop.busy) == ctx.get(loop.requests.valid)
        return ctx.get(loop.busy)

    def sample(ctx):
        request = ctx.get(loop.requests.payload)
        return {name: getattr(request, name) for name in ("window", "offset", "words")}

    assert walk(loop, values, seed=seed, begin=begin,
                sample=sample) == list(memory_requests(values, 1))


@pytest.mark.parametrize("engine, opcode", _ENGINES)
@pytest.mark.parametrize("seed", range(6))
def test_rows_go_through_planes_runs_and_vectors(small_spec, walk, engine, opcode, seed):
    values = _command(opcode, seed)
    loop = BufferLoop(spec=small_spec, engine=engine)

    def begin(ctx, moves):
        ctx.set(loop.advance, moves)
        return ctx.get(loop.busy)

    assert walk(loop, values, seed=seed, begin=begin,
                sample=lambda ctx: {name: ctx.get(getattr(loop, name))
                                     for name in ("bank", "row", "last")}
                ) == list(transfer_rows(values, _ROWS))
