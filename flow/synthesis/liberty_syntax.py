"""The syntax of liberty files: groups and attributes, whatever they mean."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from sparrow.flow.errors import UserError

__all__ = ["Group", "parse_groups"]

_TOKEN = re.compile(r'\s+|\\\n|/\*.*?\*/|//[^\n]*|"([^"]*)"|([{}();:,])|([^\s{}();:,"]+)',
                    re.DOTALL)


@dataclass
class Group:
    """A group: its kind, arguments, simple attributes by name, and the groups in it."""

    kind: str
    arguments: list[str]
    attributes: dict[str, list[str]] = field(default_factory=dict)
    groups: list["Group"] = field(default_factory=list)

    def first(self, name: str, default: str | None = None) -> str | None:
        """The first value of an attribute."""
        values = self.attributes.get(name)
        return values[0] if values else default

    def number(self, name: str, default: float = 0.0) -> float:
        """The first value of an attribute, as a number; ``ValueError`` if it is none."""
        text = self.first(name)
        return default if text is None else float(text)

    def of_kind(self, *kinds: str) -> Iterator["Group"]:
        """The groups in it that are of some kinds."""
        return (group for group in self.groups if group.kind in kinds)


def _tokens(text: str) -> Iterator[tuple[str, bool]]:
    """Tokens, each with whether it is a mark (and not a word that looks like one)."""
    for match in _TOKEN.finditer(text):
        index = match.lastindex
        if index:
            yield match.group(index), index == 2


def parse_groups(text: str, path: Path) -> Group:
    """The groups and attributes of a liberty text, as a tree; ``path`` is for messages.

    Raises
    ------
    UserError
        If it isn't one whole library.
    """
    root = Group("", [])
    stack = [root]
    words: list[str] = []
    arguments: list[str] | None = None
    colon = False
    for token, mark in _tokens(text):
        if not mark:
            (words if arguments is None or colon else arguments).append(token)
        elif token == "(" and not colon:
            arguments = []
        elif token == ":":
            colon = True
        elif token == "{":
            group = Group(words[0] if words else "", arguments or [])
            stack[-1].groups.append(group)
            stack.append(group)
            words, arguments, colon = [], None, False
        elif token in ";}":
            _store(stack[-1], words, arguments, colon)
            words, arguments, colon = [], None, False
            if token == "}":
                stack.pop()
                if not stack:
                    break
    if len(stack) != 1 or not root.groups or root.groups[0].kind != "library":
        raise UserError(f"liberty file must hold one library with balanced braces, "
                        f"which {path.name!r} doesn't")
    return root.groups[0]


def _store(group: Group, words: list[str], arguments: list[str] | None, colon: bool) -> None:
    if colon and words:
        group.attributes[words[0]] = [" ".join(words[1:])]
    elif arguments is not None and words:
        group.attributes.setdefault(words[0], []).extend(arguments)
