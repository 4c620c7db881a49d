"""Results kept by the content of what they were made from."""

import hashlib
import json
from pathlib import Path
from typing import Any

from sparrow.flow.files import write_atomically
from sparrow.sim.objects import cache_folder

__all__ = ["content_key", "load", "store"]

_PACKAGE = Path(__file__).resolve().parent


def _package_digest() -> str:
    """A digest of this package: a change of it makes every result stale."""
    digest = hashlib.sha256()
    for path in sorted([*_PACKAGE.glob("*.py"), *_PACKAGE.glob("*.lib")]):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def content_key(**parts: Any) -> str:
    """A key for what is made from ``parts``, which JSON can hold, by this version of Sparrow."""
    text = json.dumps({**parts, "package": _package_digest()}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _path(key: str) -> Path:
    return cache_folder() / "estimates" / f"{key}.json"


def load(key: str) -> dict[str, Any] | None:
    """The result under ``key``; ``None`` where there is none, or it is damaged."""
    try:
        return json.loads(_path(key).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def store(key: str, result: dict[str, Any]) -> None:
    """Keep a result. A folder that can't be written is no error: it is made again next time."""
    try:
        write_atomically(_path(key), json.dumps(result, indent=1) + "\n")
    except OSError:
        return
