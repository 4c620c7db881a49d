"""Where data with names lie: in the folder of shared data."""

from pathlib import Path

from sparrow.flow.data import VARIABLE, data_folder
from sparrow.flow.errors import UserError

__all__ = ["shared_folder"]


def shared_folder(name: str, content: str) -> Path:
    """The folder of data of a name.

    Parameters
    ----------
    name
        Of the data and the folder.
    content
        What must be in it, for errors.

    Raises
    ------
    UserError
        If there is none; the text says where it was looked for and what to put there.
    """
    folder = data_folder()
    if folder is None:
        raise UserError(f"data {name!r} must lie in ${VARIABLE}/models/{name} ({content}), but "
                        f"{VARIABLE} is not set")
    path = folder / "models" / name
    if not path.is_dir():
        raise UserError(f"data {name!r} must lie in {path} ({content}), but there is no such "
                        "folder")
    return path
