"""Prefix codes."""

import heapq
import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sparrow.golden.codec.prefix import (
    PrefixCode,
    non_increasing,
    prefix_code,
)
from sparrow.hw.spec.stream import RUN_CODE_BITS, VALUE_CODE_BITS


def huffman_cost(frequencies):
    """Bits of Huffman's code, of any length."""
    heap, total = list(frequencies), 0
    heapq.heapify(heap)
    while len(heap) > 1:
        both = heapq.heappop(heap) + heapq.heappop(heap)
        total += both
        heapq.heappush(heap, both)
    return total


FREQUENCIES = st.lists(st.integers(0, 1000), min_size=2, max_size=63).map(
    lambda values: sorted(values, reverse=True))


@given(FREQUENCIES)
def test_codes_are_prefix_free_and_complete(frequencies):
    for longest in (RUN_CODE_BITS, VALUE_CODE_BITS):
        check(prefix_code(frequencies, longest), frequencies, longest)


def check(code, frequencies, longest):
    assert code.size == len(frequencies)
    assert sum(2.0**-width for width in code.widths) == 1
    words = [format(value, f"0{width}b")[::-1]
             for value, width in zip(code.codes, code.widths)]
    for a, b in itertools.pairwise(sorted(words)):
        assert not b.startswith(a)
    assert max(code.widths) <= longest
    word = int.from_bytes(code.to_granules(longest).tobytes(), "little")
    assert PrefixCode.from_word(word, "runs", 63, longest) == code


@given(st.lists(st.integers(1, 9), min_size=2, max_size=40))
def test_codes_are_the_best(frequencies):
    """Frequencies so even that Huffman's code is short enough."""
    frequencies = sorted(frequencies, reverse=True)
    code = prefix_code(frequencies, RUN_CODE_BITS)
    assert int(code.widths @ np.array(frequencies)) == huffman_cost(frequencies)


def test_longest_codes():
    """Fibonacci's numbers would have codes of up to 19 bits."""
    numbers = [1, 1]
    while len(numbers) < 20:
        numbers.append(numbers[-1] + numbers[-2])
    code = prefix_code(numbers[::-1], RUN_CODE_BITS)
    assert len(code.counts) == RUN_CODE_BITS
    assert sum(2.0**-width for width in code.widths) == 1


def test_canonical_codes():
    """Numbers with their highest bit first: 0, 10, 110, 111."""
    code = PrefixCode((1, 1, 2))
    assert code.codes.tolist() == [0b0, 0b01, 0b011, 0b111]
    assert code.find(0b1011, 4) == (2, 3)
    assert code.find(0b11, 2) is None
    assert PrefixCode(()).find(0, 0) == (0, 0)


@pytest.mark.parametrize("values, wanted", [
    ([3, 2, 1], [3, 2, 1]), ([1, 3], [2, 2]), ([5, 1, 2, 6, 0], [5, 3, 3, 3, 0]), ([], []),
])
def test_non_increasing(values, wanted):
    assert non_increasing(np.array(values, float)).tolist() == wanted
