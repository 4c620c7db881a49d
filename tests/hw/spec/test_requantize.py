"""The specification of requantizers."""

import pytest

from sparrow.hw.spec.base import SpecError
from sparrow.hw.spec.requantize import RequantizeSpec, Rounding


def test_defaults_and_derived_numbers():
    spec = RequantizeSpec()
    assert spec.to_mapping() == {
        "columns": 16, "lanes": 8, "accumulator_width": 32, "mantissa_width": 16,
        "shift_width": 6, "output_width": 8, "rounding": "half_up", "bias": False,
        "collect": True, "stalls": True, "multiplier": "booth"}
    assert (spec.maximum_mantissa, spec.maximum_shift) == (65535, 63)
    assert (spec.output_minimum, spec.output_maximum) == (-128, 127)
    assert RequantizeSpec.from_mapping(spec.to_mapping()) == spec


@pytest.mark.parametrize("columns, lanes, steps", [
    (1, 1, 1), (16, 16, 1), (16, 8, 2), (16, 5, 4), (64, 1, 64), (64, 63, 2)])
def test_steps(columns, lanes, steps):
    assert RequantizeSpec(columns=columns, lanes=lanes).steps == steps


def test_rounding_by_its_value():
    spec = RequantizeSpec(rounding="tflite", mantissa_width=31, shift_width=5)
    assert spec.rounding is Rounding.TFLITE


@pytest.mark.parametrize("values, error, text", [
    ({"columns": 0}, SpecError, "columns must be an integer from 1 to 64, not 0"),
    ({"columns": 65}, SpecError, "columns must be an integer from 1 to 64, not 65"),
    ({"columns": 4.0}, TypeError, "columns must be an integer from 1 to 64, not 4.0"),
    ({"lanes": 0}, SpecError, "lanes must be an integer from 1 to 16, not 0"),
    ({"columns": 3, "lanes": 4}, SpecError, "lanes must be an integer from 1 to 3, not 4"),
    ({"lanes": True}, TypeError, "lanes must be an integer from 1 to 16, not True"),
    ({"accumulator_width": 7}, SpecError,
     "accumulator_width must be an integer from 8 to 32, not 7"),
    ({"accumulator_width": 33}, SpecError,
     "accumulator_width must be an integer from 8 to 32, not 33"),
    ({"mantissa_width": 3}, SpecError, "mantissa_width must be an integer from 4 to 31, not 3"),
    ({"mantissa_width": 32}, SpecError, "mantissa_width must be an integer from 4 to 31, not 32"),
    ({"shift_width": 0}, SpecError, "shift_width must be an integer from 1 to 6, not 0"),
    ({"shift_width": 7}, SpecError, "shift_width must be an integer from 1 to 6, not 7"),
    ({"output_width": 1}, SpecError, "output_width must be an integer from 2 to 16, not 1"),
    ({"output_width": 17}, SpecError, "output_width must be an integer from 2 to 16, not 17"),
    ({"bias": 1}, TypeError, "bias must be true or false, not 1"),
    ({"collect": None}, TypeError, "collect must be true or false, not None"),
    ({"rounding": "up"}, SpecError,
     "rounding must be one of 'half_up', 'half_even', 'tflite', not 'up'"),
    ({"rounding": "tflite"}, SpecError,
     "mantissa_width must be 31 when rounding is 'tflite', not 16"),
    ({"rounding": "tflite", "mantissa_width": 31}, SpecError,
     "shift_width must be at most 5 when rounding is 'tflite', not 6"),
])
def test_refuses(values, error, text):
    with pytest.raises(error) as caught:
        RequantizeSpec(**values)
    assert str(caught.value) == text
