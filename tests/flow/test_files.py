import os
from pathlib import Path

import pytest

from sparrow.flow.errors import UserError
from sparrow.flow.files import (
    only_user,
    require_replaceable,
    require_writable,
    write_atomically,
    write_folder,
)


@pytest.mark.parametrize("content, expected", [
    ("µm²\n", "µm²\n".encode()), ("a\r\nb\n", b"a\r\nb\n"), (b"\x00\xff", b"\x00\xff"), ("", b""),
])
def test_content(tmp_path, content, expected):
    path = tmp_path / "file"
    assert write_atomically(path, content) == path
    assert path.read_bytes() == expected


def test_makes_folders(tmp_path):
    write_atomically(str(tmp_path / "a" / "b" / "file"), "x")
    assert (tmp_path / "a" / "b" / "file").read_text() == "x"


def test_replaces(tmp_path):
    path = tmp_path / "file"
    path.write_text("a longer text than the new one")
    write_atomically(path, "new")
    assert path.read_text() == "new"
    assert os.listdir(tmp_path) == ["file"]


def test_rights_follow_the_umask(tmp_path):
    before = os.umask(0o027)
    try:
        write_atomically(tmp_path / "file", "x")
    finally:
        os.umask(before)
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("step", ["replace", "interrupt"])
def test_failure_leaves_nothing_and_the_old_file(tmp_path, monkeypatch, step):
    path = tmp_path / "file"
    path.write_text("old")
    error = OSError("full") if step == "replace" else KeyboardInterrupt()

    def fail(*arguments):
        raise error
    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(type(error)):
        write_atomically(path, "new")
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["file"]


def test_link_is_followed(tmp_path):
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    write_atomically(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"


def test_device_stays_a_device(tmp_path):
    write_atomically(os.devnull, "x")
    assert not os.path.isfile(os.devnull)


def test_folder_is_refused(tmp_path):
    with pytest.raises(IsADirectoryError, match="must be a file, not a folder"):
        write_atomically(tmp_path, "x")
    assert os.listdir(tmp_path) == []


def test_type(tmp_path):
    with pytest.raises(TypeError, match="^content must be str or bytes, not 7$"):
        write_atomically(tmp_path / "file", 7)  # type: ignore[arg-type]
    assert os.listdir(tmp_path) == []


def test_one_user_at_a_time(tmp_path):
    folder = tmp_path / "a" / "b"
    with only_user(folder):
        with pytest.raises(UserError) as caught, only_user(folder):
            pass
    assert str(caught.value) == (f"{folder} must be used by one run at a time, but another one is "
                                 "at work in it")
    with only_user(folder):
        pass


def test_writable(tmp_path):
    (tmp_path / "file").write_text("x")
    require_writable(tmp_path / "file")
    require_writable(tmp_path / "new" / "folder" / "file")
    require_writable(Path("/dev/null"))
    with pytest.raises(IsADirectoryError, match="must be a file, not a folder"):
        require_writable(tmp_path)
    with pytest.raises(NotADirectoryError):
        require_writable(tmp_path / "file" / "below")
    assert os.listdir(tmp_path) == ["file"]


def fill(folder, name=""):
    """Fail in a folder, after one file if it has a name."""
    with only_user(folder):
        if name:
            (folder / name).touch()
        raise UserError("no")


def test_a_folder_in_which_nothing_is_written(tmp_path):
    folder = tmp_path / "a" / "b"
    with pytest.raises(UserError):
        fill(folder)
    assert not (tmp_path / "a").exists()
    with pytest.raises(UserError):
        fill(folder, "half")
    assert {path.name for path in folder.iterdir()} == {".lock", "half"}
    with only_user(tmp_path / "a"):
        pass
    assert folder.is_dir()


def folder_of(path):
    return {file.name: file.read_bytes() for file in path.iterdir()}


FILES = {"index.json": "{}", "a.weights": b"\x01"}
OWN = {"owned": "index.json", "names": ("index.json", "*.weights")}


def test_folder_is_new_empty_or_replaced(tmp_path):
    for place in (tmp_path / "deep" / "new", tmp_path / "empty"):
        if place.name == "empty":
            place.mkdir()
        assert write_folder(place, FILES, **OWN) == place
        assert folder_of(place) == {"index.json": b"{}", "a.weights": b"\x01"}
        write_folder(place, {"index.json": "[]", "b.weights": b""}, **OWN)
        assert folder_of(place) == {"index.json": b"[]", "b.weights": b""}
        assert [other.name for other in place.parent.iterdir() if other.name[0] == "."] == []


def test_folder_of_something_else_stays(tmp_path, monkeypatch):
    for number, (name, text) in enumerate([("a.weights", "a.weights"), ("index.json", None),
                                           ("notes.txt", "notes.txt"), ("x.json", "x.json")]):
        place = tmp_path / str(number)
        place.mkdir()
        (place / name).write_text("mine")
        if text is None:
            (place / "sub.json").mkdir()
            text = "sub.json"
        with pytest.raises(UserError) as caught:
            write_folder(place, FILES, **OWN)
        assert str(caught.value) == (f"{place} must be a new or an empty folder, or one that this "
                                     f"command wrote, but has {text!r} in it")
        assert (place / name).read_text() == "mine"
    (tmp_path / "file").write_text("mine")
    with pytest.raises(NotADirectoryError):
        write_folder(tmp_path / "file", FILES, **OWN)
    with pytest.raises(NotADirectoryError):
        require_replaceable(tmp_path / "file" / "in", **OWN)
    (tmp_path / "here" / "in").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "here" / "in")
    for name in (".", ".."):
        with pytest.raises(UserError, match="must not be the current folder|has 'in' in it"):
            write_folder(Path(name), FILES, **OWN)


def test_a_folder_that_cannot_be_made_is_named(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device", "temporary")
    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError) as raised:
        write_folder(tmp_path / "place", FILES, **OWN)
    assert raised.value.filename == str(tmp_path / "place")
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize("fails", [1, 2])
def test_failure_leaves_the_old_folder(tmp_path, monkeypatch, fails):
    place = write_folder(tmp_path / "place", FILES, **OWN)
    rename, calls = os.rename, []

    def fail(*names):
        calls.append(names)
        if len(calls) == fails:
            raise KeyboardInterrupt
        rename(*names)
    monkeypatch.setattr(os, "rename", fail)
    with pytest.raises(KeyboardInterrupt):
        write_folder(place, {"index.json": "new"}, **OWN)
    assert folder_of(place) == {"index.json": b"{}", "a.weights": b"\x01"}
    assert os.listdir(tmp_path) == ["place"]
