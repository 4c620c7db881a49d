"""Where shared data lies: liberty files, models, tables. The one reader of ``SPARROW_DATA``."""

import os
from pathlib import Path

from sparrow.flow.errors import UserError

__all__ = ["VARIABLE", "data_folder", "require_data"]

VARIABLE = "SPARROW_DATA"
"""The environment variable that names the folder of shared data."""


def data_folder() -> Path | None:
    """The folder of shared data, or ``None`` where the variable is unset or empty.

    Raises
    ------
    UserError
        If the variable names no folder.
    """
    value = os.environ.get(VARIABLE)
    if not value:
        return None
    if not Path(value).is_dir():
        raise UserError(f"{VARIABLE} must be an existing folder, not {value!r}")
    return Path(value).absolute()


def require_data(relative: str | Path) -> Path:
    """The path of a file or folder of the shared data.

    Parameters
    ----------
    relative
        Its path inside the folder of shared data, such as ``liberty/nangate45_typ.lib``.

    Raises
    ------
    UserError
        If the variable is unset, names no folder, or the folder lacks ``relative``.
    """
    folder = data_folder()
    if folder is None:
        raise UserError(f"{VARIABLE} must be set to the folder that holds {str(relative)!r}")
    path = folder / relative
    if not path.exists():
        raise UserError(f"{VARIABLE} must be a folder that holds {str(relative)!r}, "
                        f"not {str(folder)!r}")
    return path
