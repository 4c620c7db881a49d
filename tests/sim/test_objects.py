"""Objects of Verilator's library that builds leave to each other."""

import os
import time

import pytest

from sparrow.sim.objects import cache_folder, kept_objects


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SPARROW_CACHE", str(tmp_path / "cache"))


def build(folder, *options):
    """What is there before; then, as if it had been compiled, all."""
    folder.mkdir(exist_ok=True)
    with kept_objects(folder, *options):
        found = {path.name: path.read_text() for path in folder.iterdir()}
        (folder / "verilated.o").write_text("library")
        (folder / "Vtop.o").write_text("model")
    return found


def test_the_library_is_kept(tmp_path):
    assert build(tmp_path / "first", "-O0") == {}
    assert build(tmp_path / "second", "-O0") == {"verilated.o": "library"}
    assert build(tmp_path / "third", "-O1") == {}


def test_make_takes_it_for_new(tmp_path):
    """Objects also depend on the makefile, which is written after they are put there."""
    build(tmp_path / "first")
    (tmp_path / "second").mkdir()
    with kept_objects(tmp_path / "second"):
        assert os.stat(tmp_path / "second" / "verilated.o").st_mtime > time.time() + 600


def test_a_build_that_fails_leaves_nothing(tmp_path):
    (tmp_path / "first" / "verilated.o").mkdir(parents=True)  # it can't be written
    with pytest.raises(IsADirectoryError):
        build(tmp_path / "first")
    assert build(tmp_path / "second") == {}


def test_no_cache(tmp_path):
    (tmp_path / "cache").write_text("a file")
    assert build(tmp_path / "first") == build(tmp_path / "second") == {}


def test_where(tmp_path, monkeypatch):
    assert cache_folder() == tmp_path / "cache"
    monkeypatch.delenv("SPARROW_CACHE")
    assert cache_folder().parts[-2:] == ("build", "cache")
    monkeypatch.setattr("sparrow.sim.objects._PROJECT", tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user"))
    assert cache_folder() == tmp_path / "user" / "sparrow"
