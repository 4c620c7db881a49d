"""Writing output files so that nobody ever sees half of one."""

import os
import secrets
from pathlib import Path

__all__ = ["write_atomically"]


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
        path.write_bytes(data)
        return path
    target = path.resolve()
    if target.is_dir():
        raise IsADirectoryError(None, "must be a file, not a folder", str(path))
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")
    try:
        with open(temporary, "xb") as file:
            file.write(data)
        os.replace(temporary, target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return path
