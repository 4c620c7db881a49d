"""Golden sums against sums written out in plain Python."""

import random

import pytest
import torch

from sparrow.golden.mac.array import (
    accumulate,
    block_sums,
    outer_products,
    stored_elements,
    window_sums,
)
from sparrow.hw.spec import MacArraySpec


def signed(value, width):
    return value - (1 << width) if value >> (width - 1) else value


@pytest.mark.parametrize("int4", [False, True])
def test_block_sums(int4):
    source = random.Random(1)
    spec = MacArraySpec(lanes=5, columns=3, precision="int8_int4")
    vectors = [[source.randint(-128, 127) for _ in range(10)] for _ in range(20)]
    stored = [[source.getrandbits(8) for _ in range(5)] for _ in range(3)]
    sums = block_sums(spec, torch.tensor(vectors), torch.tensor(stored), int4=int4).tolist()
    for vector, row in zip(vectors, sums, strict=True):
        for column, total in zip(stored, row, strict=True):
            if int4:
                expected = sum(vector[lane] * signed(column[lane] & 15, 4)
                               + vector[5 + lane] * signed(column[lane] >> 4, 4)
                               for lane in range(5))
            else:
                expected = sum(vector[lane] * signed(column[lane], 8) for lane in range(5))
            assert total == expected


def test_outer_products():
    spec = MacArraySpec(lanes=2, columns=3, precision="int4", dataflow="output_stationary",
                        topology="systolic")
    vectors, stored = torch.tensor([[1, 2, 10, 20]]), torch.tensor([[0x11, 0xF1, 0x78]])
    # low nibbles 1, 1, -8; high nibbles 1, -1, 7
    assert outer_products(spec, vectors, stored, int4=True).tolist() == [
        [[1 + 10, 1 - 10, -8 + 70], [2 + 20, 2 - 20, -16 + 140]]]


@pytest.mark.parametrize("width", [8, 64])
def test_accumulate(width):
    """Wraps and flags as an accumulator of that width does."""
    source = random.Random(width)
    largest = (1 << (width - 1)) - 1
    steps = [[source.choice((largest, -largest - 1, 1, -1, 0)) for _ in range(6)]
             for _ in range(4)]
    total, overflow = accumulate(torch.tensor(steps), width)
    for number in range(6):
        exact, wrong = 0, False
        for step in steps:
            exact += step[number]
            wrong |= not -largest - 1 <= exact <= largest
            exact = signed(exact % (1 << width), width)
        assert (total[number].item(), overflow[number].item()) == (exact, wrong)


@pytest.mark.parametrize("stored, vectors, error, text", [
    ([[256]], [[0]], ValueError, "Stored bits must be from 0 to 255, not 256"),
    ([[0]], [[128]], ValueError, "Vectors must be from -128 to 127, not 128"),
    ([[0]], [[-129]], ValueError, "Vectors must be from -128 to 127, not -129"),
    ([[0]], [[0.5]], TypeError, "Vectors must be integers, not torch.float32"),
])
def test_out_of_range(stored, vectors, error, text):
    spec = MacArraySpec(lanes=1, columns=1)
    with pytest.raises(error) as caught:
        block_sums(spec, torch.tensor(vectors), torch.tensor(stored))
    assert str(caught.value) == text


def test_stored_elements_order():
    """Low nibbles meet the first half of a vector, high nibbles the second."""
    spec = MacArraySpec(lanes=2, columns=1, precision="int4")
    assert stored_elements(spec, torch.tensor([0x21, 0x8F]), True).tolist() == [1, -1, 2, -8]


def test_window_sums():
    source = random.Random(3)
    spec = MacArraySpec(lanes=5, columns=5, precision="int8_int4", window=3)
    vectors = [[source.randint(-128, 127) for _ in range(10)] for _ in range(7)]
    stored = [[source.getrandbits(8) for _ in range(5)] for _ in range(5)]
    sums = window_sums(spec, torch.tensor(vectors), torch.tensor(stored)).tolist()
    for number, (column, total) in enumerate(zip(stored, sums, strict=True)):
        own = [vectors[6][number], vectors[5][number], vectors[4][number], *vectors[6][3:5]]
        assert total == sum(element * signed(weight, 8)
                            for element, weight in zip(own, column, strict=True))
    with pytest.raises(ValueError, match="Vectors must be at least 3, not 2"):
        window_sums(spec, torch.tensor(vectors[:2]), torch.tensor(stored))
