"""Tables of prefix codes against those of the words themselves."""

import pytest

from sparrow.hw.decode.codes import CodeReader

from .lane_streams import canonical
from .simulate import simulate

COUNTS = [
    (0,) * 8,
    (2, 0, 0, 0, 0, 0, 0, 0),
    (1, 1, 1, 1, 1, 1, 1, 2),
    (0, 0, 0, 0, 0, 0, 0, 255),
    (0, 2, 1, 2, 3, 2, 0, 4),
    (1, 0, 3, 0, 2, 0, 5, 1),
]


def read(counts, *, late=()):
    """``free``, ``offsets`` by length, lengths in excess, and the total; granules come late
    where ``late`` tells by how many cycles."""
    dut, found = CodeReader(), {"free": [], "offsets": [], "excess": []}
    granules = [low | high << 8 for low, high in zip(counts[::2], counts[1::2])]
    waits = [*late, 0, 0, 0, 0]

    async def bench(ctx):
        for _ in range(2):  # the second code as if there had been no first
            ctx.set(dut.enable, 1)
            place, wait = 0, waits[0]
            for part in found.values():
                part.clear()
            while not ctx.get(dut.done):
                wanted = ctx.get(dut.want)
                ctx.set(dut.given, wanted and not wait)
                ctx.set(dut.granule, granules[place] if wanted and not wait else 0xFFFF)
                if ctx.get(dut.step):
                    assert ctx.get(dut.index) == len(found["free"])
                    found["free"].append(ctx.get(dut.free))
                    found["offsets"].append(ctx.get(dut.offset))
                    if ctx.get(dut.excess):
                        found["excess"].append(ctx.get(dut.index) + 1)
                if wanted and wait:
                    wait -= 1
                elif wanted and ctx.get(dut.take):
                    place, wait = place + 1, waits[place + 1] if place < 3 else 0
                await ctx.tick()
            found["total"] = [ctx.get(dut.total)]
            await ctx.tick()
            ctx.set(dut.enable, 0)
            await ctx.tick()

    simulate(dut, bench)
    return found


@pytest.mark.parametrize("counts", COUNTS)
@pytest.mark.parametrize("late", [(), (2, 0, 1, 3)])
def test_tables(counts, late):
    found = read(counts, late=late)
    words = canonical(counts) if any(counts) else ()
    for length in range(1, 9):
        begun = {f"{number:0{length}b}" for number in range(1 << length)
                 if any(f"{number:0{length}b}".startswith(word) for word in words if word)}
        assert found["free"][length - 1] == (1 << length) - len(begun)
        own = [word for word in words if len(word) == length]
        for word in own:
            assert (int(word, 2) - found["offsets"][length - 1] - words.index(word)) % min(
                1 << length, 64) == 0
    assert found["total"] == [sum(counts)] and not found["excess"]


@pytest.mark.parametrize("counts, length", [
    ((3, 0, 0, 0, 0, 0, 0, 0), 1), ((1, 3, 0, 0, 0, 0, 0, 0), 2),
    ((0, 0, 0, 0, 0, 0, 128, 1), 8), ((1, 1, 1, 1, 1, 1, 1, 3), 8)])
def test_more_codes_than_numbers(counts, length):
    assert read(counts)["excess"][0] == length
