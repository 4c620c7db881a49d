import os
from pathlib import Path

import pytest

from sparrow.flow.errors import UserError
from sparrow.flow.files import only_user, require_writable, write_atomically


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
