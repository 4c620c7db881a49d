"""Verilator's own object files, the same for all models: compiled once, then kept."""

import contextlib
import functools
import hashlib
import importlib.metadata
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

__all__ = ["cache_folder", "kept_objects"]

_PROJECT = Path(__file__).resolve().parents[1]
_OBJECTS = "verilated*.o"
_AHEAD = 3600  # seconds by which they are newer than the makefile, which they depend on


def cache_folder() -> Path:
    """Where results are kept.

    The folder that ``SPARROW_CACHE`` names; else ``build/cache`` of the project that this module
    is run from; else, for an installed Sparrow, the user's cache folder.
    """
    named = os.environ.get("SPARROW_CACHE")
    if named:
        return Path(named)
    if (_PROJECT / "pyproject.toml").is_file():
        return _PROJECT / "build" / "cache"
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "sparrow"


@contextlib.contextmanager
def kept_objects(folder: Path, *options: str) -> Iterator[None]:
    """Spare a build in a folder the compilation of Verilator's library.

    What an earlier build with the same options, compiler and Verilator has left is put there
    before; what this one leaves is kept. A cache that can't be read or written is no error.

    Parameters
    ----------
    folder : Path
        Where Verilator's makefile is run.
    options : str
        All on which the library's objects depend, but for versions.
    """
    key = hashlib.sha256("\0".join([_versions(), *options]).encode()).hexdigest()
    place = cache_folder() / "verilator" / key
    later = time.time() + _AHEAD
    for path in place.glob(_OBJECTS):
        with contextlib.suppress(OSError):
            shutil.copyfile(path, folder / path.name)
            os.utime(folder / path.name, (later, later))
    yield
    if not place.is_dir():
        with contextlib.suppress(OSError):
            _keep(folder, place)


def _keep(folder: Path, place: Path) -> None:
    """Copy the objects, all or none, whoever else does so at the same time."""
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place.parent) as temporary:
        ready = Path(temporary) / "objects"
        ready.mkdir()
        for path in folder.glob(_OBJECTS):
            shutil.copyfile(path, ready / path.name)
        ready.rename(place)


@functools.cache
def _versions() -> str:
    """Verilator and the compiler that its makefiles call."""
    try:
        compiler = subprocess.run(["c++", "--version"], capture_output=True, text=True,
                                  check=False).stdout
    except OSError:
        compiler = ""
    return f"{importlib.metadata.version('verilator')}\n{compiler}"
