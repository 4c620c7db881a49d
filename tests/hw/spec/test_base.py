"""TOML in and out, and errors that name their file."""

import pytest

from sparrow.hw.spec import Dataflow, MacArraySpec, SpecError


@pytest.mark.parametrize("values", [
    {}, {"precision": "int8_int4", "lanes": 5, "load": "parallel"},
    {"precision": "custom", "activation_width": 5, "weight_width": 9},
    {"dataflow": "output_stationary", "accumulator_width": 24},
])
def test_toml_round_trip(values, tmp_path):
    spec = MacArraySpec(**values)
    path = tmp_path / "spec.toml"
    path.write_text(spec.to_toml(), encoding="utf-8")
    assert MacArraySpec.from_toml(path) == spec


def test_enumeration_by_value():
    assert MacArraySpec(dataflow="input_stationary") == MacArraySpec(
        dataflow=Dataflow.INPUT_STATIONARY)


def test_frozen_and_hashable():
    spec = MacArraySpec()
    with pytest.raises(AttributeError):
        spec.lanes = 3
    assert hash(spec) == hash(MacArraySpec())


def test_replace_validates():
    assert MacArraySpec().replace(lanes=4).lanes == 4
    with pytest.raises(SpecError, match="lanes must be"):
        MacArraySpec().replace(lanes=0)


@pytest.mark.parametrize("text, message", [
    ("lanes = 99\n", "lanes must be an integer from 1 to 64, not 99"),
    ("lane = 9\n", "'lane' is no field of MacArraySpec; its fields are lanes, columns"),
    ("lanes = \n", "not a TOML file: "),
    ("lanes = '4'\n", "lanes must be an integer from 1 to 64, not '4'"),
])
def test_errors_name_the_file(text, message, tmp_path):
    path = tmp_path / "bad.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SpecError) as error:
        MacArraySpec.from_toml(path)
    assert str(error.value).startswith(f"{path}: {message}")


def test_missing_file(tmp_path):
    with pytest.raises(SpecError, match="No such file"):
        MacArraySpec.from_toml(tmp_path / "none.toml")
