# amaranth: UnusedElaboratable=no
"""Accumulators whose vectors are announced, against a list of sums."""

import random

import pytest
from amaranth.sim import Simulator

from sparrow.hw.mac.announced import AnnouncedAccumulators
from sparrow.hw.spec.mac import AccumulatorsSpec


def make_spec(**changes):
    return AccumulatorsSpec(**{"columns": 2, "depth": 9, "sum_width": 12, "accumulator_width": 20,
                               "restart_after_last": True, "registered": False, "maximum": True,
                               "shifted": True, **changes})


def _vectors(source, spec):
    """Blocks of as many pixels, the first one with ``start``, the last one with ``finish``."""
    vectors = []
    for _ in range(12):
        pixels, blocks = min(spec.depth, source.choice([1, 2, 3, 5, 9])), source.randint(1, 4)
        maximum = source.getrandbits(1)
        for block in range(blocks):
            shifted = 0 if maximum else source.getrandbits(1)
            vectors += [{
                "pixel": pixel, "last": int(pixel == pixels - 1),
                "sums": [source.randint(-128, 127) for _ in range(spec.columns)],
                "mode": {"start": int(block == 0), "finish": int(block == blocks - 1),
                         "maximum": maximum, "shifted": shifted}} for pixel in range(pixels)]
    return vectors


def _conflict(spec, pixel, before):
    """Whether a vector must wait; ``before``: those announced two and one cycles ago, if any."""
    return pixel in before or (spec.single_port and before[0] is not None
                               and not (pixel ^ before[0]) & 2)


def run(spec, vectors, *, source, idle=0.0, careless=False):
    """What comes out, with ``first`` and ``last``; and whether there was an error."""
    dut = AnnouncedAccumulators(spec=spec)
    found, errors = [], []

    async def bench(ctx):
        waiting, before, coming = list(vectors), [None, None], [None, None]
        for _ in range(2000):
            vector = waiting[0] if waiting and source.random() >= idle else None
            if vector and not careless and _conflict(spec, vector["pixel"], before):
                vector = None
            if vector:
                waiting.pop(0)
            ctx.set(dut.announce, vector is not None)
            ctx.set(dut.last, vector["last"] if vector else source.getrandbits(1))
            before = [before[1], vector["pixel"] if vector else None]
            coming.append(vector)
            now = coming.pop(0)
            ctx.set(dut.i.valid, now is not None)
            ctx.set(dut.i.payload, {name: now[name] for name in ("sums", "last", "mode")} if now
                    else {"sums": [source.getrandbits(11) for _ in range(spec.columns)]})
            if ctx.get(dut.o.valid):
                o = ctx.get(dut.o.payload)
                found.append((list(o.sums), o.first, o.last))
            await ctx.tick()
        errors.append(ctx.get(dut.error))
        assert not waiting

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return found, errors[0]


def expected(spec, vectors):
    held, results = {}, []
    for vector in vectors:
        mode, pixel = vector["mode"], vector["pixel"]
        sums = [value << spec.shift * mode["shifted"] for value in vector["sums"]]
        if not mode["start"]:
            join = max if mode["maximum"] else lambda *pair: sum(pair)
            sums = [join(*pair) for pair in zip(held[pixel], sums)]
        held[pixel] = sums
        if mode["finish"]:
            results.append((sums, int(pixel == 0), vector["last"]))
    return results


@pytest.mark.parametrize("changes", [{}, {"single_port": True}, {"depth": 4, "single_port": True}])
@pytest.mark.parametrize("idle", [0, 0.3])
def test_sums(changes, idle):
    spec, source = make_spec(overflow=False, **changes), random.Random(f"{changes} {idle}")
    vectors = _vectors(source, spec)
    assert run(spec, vectors, source=source, idle=idle) == (expected(spec, vectors), 0)


@pytest.mark.parametrize("single", [False, True])
def test_distances_matter(single):
    """Vectors that are announced as soon as they are there give other sums."""
    spec, source = make_spec(overflow=False, single_port=single), random.Random(1)
    vectors = _vectors(source, spec)
    assert run(spec, vectors, source=source, careless=True)[0] != expected(spec, vectors)


def test_pixels_beyond_the_memory():
    spec, source = make_spec(depth=4), random.Random(1)
    vectors = [{"pixel": pixel, "last": int(pixel == 5), "sums": [pixel, -pixel],
                "mode": {"start": 1, "finish": 1, "maximum": 0, "shifted": 0}}
               for pixel in range(6)]
    found, error = run(spec, vectors, source=source)
    assert error and [sums for sums, *_ in found] == [[pixel, -pixel] for pixel in range(6)]


@pytest.mark.parametrize("spec, kind, text", [
    (None, TypeError, "spec must be an AccumulatorsSpec, not None"),
    (AccumulatorsSpec(), ValueError,
     "registered must be false in accumulators whose vectors are announced"),
    (make_spec(single_port=True, depth=3), ValueError,
     "depth must be at least 4 in accumulators of one port whose vectors are announced, not 3"),
])
def test_refuses(spec, kind, text):
    with pytest.raises(kind) as caught:
        AnnouncedAccumulators(spec=spec)
    assert str(caught.value) == text
