# amaranth: UnusedElaboratable=no
"""Tokens against counters in Python."""

import random

import pytest
from amaranth.sim import Simulator

from sparrow.hw.control.tokens import Tokens
from sparrow.hw.spec.base import SpecError
from sparrow.sim.loops.reference import TokenTable, random_token_request


@pytest.mark.parametrize("seed, engines", [(0, 4), (1, 4), (2, 1), (3, 7)])
def test_requests_are_served_when_and_only_when_they_can_be(seed, engines):
    source = random.Random(seed)
    tokens = Tokens(engines=engines)
    table = TokenTable()
    served = {"take": 0, "give": 0}

    async def bench(ctx):
        asked = [None] * engines
        for _ in range(3000):
            for engine in range(engines):
                if asked[engine] is None or source.random() < 0.1:
                    asked[engine] = random_token_request(source, (0.4, 0.6)[seed % 2])
                for kind in ("take", "give"):
                    ctx.set(getattr(tokens, f"{kind}_{engine}"),
                            asked[engine].mask if asked[engine].kind == kind else 0)
            chosen = table.serve(asked)
            done = [engine for engine in range(engines)
                    if ctx.get(getattr(tokens, f"done_{engine}"))]
            assert done == ([] if chosen is None else [chosen])
            if chosen is not None:
                served[asked[chosen].kind] += 1
                asked[chosen] = None
            await ctx.tick()

    simulator = Simulator(tokens)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    assert min(served.values()) > 10


@pytest.mark.parametrize("engines", [0, 17])
def test_refuses_a_number_of_engines(engines):
    with pytest.raises(SpecError, match=f"engines must be an integer from 1 to 16, not {engines}"):
        Tokens(engines=engines)
