"""The specification of Winograd convolution: widths, and what is refused."""

import pytest

from sparrow.hw.spec import SpecError, WinogradSpec


def test_sizes():
    spec = WinogradSpec()
    assert (spec.side, spec.positions, spec.sum_width) == (4, 16, 34)
    spec = WinogradSpec(tile=4, dimensions=1, output_width=20)
    assert (spec.side, spec.positions, spec.sum_width) == (6, 6, 23)


@pytest.mark.parametrize("values, text", [
    ({"tile": 3}, "tile must be 2 or 4, not 3"),
    ({"tile": 6}, "tile must be 2 or 4, not 6"),
    ({"dimensions": 3}, "dimensions must be an integer from 1 to 2, not 3"),
    ({"lanes": 0}, "lanes must be an integer from 1 to 64, not 0"),
    ({"columns": 65}, "columns must be an integer from 1 to 64, not 65"),
    ({"activation_width": 9}, "activation_width must be an integer from 2 to 8, not 9"),
    ({"weight_width": 1}, "weight_width must be an integer from 2 to 8, not 1"),
    ({"output_width": 48}, "output_width must be an integer from 8 to 40, not 48"),
    ({"stride": 2}, "'stride' is no field of WinogradSpec; its fields are tile, dimensions, lanes, "
                    "columns, activation_width, weight_width, output_width"),
])
def test_refused(values, text):
    with pytest.raises(SpecError) as caught:
        WinogradSpec.from_mapping(values)
    assert str(caught.value) == f"specification: {text}"
