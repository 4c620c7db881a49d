"""Steps of a job that are done again only where what they are made of has changed."""

import contextlib
import hashlib
import importlib
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from sparrow import __version__
from sparrow.flow.files import write_atomically
from sparrow.flow.progress import progress

__all__ = ["Steps", "code_digest", "digest"]


def digest(content: bytes) -> str:
    """A short name for some content."""
    return hashlib.sha256(content).hexdigest()


def code_digest(*packages: str, without: Sequence[str] = ()) -> str:
    """A digest of all Python, C and C++ files of some packages of Sparrow, by import name.

    ``without`` are folders in them that have no part in it.
    """
    total = hashlib.sha256(__version__.encode())
    for package in packages:
        found = importlib.import_module(package)
        for folder in found.__path__:
            for path in sorted(Path(folder).rglob("*.*")):
                inside = path.relative_to(folder).parts[:-1]
                if path.suffix not in (".py", ".cpp", ".c", ".h") or set(inside) & set(without):
                    continue
                total.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return total.hexdigest()


class Steps:
    """The steps of one job, remembered in a folder.

    A step is a function that gives plain values, as JSON holds them, and perhaps writes files. It
    isn't called when it has been called before with an equal key and its files are still as it
    left them.
    What it gave is written last, so that a step that was interrupted is done again.

    Parameters
    ----------
    folder : Path
        Where steps are remembered.
    code : str
        Part of every key: a digest of the code that the steps are written in.

    Attributes
    ----------
    done, kept : list of str
        Names of the steps that were carried out, and of those that weren't.
    seconds : dict of str to float
        How long steps took.
    """

    def __init__(self, folder: Path, *, code: str = ""):
        self._folder, self._code = folder, code
        self.done: list[str] = []
        self.kept: list[str] = []
        self.seconds: dict[str, float] = {}

    def run(self, name: str, key: dict[str, Any], make: Callable[[], dict[str, Any]], *,
            files: Sequence[Path] = (), text: str = "") -> dict[str, Any]:
        """Do a step, if need be.

        Parameters
        ----------
        name
            Of the step.
        key
            All that it depends on, as JSON holds it.
        make
            Does it.
        files
            What it writes.
        text
            What is being done, for the progress line; without it there is none.
        """
        path = self._folder / f"{name}.json"
        wanted = digest(json.dumps([self._code, key], sort_keys=True).encode())
        known = _read(path)
        if (known is not None and known.get("key") == wanted
                and known.get("files") == _digests(files)):
            self.kept.append(name)
            return known["result"]
        path.unlink(missing_ok=True)
        started = time.monotonic()
        with progress(text) if text else contextlib.nullcontext():
            result = make()
        self.seconds[name] = time.monotonic() - started
        memory = {"key": wanted, "seconds": round(self.seconds[name], 1),
                  "files": _digests(files), "result": result}
        write_atomically(path, json.dumps(memory, indent=1) + "\n")
        self.done.append(name)
        return result


def _digests(files: Sequence[Path]) -> dict[str, str | None]:
    """The digest of each file, None where there is none."""
    return {path.name: digest(path.read_bytes()) if path.is_file() else None for path in files}


def _read(path: Path) -> dict[str, Any] | None:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) and "result" in value else None
