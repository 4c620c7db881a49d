"""Values taken out of JSON, each with its check: a wrong one is named in one line."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sparrow.flow.errors import UserError

__all__ = ["Fields", "read_json"]

MISSING = object()
LARGEST = 2**63 - 1


class Fields:
    """A mapping of a JSON file, and what an error calls it.

    Parameters
    ----------
    values : dict
        Anything else is refused.
    subject : str
        File and place in it.
    """

    def __init__(self, values: Any, subject: str):
        self._subject = subject
        if not isinstance(values, Mapping):
            raise UserError(f"{subject} must be a mapping, not {_shown(values)}")
        self._values: Mapping[str, Any] = values

    def __contains__(self, name: str) -> bool:
        return self._values.get(name) is not None

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def error(self, name: str, wanted: str) -> UserError:
        """An error about one value."""
        value = self._values.get(name, MISSING)
        found = "but is missing" if value is MISSING else f"not {_shown(value)}"
        return UserError(f"{self._subject}: {name} must be {wanted}, {found}")

    def text(self, name: str, default: str | None = None) -> str:
        """A text; the default, if there is one, where it is missing."""
        value = self._values.get(name, default)
        if not isinstance(value, str):
            raise self.error(name, "a text")
        return value

    def count(self, name: str, default: int | None = None) -> int:
        """An integer from 0 to 2^63 - 1."""
        value = self._values.get(name, default)
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise self.error(name, "an integer of at least 0")
        if value > LARGEST:
            raise self.error(name, f"at most {LARGEST}")
        return value

    def maybe_count(self, name: str) -> int | None:
        """The same, ``None`` where it is missing or null."""
        return self.count(name) if name in self else None

    def number(self, name: str) -> float:
        """A number from 0 to 2^63 - 1."""
        value = self._values.get(name)
        if (not isinstance(value, int | float) or isinstance(value, bool)
                or not 0 <= value <= LARGEST):
            raise self.error(name, "a number of at least 0")
        return value

    def maybe_number(self, name: str) -> float | None:
        """The same, ``None`` where it is missing or null."""
        return self.number(name) if name in self else None

    def share(self, name: str) -> float:
        """A number from 0 to 1."""
        if self.number(name) > 1:
            raise self.error(name, "from 0 to 1")
        return self.number(name)

    def inside(self, name: str) -> "Fields":
        """A mapping; an empty one where it is missing."""
        return Fields(self._values.get(name, {}), f"{self._subject}: {name}")

    def items(self, name: str) -> "list[Fields]":
        """A list of mappings."""
        values = self._values.get(name)
        if not isinstance(values, list):
            raise self.error(name, "a list")
        return [Fields(value, f"{self._subject}: {name}[{place}]")
                for place, value in enumerate(values)]

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of texts; an empty one where it is missing."""
        values = self._values.get(name, [])
        if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
            raise self.error(name, "a list of texts")
        return tuple(values)


def read_json(path: Path) -> Fields:
    """The mapping in a file.

    Raises
    ------
    UserError
        If the file can't be read, isn't JSON, or holds something else.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} must be a JSON file: {error}") from None
    return Fields(values, str(path))


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
