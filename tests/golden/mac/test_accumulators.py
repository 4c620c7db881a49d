"""The model of the accumulators against plain integers without limits."""

import random

import pytest
import torch

from sparrow.golden.mac.accumulators import Block, accumulators
from sparrow.hw.spec.mac import AccumulatorsSpec


def wrap(value, width):
    return (value + (1 << width - 1)) % (1 << width) - (1 << width - 1)


def by_hand(spec, vectors):
    """Results of vectors one by one, in Python's integers."""
    half = 1 << spec.accumulator_width - 1
    held, pixel, results, error = {}, -1, [], False
    for number, vector in enumerate(vectors):
        begins = vectors[number - 1]["last"] if spec.restart_after_last else vector["first"]
        pixel = 0 if begins or number == 0 else pixel + 1
        row = []
        for column, value in enumerate(vector["sums"]):
            before, flag = (0, False) if vector["start"] or pixel >= spec.depth else held[
                pixel, column]
            if vector["maximum"] and not vector["start"] and pixel < spec.depth:
                total = max(before, value)
            else:
                total = before + value * 2 ** (8 * vector["shifted"])
            row.append((wrap(total, spec.accumulator_width),
                        flag or not -half <= total < half or pixel >= spec.depth))
            if pixel < spec.depth:
                held[pixel, column] = row[-1]
        error |= pixel >= spec.depth
        if vector["finish"]:
            first = pixel == 0 if spec.restart_after_last else vector["first"]
            results.append((row, first))
    return results, error


def blocks_of(vectors):
    """The blocks that golden takes: up to a vector with ``last`` or the next with ``first``."""
    blocks, part = [], []
    for vector, following in zip(vectors, [*vectors[1:], {"first": True}]):
        part.append(vector)
        if vector["last"] or following["first"]:
            modes = {name: torch.tensor([one[name] for one in part])
                     for name in ("start", "finish", "maximum", "shifted")}
            blocks.append(Block(sums=torch.tensor([one["sums"] for one in part]), **modes,
                                first=part[0]["first"], last=part[-1]["last"]))
            part = []
    return blocks


@pytest.mark.parametrize("options", [
    {}, {"maximum": True}, {"shifted": True, "overflow": False},
    {"maximum": True, "shifted": True, "restart_after_last": True}], ids=str)
@pytest.mark.parametrize("depth, sum_width, accumulator_width", [
    (1, 2, 2), (4, 3, 4), (5, 8, 9), (3, 20, 32), (6, 40, 40), (2, 40, 63), (2, 40, 64)])
@pytest.mark.parametrize("seed", range(5))
def test_against_plain_integers(seed, depth, sum_width, accumulator_width, options):
    generator = random.Random(seed)
    spec = AccumulatorsSpec(columns=3, depth=depth, sum_width=sum_width,
                            accumulator_width=accumulator_width, **options)
    vectors, started, comparable, pixel = [], set(), set(), -1
    for _ in range(200):
        vector = {name: generator.random() < chance for name, chance in (
            ("first", 0.3), ("last", 0.3), ("start", 0.2), ("finish", 0.5), ("maximum", 0.5),
            ("shifted", 0.3))}
        begins = vectors and vectors[-1]["last"] if spec.restart_after_last else vector["first"]
        pixel = 0 if begins or not vectors else pixel + 1
        width = generator.choice((spec.comparison_width, sum_width))
        low, high = -1 << width - 1, (1 << width - 1) - 1
        vector["sums"] = [generator.choice((low, high, generator.randint(low, high)))
                          for _ in range(3)]
        vector["start"] |= pixel not in started
        narrow = width == spec.comparison_width
        vector["shifted"] &= spec.shifted
        vector["maximum"] &= (spec.maximum and not vector["shifted"]
                              and narrow and pixel in comparable)
        started.add(pixel)
        if narrow and not vector["shifted"] and (vector["start"] or vector["maximum"]):
            comparable.add(pixel)
        else:
            comparable.discard(pixel)
        vectors.append(vector)
    wanted, error = by_hand(spec, vectors)
    results = accumulators(spec, blocks_of(vectors))
    assert [([tuple(pair) for pair in zip(*row)], first) for *row, first in
            zip(results.sums.tolist(), results.overflow.tolist(), results.first.tolist())] == wanted
    assert results.error == error
    assert any(vector["maximum"] for vector in vectors) == spec.maximum


def test_overflow_stays_until_the_next_start():
    spec = AccumulatorsSpec(columns=2, depth=1, sum_width=3, accumulator_width=3)
    steps = [([3, -4], True), ([1, -1], False), ([-1, 1], False), ([3, -4], True)]
    results = accumulators(spec, [Block(sums=torch.tensor([sums]), start=start, finish=True)
                                  for sums, start in steps])
    assert results.sums.tolist() == [[3, -4], [-4, 3], [3, -4], [3, -4]]
    assert results.overflow.tolist() == [[False] * 2, [True] * 2, [True] * 2, [False] * 2]
    assert results.sums.dtype == torch.int64 and results.overflow.dtype == torch.bool


def test_a_block_can_go_on_where_another_ended():
    spec = AccumulatorsSpec(columns=1, depth=3)
    blocks = [Block(sums=torch.tensor([[1]]), start=True, first=False),
              Block(sums=torch.tensor([[2], [3], [4]]), start=True, finish=True, first=False),
              Block(sums=torch.tensor([[9]]), start=True, finish=True, first=False),
              Block(sums=torch.tensor([[10], [20], [30]]), finish=True)]
    results = accumulators(spec, blocks)
    assert results.sums.flatten().tolist() == [2, 3, 4, 9, 11, 22, 33]
    assert results.overflow.flatten().tolist() == [False, False, True, True, False, False, False]
    assert results.error


def test_nothing_comes_of_nothing():
    results = accumulators(AccumulatorsSpec(columns=4), [])
    assert results.sums.shape == results.overflow.shape == (0, 4)
    assert results.error is False


GOOD = torch.tensor([[1, 2], [3, 4]])


@pytest.mark.parametrize("blocks, error, text", [
    ([{"sums": [[1, 2]]}], TypeError, "sums of block 0 must be a tensor of int64, not [[1, 2]]"),
    ([{}, {"sums": GOOD.to(torch.int32)}], TypeError,
     "sums of block 1 must be a tensor of int64, not torch.int32"),
    ([{"sums": GOOD[0]}], ValueError, "sums of block 0 must be of shape (pixels, 2), not (2,)"),
    ([{"sums": GOOD[:, :1]}], ValueError,
     "sums of block 0 must be of shape (pixels, 2), not (2, 1)"),
    ([{"sums": GOOD + 4}], ValueError, "sums of block 0 must be from -8 to 7, not 8"),
    ([{"sums": -GOOD - 5}], ValueError, "sums of block 0 must be from -8 to 7, not -9"),
    ([{"finish": 1}], TypeError, "finish of block 0 must be true, false or a tensor of bool, "
                                 "not 1"),
    ([{"start": GOOD[0]}], TypeError, "start of block 0 must be true, false or a tensor of bool, "
                                      "not torch.int64"),
    ([{"start": torch.tensor([True])}], ValueError,
     "start of block 0 must be of shape (2,), not (1,)"),
    ([{"sums": GOOD[:1]}, {"start": False}], ValueError,
     "start of block 1 must be set for pixel 1, whose accumulators hold nothing yet"),
    ([{"sums": GOOD[:1]}, {"start": False, "first": False}], ValueError,
     "start of block 1 must be set for pixel 1, whose accumulators hold nothing yet"),
])
def test_refuses(blocks, error, text):
    spec = AccumulatorsSpec(columns=2, depth=4, sum_width=4)
    with pytest.raises(error) as caught:
        accumulators(spec, [Block(**{"sums": GOOD, "start": True} | block) for block in blocks])
    assert str(caught.value) == text


@pytest.mark.parametrize("options, blocks, text", [
    ({}, [{"maximum": True}], "maximum of block 0 must be false everywhere, since the accumulators "
                              "have no such mode"),
    ({}, [{"shifted": torch.tensor([False, True])}],
     "shifted of block 0 must be false everywhere, since the accumulators have no such mode"),
    ({"maximum": True, "shifted": True}, [{}, {"start": False, "maximum": True, "shifted": True}],
     "maximum of block 1 must be false where shifted is true"),
    ({"maximum": True}, [{}, {"start": False, "maximum": True, "sums": GOOD + 126}],
     "sums of which block 1 takes the maximum must be from -128 to 127, not 128"),
    ({"maximum": True}, [{"sums": -GOOD - 127}, {"start": False, "maximum": True}],
     "accumulators of which block 1 takes the maximum must be from -128 to 127, not -129"),
])
def test_refuses_modes(options, blocks, text):
    spec = AccumulatorsSpec(columns=2, depth=4, sum_width=12, **options)
    with pytest.raises(ValueError) as caught:
        accumulators(spec, [Block(**{"sums": GOOD, "start": True} | block) for block in blocks])
    assert str(caught.value) == text


def test_with_start_every_number_and_the_maximum_will_do():
    spec = AccumulatorsSpec(columns=1, depth=1, sum_width=12, maximum=True, shifted=True)
    results = accumulators(spec, [Block(sums=torch.tensor([[-2000]]), start=True, finish=True,
                                        maximum=True, shifted=True)])
    assert results.sums.tolist() == [[-2000 * 256]]


def test_refuses_what_is_no_specification():
    with pytest.raises(TypeError) as caught:
        accumulators(None, [])
    assert str(caught.value) == "spec must be an AccumulatorsSpec, not None"
