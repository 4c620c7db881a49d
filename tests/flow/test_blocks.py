"""Specifications from files and settings, and what is refused."""

import argparse

import pytest

from sparrow.flow.blocks import BLOCKS, add_spec_arguments, block
from sparrow.flow.cli import main
from sparrow.flow.errors import UserError
from sparrow.hw.spec import MacArraySpec, SpecError, WinogradConvSpec


def test_settings_override_the_file(tmp_path):
    path = tmp_path / "a.toml"
    path.write_text("lanes = 4\ncolumns = 5\n", encoding="utf-8")
    spec = block("mac-array").parse(path, ["lanes=7", "precision=int4", "load = 'parallel'"])
    assert spec == MacArraySpec(lanes=7, columns=5, precision="int4", load="parallel")


@pytest.mark.parametrize("setting, text", [
    ("lanes", "--set must be given NAME=VALUE, not 'lanes'"),
    ("=3", "--set must be given NAME=VALUE, not '=3'"),
    ("columns=1\nlanes=9", "--set must be given one NAME=VALUE, not '1\\nlanes=9'"),
    ("lanes=" + "9" * 5000, "--set must be given a plain value, not '99999999999999999999'…"),
    ("lanes=" + "[" * 3000, "--set must be given a plain value, not '[[[[[[[[[[[[[[[[[[[['…"),
])
def test_odd_settings(setting, text):
    with pytest.raises(UserError) as error:
        block("mac-array").parse(None, [setting])
    assert str(error.value) == text


@pytest.mark.parametrize("setting, text", [
    ("load=[]", "mac-array: load must be one of 'indexed', 'parallel', not []"),
    ("lanes=1.5", "mac-array: lanes must be an integer from 1 to 64, not 1.5"),
])
def test_refused_settings(setting, text):
    with pytest.raises(SpecError) as error:
        block("mac-array").parse(None, [setting])
    assert str(error.value) == text


def test_the_right_source_is_blamed(tmp_path):
    path = tmp_path / "a.toml"
    path.write_text("lanes = 4\n", encoding="utf-8")
    with pytest.raises(SpecError, match=r"a\.toml with --set columns=99: columns must be"):
        block("mac-array").parse(path, ["columns=99"])
    path.write_text("lanes = 99\n", encoding="utf-8")
    with pytest.raises(SpecError, match=r"a\.toml: lanes must be"):
        block("mac-array").parse(path, ["columns=4"])


def test_short_form_of_the_tile(capsys):
    parser = argparse.ArgumentParser()
    add_spec_arguments(parser)
    found = parser.parse_args(["winograd", "--set", "lanes=2", "--tile", "4", "--set", "rows=16"])
    assert block(found.block).parse(found.spec, found.settings) == WinogradConvSpec(
        lanes=2, tile=4, rows=16)
    assert main(["test", "winograd", "--tile", "3"]) == 2
    assert main(["estimate", "mac-array", "--tile", "2"]) == 2
    assert main(["run", "winograd", "--tile", "two"]) == 2
    assert [line.split(";")[0] for line in capsys.readouterr().err.splitlines()] == [
        "sparrow: error: winograd: tile must be 2 or 4, not 3",
        "sparrow: error: mac-array: 'tile' is no field of MacArraySpec",
        "sparrow: error: winograd: tile must be 2 or 4, not 'two'"]


def test_unknown_block():
    with pytest.raises(UserError, match=f"BLOCK must be one of {', '.join(BLOCKS)}, not 'adder'"):
        block("adder")


@pytest.mark.parametrize("name", BLOCKS)
def test_defaults(name, tmp_path):
    """Every block has a specification of defaults, which can be written and read."""
    found = block(name)
    spec = found.parse(None, [])
    path = tmp_path / "spec.toml"
    path.write_text(spec.to_toml(), encoding="utf-8")
    assert found.parse(path, []) == spec
