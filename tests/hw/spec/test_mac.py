"""Specifications of the MAC array: widths that follow, and what is refused, word for word."""

import pytest

from sparrow.hw.spec import AccumulatorsSpec, MacArraySpec, SpecError


@pytest.mark.parametrize("values, text", [
    ({"lanes": 0}, "lanes must be an integer from 1 to 64, not 0"),
    ({"columns": 65}, "columns must be an integer from 1 to 64, not 65"),
    ({"precision": "int9"}, "precision must be one of 'int8', 'int4', 'int8_int4', 'custom', "
                            "not 'int9'"),
    ({"activation_width": 7}, "activation_width must be 8 with precision 'int8', not 7; free "
                              "widths belong to precision 'custom'"),
    ({"precision": "int4", "weight_width": 8}, "weight_width must be 4 with precision 'int4', "
                                               "not 8; free widths belong to precision 'custom'"),
    ({"precision": "custom", "activation_width": 8},
     "weight_width of precision 'custom' must be an integer from 2 to 16, not 0"),
    ({"precision": "custom", "activation_width": 17, "weight_width": 8},
     "activation_width of precision 'custom' must be an integer from 2 to 16, not 17"),
    ({"pipeline_stages": 5},
     "pipeline_stages of a dot_product array must be an integer from 1 to 4, not 5"),
    ({"topology": "systolic", "pipeline_stages": 3},
     "pipeline_stages of a systolic array must be 2, not 3"),
    ({"accumulator_width": 19}, "accumulator_width of an array whose step sums have 20 bits must "
                                "be an integer from 20 to 64, not 19"),
    ({"dataflow": "output_stationary", "load": "indexed"},
     "load must be 'parallel' in an output_stationary array, whose weights change with every "
     "vector, not 'indexed'"),
    ({"load": "serial"}, "load must be one of 'indexed', 'parallel', not 'serial'"),
    ({"dataflow": "input_stationary", "precision": "int8_int4"},
     "precision must be 'int8' or 'custom' in an input_stationary array, not 'int8_int4': each "
     "multiplier would have to hold two activations"),
    ({"topology": "systolic", "window": 9},
     "window must be 0 with weight_stationary systolic, not 9: its vectors aren't broadcast"),
    ({"dataflow": "input_stationary", "window": 9},
     "window must be 0 with input_stationary dot_product, not 9: its vectors aren't broadcast"),
    ({"columns": 8, "window": 9},
     "columns must be equal to lanes, 16, in an array with a window, not 8"),
    ({"precision": "int4", "window": 9},
     "precision must be 'int8', 'int8_int4' or 'custom' in an array with a window, whose weights "
     "have full width, not 'int4'"),
    ({"window": 1}, "window must be an integer from 2 to 16, not 1"),
    ({"lanes": 4, "columns": 4, "window": 5}, "window must be an integer from 2 to 4, not 5"),
    ({"multiplier": "wallace"}, "multiplier must be one of 'booth', 'operator', not 'wallace'"),
])
def test_refused(values, text):
    with pytest.raises(SpecError) as error:
        MacArraySpec(**values)
    assert str(error.value) == text


@pytest.mark.parametrize("values, text", [
    ({"lanes": 2.0}, "lanes must be an integer from 1 to 64, not 2.0"),
    ({"lanes": True}, "lanes must be an integer from 1 to 64, not True"),
    ({"activation_width": "8"}, "activation_width must be an integer, not '8'"),
    ({"window": True}, "window must be an integer from 2 to 16, not True"),
])
def test_wrong_type(values, text):
    with pytest.raises(TypeError) as error:
        MacArraySpec(**values)
    assert str(error.value) == text


@pytest.mark.parametrize("values, sum_width, storage_width, macs", [
    ({}, 20, 8, 256),
    ({"lanes": 1}, 16, 8, 16),
    ({"lanes": 3}, 17, 8, 48),
    ({"precision": "int4"}, 17, 8, 512),
    ({"precision": "int8_int4"}, 20, 8, 512),
    ({"precision": "custom", "activation_width": 5, "weight_width": 3}, 12, 3, 256),
    ({"dataflow": "output_stationary", "topology": "systolic"}, 16, 8, 256),
    ({"dataflow": "input_stationary", "precision": "custom", "activation_width": 5,
      "weight_width": 3}, 12, 5, 256),
])
def test_derived(values, sum_width, storage_width, macs):
    spec = MacArraySpec(**values)
    assert (spec.sum_width, spec.storage_width, spec.macs_per_cycle) == (
        sum_width, storage_width, macs)


def test_sum_width_is_exact():
    """The largest sum fits, and no narrower width would do."""
    for lanes in range(1, 65):
        spec = MacArraySpec(lanes=lanes)
        largest = lanes * 128 * 128
        assert largest <= (1 << (spec.sum_width - 1)) - 1
        assert largest > (1 << (spec.sum_width - 2)) - 1


def test_accumulators_refused():
    with pytest.raises(SpecError, match="accumulator_width of accumulators for 20-bit sums must "
                                        "be an integer from 20 to 64, not 16"):
        AccumulatorsSpec(accumulator_width=16)


def test_accumulators_unregistered():
    with pytest.raises(SpecError) as caught:
        AccumulatorsSpec(registered=False)
    assert str(caught.value) == ("registered must be true in accumulators without "
                                 "restart_after_last, not False")
    with pytest.raises(SpecError, match="single_port must be false in accumulators with "
                                        "registered, not True"):
        AccumulatorsSpec(restart_after_last=True, single_port=True)
    with pytest.raises(SpecError, match="depth must be an integer from 2 to 65536, not 1"):
        AccumulatorsSpec(restart_after_last=True, registered=False, single_port=True, depth=1)
    with pytest.raises(TypeError, match="maximum must be true or false, not 1"):
        AccumulatorsSpec(maximum=1)


@pytest.mark.parametrize("options, latency", [
    ({}, 2), ({"restart_after_last": True}, 1),
    ({"restart_after_last": True, "registered": False}, 0)])
def test_accumulators_derived(options, latency):
    spec = AccumulatorsSpec(**options)
    assert (spec.latency, spec.comparison_width, spec.shift) == (latency, 8, 8)
    assert spec.replace(sum_width=5).comparison_width == 5
