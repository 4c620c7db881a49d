# amaranth: UnusedElaboratable=no
"""Tokens against counters in Python."""

import random

import pytest
from amaranth.sim import Simulator

from sparrow.hw.control.tokens import Tokens
from sparrow.hw.spec.base import SpecError
from sparrow.hw.spec.commands import TOKEN_MAXIMUM, TOKENS


@pytest.mark.parametrize("seed, engines", [(0, 4), (1, 4), (2, 1), (3, 7)])
def test_requests_are_served_when_and_only_when_they_can_be(seed, engines):
    source = random.Random(seed)
    tokens = Tokens(engines=engines)
    counts = [0] * TOKENS
    served = {"take": 0, "give": 0}

    async def bench(ctx):
        asked = [None] * engines
        for _ in range(3000):
            for engine in range(engines):
                if asked[engine] is None or source.random() < 0.1:
                    kind = "give" if source.random() < (0.4, 0.6)[seed % 2] else "take"
                    asked[engine] = kind, source.choice([1 << source.randrange(TOKENS),
                                                         source.randrange(1, 1 << TOKENS)])
                for kind in ("take", "give"):
                    mask = asked[engine][1] if asked[engine] and asked[engine][0] == kind else 0
                    ctx.set(getattr(tokens, f"{kind}_{engine}"), mask)
            possible = [engine for engine in range(engines) if asked[engine] and all(
                counts[token] > 0 if asked[engine][0] == "take" else counts[token] < TOKEN_MAXIMUM
                for token in range(TOKENS) if asked[engine][1] >> token & 1)]
            done = [engine for engine in range(engines)
                    if ctx.get(getattr(tokens, f"done_{engine}"))]
            assert done == possible[:1]
            for engine in done:
                kind, mask = asked[engine]
                served[kind] += 1
                for token in range(TOKENS):
                    counts[token] += (mask >> token & 1) * (1 if kind == "give" else -1)
                asked[engine] = None
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
