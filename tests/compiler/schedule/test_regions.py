"""Places in the buffer: no two tensors that live at once overlap."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from sparrow.compiler.place import Place
from sparrow.compiler.schedule.regions import Region, Regions

ROWS, LAYERS = 64, 6


def test_blocks_alternate_between_banks():
    place = Place(row=10, plane=4)
    assert [place.at(block) for block in range(4)] == [(0, 10), (1, 10), (0, 14), (1, 14)]
    assert [place.after(1).at(block) for block in range(3)] == [(1, 10), (0, 14), (1, 14)]
    assert Place(20, 4, -3).at(3) == (0, 20)  # of a tile that begins with block 3
    assert place.after(1).rows(2) == [(1, 10, 14), (0, 14, 18)]


def test_tensors_side_by_side_in_two_banks():
    """Both are one block of more than half of a bank."""
    regions = Regions(ROWS)
    assert regions.add("a", Region(1, 40, 0, 1), 0)
    assert not regions.add("b", Region(1, 40, 1, 2), 0)
    assert regions.add("b", Region(1, 40, 1, 2), 1)
    assert regions.places == {"a": Place(0, 40), "b": Place(0, 40, 1)}
    assert not any(regions.add("c", Region(1, 30, 1, 1), bank) for bank in (0, 1))
    other = regions.copy()
    assert other.add("d", Region(1, 24, 1, 1), 0) and other.places["d"] == Place(40, 24)
    regions.remove("b")
    assert regions.add("c", Region(1, 30, 1, 1), 1)
    assert other.places.keys() == {"a", "b", "d"}


def test_room_is_used_again():
    regions = Regions(ROWS)
    for number in range(LAYERS - 1):
        assert regions.add(f"t{number}", Region(2, 32, number, number + 1), 0)
    assert len({regions.places[f"t{number}"] for number in (0, 2, 4)}) == 1
    assert not regions.add("long", Region(1, 1, 0, 5), 1)


def test_the_largest_gap():
    regions = Regions(ROWS)
    assert regions.gap(0) == (0, 64)
    regions.add("a", Region(1, 10, 0, 1), 0)
    regions.add("b", Region(3, 8, 1, 2), 0)
    assert [regions.gap(layer) for layer in range(4)] == [(10, 64), (10, 48), (0, 48), (0, 64)]
    regions.add("c", Region(2, 48, 2, 2), 0)
    assert regions.gap(2) == (0, 0)


def taken(regions, wanted, layer):
    return {name: {(bank, row) for bank, first, end in regions.places[name].rows(region.blocks)
                   for row in range(first, end)}
            for name, region in wanted.items() if region.born <= layer <= region.dead}


@settings(max_examples=200, derandomize=True, database=None, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 5), st.integers(1, 30), st.integers(0, LAYERS - 1),
                          st.integers(0, 3)), max_size=12), st.integers(0, 99))
def test_nothing_overlaps(shapes, seed):
    source, regions, wanted = random.Random(seed), Regions(ROWS), {}
    for number, (blocks, plane, born, more) in enumerate(shapes):
        if wanted and source.random() < 0.2:
            name = source.choice(sorted(wanted))
            regions.remove(name)
            del wanted[name]
        region = Region(blocks, plane, born, min(born + more, LAYERS - 1))
        if regions.add(f"t{number}", region, source.randint(0, 1)):
            wanted[f"t{number}"] = region
    assert regions.places.keys() == wanted.keys()
    for layer in range(LAYERS):
        rows = taken(regions, wanted, layer)
        together = set().union(*rows.values())
        assert sum(map(len, rows.values())) == len(together)
        assert all(0 <= row < ROWS for _, row in together)
        first, end = regions.gap(layer)
        assert not any(first <= row < end for _, row in together)
