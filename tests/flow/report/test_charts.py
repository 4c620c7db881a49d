"""Bars, trees of parts, tree maps, lanes of edges."""

import pytest

from sparrow.flow.report.bars import parts
from sparrow.flow.report.graph import _lanes
from sparrow.flow.report.html import count, percent, shape, short, tag
from sparrow.flow.report.model import Layer, Module
from sparrow.flow.report.parts import squarify, tree, wrappers


def layer(**more):
    return Layer(name="a", kind="Conv", macs=1, predicted=990, measured=1000, **more)


@pytest.mark.parametrize("found, expected", [
    (layer(), {"all": 1000}),
    (layer(vectors=300), {"busy": 300, "waiting": 700}),
    (layer(vectors=300, stalls={"weights": 100, "tokens": 50}),
     {"busy": 300, "weights": 100, "tokens": 50, "rest": 550}),
    (layer(stalls={"weights": 100, "buffer": 50}),
     {"unknown": 850, "weights": 100, "buffer": 50}),
    (layer(vectors=900, stalls={"weights": 80, "buffer": 50}),  # two causes at once
     {"busy": 900, "weights": 80, "buffer": 20}),
    (layer(vectors=1200, stalls={"weights": 80}), {"busy": 1000}),
])
def test_cycles_by_cause_add_up(found, expected):
    assert parts(found) == expected
    assert sum(expected.values()) == found.cycles


MODULES = [Module("top", 1, 1.0, 0, {"engine": 1, "bus": 1}),
           Module("engine", 1, 9.0, 0, {"array": 2, "loop": 1, "post": 1}),
           Module("array", 2, 10.0, 64, {"full_adders_8": 3, "half_adders_1": 1}),
           Module("full_adders_8", 6, 10.0), Module("half_adders_1", 2, 5.0),
           Module("bus", 1, 10.0, 32), Module("loop", 1, 2.0), Module("post", 1, 3.0)]


def area(module):
    return module.area


def test_tree_of_parts():
    assert wrappers(MODULES, area) == ["top", "engine"]
    whole = tree(MODULES, area, ["top", "engine"])
    assert whole.size == 1 + 9 + 2 * (10 + 30 + 5) + 10 + 2 + 3
    assert [(part.name, part.instances, part.size) for part in whole.parts] == [
        ("array", 2, 90.0), ("bus", 1, 10.0), ("engine", 1, 9.0), ("post", 1, 3.0),
        ("loop", 1, 2.0), ("top", 1, 1.0)]
    assert [(part.name, part.instances, part.size) for part in whole.parts[0].parts] == [
        ("adders", 8, 70.0), ("own cells", 2, 20.0)]
    memory = tree(MODULES, lambda module: module.memory_bits, ["top", "engine"])
    assert [(part.name, part.size) for part in memory.parts] == [("array", 128), ("bus", 32)]


def test_tree_of_modules_in_a_circle_and_of_none():
    assert tree([], area).size == 0
    circle = [Module("a", 1, 1.0, 0, {"b": 1}), Module("b", 1, 1.0, 0, {"b": 1, "none": 3})]
    assert tree(circle, area).size == 2


@pytest.mark.parametrize("sizes", [[1.0], [6.0, 6, 4, 3, 2, 2, 1], [1000.0, 1, 1], [1.0] * 40])
def test_squarified_pieces_fill_the_box(sizes):
    pieces = squarify(sizes, (10.0, 20.0, 600.0, 400.0))
    for size, (left, top, width, height) in zip(sizes, pieces, strict=True):
        assert width * height == pytest.approx(240_000 * size / sum(sizes))
        assert left >= 10 and left + width <= 610.001 and top >= 20 and top + height <= 420.001
    for place, a in enumerate(pieces):
        for b in pieces[:place]:
            assert (a[0] + a[2] <= b[0] + 1e-6 or b[0] + b[2] <= a[0] + 1e-6
                    or a[1] + a[3] <= b[1] + 1e-6 or b[1] + b[3] <= a[1] + 1e-6)


def test_edges_in_one_lane_do_not_meet():
    edges = [(1, 4), (4, 8), (4, 7), (6, 8), (8, 11), (0, 11)]
    lanes = _lanes(edges)
    assert set(lanes) == set(edges)
    assert max(lanes.values()) == 3
    for a in edges:
        for b in edges:
            assert a == b or lanes[a] != lanes[b] or a[1] <= b[0] or b[1] <= a[0]


def test_words():
    assert [count(1234567), count(None), short(12_345), short(9999), short(1.5e6)] == [
        "1\u202f234\u202f567", "–", "12.3\u202fk", "9\u202f999", "1.5\u202fM"]
    assert [percent(0.123), percent(None), shape((3, 4, 5)), shape((10, 1, 1)), shape(None)] == [
        "12.3\u202f%", "–", "3 × 4 × 5", "10", "–"]
    assert tag("p", "a<b", tag("br"), class_="x&y", hidden=True, title=None) == (
        '<p class="x&amp;y" hidden>a&lt;b<br/></p>')
