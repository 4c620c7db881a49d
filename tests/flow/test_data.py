import pytest

from sparrow.flow.data import data_folder, require_data
from sparrow.flow.errors import UserError


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "liberty").mkdir()
    (tmp_path / "liberty" / "cells.lib").touch()
    monkeypatch.setenv("SPARROW_DATA", str(tmp_path))
    return tmp_path


def test_found(folder):
    assert data_folder() == folder
    assert require_data("liberty/cells.lib") == folder / "liberty" / "cells.lib"


def test_missing_file(folder):
    with pytest.raises(UserError) as caught:
        require_data("tables/x.csv")
    assert str(caught.value) == (
        f"SPARROW_DATA must be a folder that holds 'tables/x.csv', not {str(folder)!r}")


@pytest.mark.parametrize("value", [None, ""])
def test_unset(monkeypatch, value):
    monkeypatch.delenv("SPARROW_DATA", raising=False)
    if value is not None:
        monkeypatch.setenv("SPARROW_DATA", value)
    assert data_folder() is None
    with pytest.raises(UserError) as caught:
        require_data("tables/x.csv")
    assert str(caught.value) == "SPARROW_DATA must be set to the folder that holds 'tables/x.csv'"


def test_no_folder(monkeypatch):
    monkeypatch.setenv("SPARROW_DATA", "/nonexistent")
    with pytest.raises(UserError) as caught:
        data_folder()
    assert str(caught.value) == "SPARROW_DATA must be an existing folder, not '/nonexistent'"
