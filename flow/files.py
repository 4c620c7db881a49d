"""Reading input files, and writing output files so that nobody ever sees half of one."""

import contextlib
import errno
import fcntl
import fnmatch
import os
import secrets
import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from sparrow.flow.errors import UserError

__all__ = ["joined", "only_user", "require_replaceable", "require_writable",
           "write_atomically", "write_folder"]


def joined(paths: Sequence[Path]) -> str:
    """The texts of some files, one after the other; raises ``UserError`` if one isn't UTF-8."""
    texts = []
    for path in paths:
        try:
            texts.append(path.read_text(encoding="utf-8"))
        except UnicodeDecodeError as error:
            raise UserError(f"{path} must be UTF-8 text: {error}") from None
    return "\n".join(texts)


def require_writable(path: Path) -> None:
    """Check that a file can be made, before work is spent on its content.

    Raises
    ------
    OSError
        If it is a folder, or can't be made where it is to be.
    """
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, "must be a file, not a folder", str(path))
    if path.exists() and not path.is_file():
        return  # such as /dev/stdout
    _require_place(path.absolute().parent)


def _require_place(folder: Path) -> None:
    """Check that something can be made in a folder, which itself may have to be made."""
    while not folder.exists():
        folder = folder.parent
    if not folder.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder))
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(folder))


@contextlib.contextmanager
def only_user(folder: Path) -> Iterator[None]:
    """Make a folder, and be the only one to work in it; if nothing was written, it goes again.

    Raises
    ------
    UserError
        If another process is at work in it.
    OSError
        If it can't be made.
    """
    made = [place for place in (folder, *folder.parents) if not place.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    lock = folder / ".lock"
    with open(lock, "w", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(f"{folder} must be used by one run at a time, but another one is at "
                            "work in it") from None
        try:
            yield
        finally:
            if made and list(folder.iterdir()) == [lock]:
                lock.unlink()
                with contextlib.suppress(OSError):  # somebody else's are in them
                    for place in made:
                        place.rmdir()


def write_atomically(path: str | Path, content: str | bytes) -> Path:
    """Write a file whole or not at all, making its folder where that is missing.

    The content goes to a temporary file beside ``path``, which then takes its name; on any
    failure, an interrupt included, the temporary file is removed and a file that was there
    before stays as it was. A link is followed. What isn't a regular file, such as
    ``/dev/stdout``, is written to directly.

    Parameters
    ----------
    path
        The file to write.
    content
        Bytes, or text, which is written as UTF-8 with its line ends as they are.

    Returns
    -------
    Path
        ``path``, as given.

    Raises
    ------
    TypeError
        If ``content`` is neither text nor bytes.
    OSError
        If the folder or the file can't be made.
    """
    if not isinstance(content, str | bytes):
        raise TypeError(f"content must be str or bytes, not {content!r}")
    data = content.encode("utf-8") if isinstance(content, str) else content
    path = Path(path)
    if path.exists() and not path.is_file() and not path.is_dir():
        with _named(path):
            path.write_bytes(data)
        return path
    target = path.resolve()
    if target.is_dir():
        raise IsADirectoryError(None, "must be a file, not a folder", str(path))
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")
    try:
        with _named(path), open(temporary, "xb") as file:
            file.write(data)
        os.replace(temporary, target)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
    return path


@contextlib.contextmanager
def _named(path: Path) -> Iterator[None]:
    """Errors of a write, such as those of a full disk, with the file's name."""
    try:
        yield
    except OSError as error:
        error.filename = str(path)
        raise


def require_replaceable(folder: Path, *, owned: str, names: Collection[str]) -> None:
    """Check that :func:`write_folder` can write a folder, before work is spent on its content.

    Raises
    ------
    UserError
        If the folder has something in it that the command didn't write.
    OSError
        If it is a file, or can't be made where it is to be.
    """
    if folder.exists():
        if not folder.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, "must be a folder, not a file", str(folder))
        found = sorted(folder.iterdir())
        strange = [path.name for path in found if not path.is_file()
                   or not any(fnmatch.fnmatchcase(path.name, name) for name in names)]
        if found and not (folder / owned).is_file():
            strange = strange or [found[0].name]
        if strange:
            raise UserError(f"{folder} must be a new or an empty folder, or one that this command "
                            f"wrote, but has {strange[0]!r} in it")
    if Path.cwd().is_relative_to(folder.resolve()):
        raise UserError(f"{folder} must not be the current folder, which a new one can't replace")
    _require_place(folder.resolve().parent)


def write_folder(folder: Path, files: Mapping[str, str | bytes], *, owned: str,
                 names: Collection[str]) -> Path:
    """Write a folder of files whole or not at all; one that the same command wrote is replaced.

    The files go to a temporary folder beside it, which then takes its name. On any failure the
    temporary folder is removed, and a folder that was there before stays as it was.

    Parameters
    ----------
    folder
        It is made, and the folders that it is in. A link is followed.
    files
        Contents by name.
    owned, names
        A folder that has a file ``owned``, and none of other names than these patterns
        (:mod:`fnmatch`), is replaced.

    Raises
    ------
    UserError
        If the folder has something else in it.
    OSError
        If it can't be made.
    """
    target = folder.resolve()
    require_replaceable(folder, owned=owned, names=names)
    target.parent.mkdir(parents=True, exist_ok=True)
    mark = secrets.token_hex(4)
    new, old = (target.with_name(f".{target.name}.{mark}.{end}") for end in ("tmp", "old"))
    try:
        with _named(folder):
            new.mkdir()
            for name, content in files.items():
                (new / name).write_bytes(content.encode() if isinstance(content, str) else content)
        if target.exists():
            os.rename(target, old)
        try:
            os.rename(new, target)
        except BaseException:
            if old.exists():
                os.rename(old, target)
            raise
    finally:
        shutil.rmtree(new, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)
    return folder
