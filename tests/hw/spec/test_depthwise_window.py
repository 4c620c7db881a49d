"""The window of an accelerator's array."""

import pytest

from sparrow.hw.spec import AcceleratorSpec
from sparrow.hw.spec.base import SpecError


def test_no_larger_than_the_lanes():
    assert AcceleratorSpec().array.window == 9
    assert AcceleratorSpec(lanes=4, columns=4, data_width=32, post_lanes=4).array.window == 4
    assert AcceleratorSpec(depthwise_window=0).array.window == 0


@pytest.mark.parametrize("value", [1, -1, 65])
def test_refused(value):
    text = f"depthwise_window must be an integer from 2 to 64, not {value}"
    with pytest.raises(SpecError, match=text):
        AcceleratorSpec(depthwise_window=value)
