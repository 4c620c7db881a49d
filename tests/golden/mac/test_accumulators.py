"""The model of the accumulators against plain integers without limits."""

import random

import pytest
import torch

from sparrow.golden.mac.accumulators import Block, accumulators
from sparrow.hw.spec.mac import AccumulatorsSpec


def wrap(value, width):
    return (value + (1 << width - 1)) % (1 << width) - (1 << width - 1)


def by_hand(spec, vectors):
    """Results of (first, start, finish, sums) one by one, in Python's integers."""
    half = 1 << spec.accumulator_width - 1
    held, pixel, results, error = {}, -1, [], False
    for number, (first, start, finish, sums) in enumerate(vectors):
        pixel = 0 if first or number == 0 else pixel + 1
        if pixel >= spec.depth:
            error, row = True, [(value, True) for value in sums]
        else:
            row = []
            for column, value in enumerate(sums):
                before, flag = (0, False) if start else held[pixel, column]
                total = before + value
                row.append((wrap(total, spec.accumulator_width),
                            flag or not -half <= total < half))
                held[pixel, column] = row[-1]
        if finish:
            results.append(row)
    return results, error


@pytest.mark.parametrize("depth, sum_width, accumulator_width", [
    (1, 2, 2), (4, 3, 4), (5, 8, 9), (3, 20, 32), (6, 40, 40), (2, 40, 63), (2, 40, 64)])
@pytest.mark.parametrize("seed", range(5))
def test_against_plain_integers(seed, depth, sum_width, accumulator_width):
    generator = random.Random(seed)
    spec = AccumulatorsSpec(columns=3, depth=depth, sum_width=sum_width,
                            accumulator_width=accumulator_width)
    low, high = -1 << sum_width - 1, (1 << sum_width - 1) - 1
    blocks, vectors = [], []
    for number in range(60):
        first, count = number % 7 != 3, generator.randint(1, depth + 1)
        start = [number == 0 or generator.random() < 0.2 for _ in range(count)]
        if number < 2:
            count, start = depth, [number == 0] * depth
        finish = [generator.random() < 0.5 for _ in range(count)]
        sums = [[generator.choice((low, high, generator.randint(low, high))) for _ in range(3)]
                for _ in range(count)]
        blocks.append(Block(sums=torch.tensor(sums), start=torch.tensor(start),
                            finish=torch.tensor(finish), first=first))
        vectors += [(first and position == 0, *vector)
                    for position, vector in enumerate(zip(start, finish, sums))]
    wanted, error = by_hand(spec, vectors)
    results = accumulators(spec, blocks)
    assert [[tuple(pair) for pair in zip(*row)] for row in
            zip(results.sums.tolist(), results.overflow.tolist())] == wanted
    assert results.error == error


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


def test_refuses_what_is_no_specification():
    with pytest.raises(TypeError) as caught:
        accumulators(None, [])
    assert str(caught.value) == "spec must be an AccumulatorsSpec, not None"
