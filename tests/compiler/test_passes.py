"""How output blocks are grouped to commands."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sparrow.compiler.passes import Span, blockwise, spans


@pytest.mark.parametrize("needs, int4, wanted", [
    ([(0, 3)] * 4, False, [Span(0, 4, 0, 3, 0)]),
    ([(0, 1), (1, 1), (2, 1)], False, [Span(0, 3, 0, 1, 1)]),
    ([(0, 2), (2, 2), (4, 2)], False, [Span(0, 3, 0, 2, 2)]),
    ([(0, 2), (2, 2), (4, 2)], True, [Span(0, 3, 0, 2, 2)]),
    ([(0, 3), (3, 3), (6, 3)], False, [Span(0, 1, 0, 3, 0), Span(1, 1, 3, 3, 0),
                                       Span(2, 1, 6, 3, 0)]),  # 3 is odd and not 1
    ([(0, 1), (0, 1), (1, 1), (1, 1)], False, [Span(0, 2, 0, 1, 0), Span(2, 2, 1, 1, 0)]),
    ([(0, 2), (0, 3), (1, 2)], False, [Span(0, 1, 0, 2, 0), Span(1, 1, 0, 3, 0),
                                       Span(2, 1, 1, 2, 0)]),
])
def test_spans(needs, int4, wanted):
    assert list(spans(needs, int4=int4)) == wanted


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 2)), min_size=1, max_size=12),
       st.booleans())
def test_spans_take_what_is_needed(needs, int4):
    if int4:
        needs = [(channel // 2 * 2, channels) for channel, channels in needs]
    taken = []
    for span in spans(needs, int4=int4):
        assert span.first == len(taken)
        assert span.move in (0, 1) or span.move % 2 == 0
        assert not (int4 and span.move % 2)
        for block in range(span.count):
            part = span.part(block, 1)
            taken.append((part.channel, part.channels))
            assert part.end_channel == sum(taken[-1])
    assert taken == needs


def test_blockwise():
    assert blockwise(5) == (Span(0, 5, 0, 1, 1),)
    assert blockwise(5)[0].part(2, 3) == Span(2, 3, 2, 1, 1)
    assert blockwise(5)[0].end_channel == 5
