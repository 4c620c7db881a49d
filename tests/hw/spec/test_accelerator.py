"""Specifications of accelerators, and what is refused."""

import pytest

from sparrow.hw.spec.accelerator import AcceleratorSpec
from sparrow.hw.spec.base import SpecError


@pytest.mark.parametrize("value", ["int8", "int8_int4"])
def test_precisions(value):
    assert AcceleratorSpec(precision=value).precision.value == value


@pytest.mark.parametrize("values, text", [
    ({"precision": "int4"}, "precision must be one of 'int8', 'int8_int4', not 'int4'"),
    ({"precision": "int2"}, "precision must be one of 'int8', 'int8_int4', not 'int2'"),
    ({"rounding": "tflite"}, "rounding must be one of 'half_up', 'half_even', not 'tflite'"),
    ({"rounding": 1}, "rounding must be one of 'half_up', 'half_even', not 1"),
    ({"pixels": 2}, "pixels must be 1, not 2"),
    ({"bus_clock": "fast"}, "bus_clock must be one of 'same', 'separate', not 'fast'"),
    ({"memory_latency": 3}, "memory_latency must be an integer from 1 to 2, not 3"),
    ({"memory_latency": 2, "pipeline_stages": 1},
     "pipeline_stages with memory_latency 2 must be an integer from 2 to 4, not 1"),
    ({"memory_latency": 2, "result_fifo_depth": 8},
     "result_fifo_depth with memory_latency 2 must be an integer from 16 to 65536, not 8"),
    ({"memory_latency": 2, "single_port_accumulators": True, "accumulator_depth": 2},
     "accumulator_depth with single_port_accumulators and memory_latency 2 must be an integer from "
     "4 to 65536, not 2"),
    ({"protocol": "axi3", "max_burst": 32},
     "max_burst must be at most 16 with protocol 'axi3', not 32"),
    ({"pixels": "1"}, "pixels must be 1, not '1'"),
    ({"lanes": 8}, "columns must be equal to lanes, 8, not 16"),
    ({"columns": 5}, "columns must be equal to lanes, 16, not 5"),
    ({"lanes": 4, "columns": 4}, "post_lanes with 4 columns must be an integer from 1 to 4, not 8"),
    ({"lanes": 12}, "lanes must be a power of two from 4 to 64, not 12"),
])
def test_refused(values, text):
    with pytest.raises(SpecError) as caught:
        AcceleratorSpec.from_mapping(values)
    assert str(caught.value) == f"specification: {text}"
