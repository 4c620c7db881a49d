"""Records of parameters, of all formats."""

import itertools
import random

import pytest

from sparrow.hw.decode.parameters import ParameterReader
from sparrow.hw.spec.decode import DecompressorSpec

from .simulate import simulate

SPEC = DecompressorSpec(columns=5, mantissa_width=16)
SCALE = 0x3F << 24 | 0xABCD


def read(*, wide, each, last_column=4, last_set=True, sets=2, seed=0):
    """Records as tuples, and what was expected; granules and readiness come and go."""
    dut, source = ParameterReader(spec=SPEC), random.Random(seed)
    found, expected = [], []

    async def bench(ctx):
        ctx.set(dut.flags, {"wide": wide, "each": each, "parameters": 1})
        ctx.set(dut.last_column, last_column)
        ctx.set(dut.last_set, last_set)
        for place in (2, 3):
            ctx.set(dut.granules[place], SCALE >> 16 * (place - 2) & 0xFFFF)
        ctx.set(dut.keep, 1)
        await ctx.tick()
        ctx.set(dut.keep, 0)
        for _ in range(sets):
            ctx.set(dut.enable, 1)
            for column in range(SPEC.columns):
                there = not last_set or column <= last_column
                own = [source.getrandbits(16), source.getrandbits(16), source.getrandbits(16),
                       source.getrandbits(6) << 8]
                while True:
                    given = source.random() < 0.6 or not there
                    for place, granule in enumerate(own):
                        ctx.set(dut.granules[place], granule if given else 0xFFFF)
                    ctx.set(dut.given, given)
                    ctx.set(dut.parameters.ready, source.random() < 0.6)
                    assert ctx.get(dut.want) == (1 | wide << 1 | each * 12 if there else 0)
                    assert ctx.get(dut.parameters.valid) == given
                    taken = ctx.get(dut.take)
                    if taken:
                        record = dut.parameters.payload
                        found.append(tuple(ctx.get(record[name]) for name in (
                            "column", "bias", "mantissa", "shift", "commit")))
                        assert ctx.get(dut.done) == (column == SPEC.columns - 1)
                    await ctx.tick()
                    if taken:
                        break
                high = own[1] if wide else 0xFFFF * (own[0] >> 15)
                scale = own[2] | own[3] << 16 if each else SCALE
                values = (own[0] | high << 16, scale & 0xFFFF, scale >> 24) if there else (0, 0, 0)
                expected.append((column, *values, int(column == SPEC.columns - 1)))
            ctx.set(dut.enable, 0)
            await ctx.tick()

    simulate(dut, bench)
    return found, expected


@pytest.mark.parametrize("wide, each", list(itertools.product((0, 1), repeat=2)))
def test_all_columns(wide, each):
    found, expected = read(wide=wide, each=each, last_set=False, last_column=1)
    assert found == expected


@pytest.mark.parametrize("last_column", range(5))
def test_columns_without_channels_get_zeros(last_column):
    found, expected = read(wide=1, each=last_column % 2, last_column=last_column, seed=last_column)
    assert found == expected


@pytest.mark.parametrize("bit", [16, 23, 30, 31])
@pytest.mark.parametrize("shared", [False, True])
def test_what_does_not_fit(bit, shared):
    dut = ParameterReader(spec=SPEC)

    async def bench(ctx):
        ctx.set(dut.flags, {"wide": 0, "each": not shared, "parameters": 1})
        ctx.set(dut.keep if shared else dut.enable, 1)
        ctx.set(dut.given, 1)
        for scale in (SCALE, SCALE | 1 << bit):
            for place in (2, 3):
                ctx.set(dut.granules[place], scale >> 16 * (place - 2) & 0xFFFF)
            assert ctx.get(dut.misfit) == (scale != SCALE)

    simulate(dut, bench)
