"""Headers word by word: what is kept, and which fault golden finds."""

import random

import pytest

from sparrow.golden.codec import ERRORS, Header, StreamError
from sparrow.hw.decode.header import HeaderReader
from sparrow.hw.spec.decode import DecompressorSpec
from sparrow.hw.spec.faults import StreamFault

from .simulate import simulate

SPEC = DecompressorSpec(columns=5, codebook=32)
TRIALS = 400


class _Enough(Exception):
    """The first word has been accepted."""


def first_fault(word):
    """What golden says of a first word, 0 if nothing; what isn't built is of a wrong format."""
    words = iter([word])

    def following():
        for each in words:
            return each
        raise _Enough

    try:
        Header.read(following, SPEC.lanes, SPEC.columns)
    except StreamError as error:
        return error.code
    except _Enough:
        return ERRORS["FORMAT"] if word >> 15 & 1 else 0


def words_near_good_ones(source):
    """First words with a few bits wrong."""
    for _ in range(TRIALS):
        codec = source.randrange(6)
        argument = source.randrange(128 >> source.randrange(8)) if codec > 1 else 0
        word = 4 | codec << 4 | argument << 16 | (codec == 4) << 8
        for _ in range(source.choice((0, 0, 1, 2))):
            word ^= 1 << source.randrange(32)
        yield word


def test_first_words():
    dut, source = HeaderReader(spec=SPEC), random.Random(1)
    told, wanted = [], []

    async def bench(ctx):
        for word in words_near_good_ones(source):
            ctx.set(dut.enable, 1)
            ctx.set(dut.word, word)
            assert ctx.get(dut.want) == 3 and not ctx.get(dut.fault)
            ctx.set(dut.given, 1)
            found, expected = ctx.get(dut.fault), first_fault(word)
            told.append(found)
            wanted.append(expected)
            await ctx.tick()
            for name, place in (("map", 9), ("parameters", 10), ("wide", 11), ("each", 12),
                                ("reuse", 13)):
                assert ctx.get(dut.flags[name]) == word >> place & 1
            assert ctx.get(dut.header.argument) == word >> 16 & 127
            ctx.set(dut.given, 0)
            ctx.set(dut.clear, 1)
            await ctx.tick()
            ctx.set(dut.clear, 0)

    simulate(dut, bench)
    assert told == wanted
    assert set(wanted) == {0, ERRORS["VERSION"], ERRORS["FORMAT"], ERRORS["TABLE"]}


@pytest.mark.parametrize("words, at, fault", [
    ([0x04, 5 << 26 | 99, 0x10001], 1, "FORMAT"),
    ([0x04, 63 << 26, 0x10001], 1, "FORMAT"),
    ([0x04, 4 << 26 | 99, 0x10000], 2, "SIZE"),
    ([0x04, 99, 0x1], 2, "SIZE"),
    *(([0x001b4 | 3 << 16, 99, 0x10001, value << place], 3, "TABLE")  # not of 4 bits, in any place
      for place in (0, 8, 16, 24) for value in (8, 0x77, 0xF7, 0x10)),
    ([0x000144, 99, 0x10001, 0, 0x02, 0x2], 5, "TABLE"),  # two codes, one value
    ([0x000144, 99, 0x10001, 0, 0x02, 0x1], 5, "CODE"),  # one code of a bit, 128 of 8 bits
    ([0x044, 99, 0x10001, 0x1], 3, "CODE"),
    ([0x044, 99, 0x10001, 0x0], 3, "CODE"),  # one code of no bits
    ([0x020044, 99, 0x10001, 0x2], 3, "TABLE"),  # the escape isn't one of two
    ([0x044, 99, 0x10001, 63 << 20 | 1 << 26], 3, "TABLE"),  # 64 codes of runs
])
def test_later_words(words, at, fault):
    """The fault comes with that word, or behind the last one."""
    dut, told = HeaderReader(spec=SPEC), []

    async def bench(ctx):
        ctx.set(dut.enable, 1)
        granules = [half for word in words for half in (word & 0xFFFF, word >> 16)]
        place = 0
        while not told and not ctx.get(dut.done):
            count = ctx.get(dut.want).bit_count()
            ctx.set(dut.given, count > 0 and place + count <= len(granules))
            ctx.set(dut.word, sum(granule << 16 * number for number, granule in
                                  enumerate(granules[place:place + 2])))
            if ctx.get(dut.fault):
                told.append((place // 2, StreamFault(ctx.get(dut.fault)).name))
            place += count if ctx.get(dut.take) else 0
            await ctx.tick()

    simulate(dut, bench)
    assert [name for _, name in told] == [fault]
    assert told[0][0] >= at
    if fault not in ("TABLE", "CODE"):
        assert told[0][0] == at
