"""Tables of prefix codes against those of the words themselves."""

import pytest

from sparrow.hw.decode.codes import CodeReader

from .lane_streams import canonical
from .simulate import simulate

COUNTS = [
    (0,) * 8,
    (2, 0, 0, 0, 0, 0, 0, 0),
    (1, 1, 1, 1, 1, 1, 1, 2),
    (0, 0, 0, 0, 2, 59, 2, 0),
    (0, 2, 2, 2, 2, 2, 2, 4),
    (0, 0, 3, 9, 1, 1, 1, 2),
    (0, 0, 0, 0, 29, 5, 0, 4),
    (0, 4, 0, 0, 0, 0, 0, 0),
    (0, 0, 8, 0, 0, 0, 0, 0),
    (0,) * 7,
    (1, 1, 1, 1, 1, 1, 2),
    (0, 0, 0, 0, 31, 1, 2),
    (2, 0, 0, 0, 0, 0, 0),
]
FIELDS = 2, 3, 4, 5, 6, 6, 6


def read(counts, *, late=0):
    """``free``, ``offsets`` by length, lengths in excess, shorter codes and all; the word comes so
    many cycles late."""
    dut, found = CodeReader(), {"free": [], "offsets": [], "excess": [], "told": []}
    word, place = 0, 0
    for count, bits in zip(counts[:-1], FIELDS):
        word |= count << place
        place += bits

    async def bench(ctx):
        for _ in range(2):  # the second code as if there had been no first
            ctx.set(dut.enable, 1)
            ctx.set(dut.values, len(counts) == 7)
            cycles = 0
            for part in found.values():
                part.clear()
            while not ctx.get(dut.done):
                given = cycles >= late
                assert ctx.get(dut.want) == 3
                ctx.set(dut.given, given)
                ctx.set(dut.word, word if given else 0xFFFFFFFF)
                assert ctx.get(dut.step) == given
                if given:
                    assert ctx.get(dut.index) == len(found["free"])
                    found["free"].append(ctx.get(dut.free))
                    found["offsets"].append(ctx.get(dut.offset))
                    if ctx.get(dut.excess):
                        found["excess"].append(ctx.get(dut.index) + 1)
                    if ctx.get(dut.told):
                        found["told"].append(ctx.get(dut.total))
                    assert ctx.get(dut.take) == (len(found["free"]) == len(counts))
                cycles += 1
                await ctx.tick()
            assert cycles == len(counts) + late and not ctx.get(dut.want)
            found["total"] = [ctx.get(dut.total)]
            await ctx.tick()
            ctx.set(dut.enable, 0)
            await ctx.tick()

    simulate(dut, bench)
    return found


@pytest.mark.parametrize("counts", COUNTS)
@pytest.mark.parametrize("late", [0, 3])
def test_tables(counts, late):
    found = read(counts, late=late)
    words = canonical(counts) if any(counts) else ()
    longest = len(counts)
    for length in range(1, longest):
        begun = {f"{number:0{length}b}" for number in range(1 << length)
                 if any(f"{number:0{length}b}".startswith(word) for word in words if word)}
        assert found["free"][length - 1] == (1 << length) - len(begun)
    for length in range(1, longest + 1):
        own = [word for word in words if len(word) == length]
        for word in own:
            assert (int(word, 2) - found["offsets"][length - 1] - words.index(word)) % min(
                1 << length, 64) == 0
    assert found["told"] == [sum(counts[:-1])] and not found["excess"]
    assert found["total"] == [sum(counts) or 1 << longest]


@pytest.mark.parametrize("counts, length", [
    ((3, 0, 0, 0, 0, 0, 0, 0), 1), ((1, 3, 0, 0, 0, 0, 0), 2), ((1, 1, 1, 1, 1, 1, 3, 0), 7),
    ((0, 0, 0, 0, 33, 0, 0, 0), 5)])
def test_more_codes_than_numbers(counts, length):
    assert read(counts)["excess"][0] == length
