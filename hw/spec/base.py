"""What every specification shares: validation with exact error texts, TOML in and out."""

import dataclasses
import enum
import tomllib
import typing
from collections.abc import Iterable, Mapping
from pathlib import Path

import tomli_w

__all__ = ["Spec", "SpecError", "require_choice", "require_flag", "require_integer",
           "require_number"]


class SpecError(ValueError):
    """A specification asks for something that doesn't exist or isn't supported.

    The text is one line: the subject, what it must be, and the value that was given.
    """


def require_integer(subject: str, value: object, low: int, high: int) -> None:
    """Check that ``value`` is an integer in ``low`` to ``high``, both included.

    Raises
    ------
    TypeError
        If ``value`` is no integer (a ``bool`` is none).
    SpecError
        If ``value`` is out of range.
    """
    wanted = f"{low}" if low == high else f"an integer from {low} to {high}"
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{subject} must be {wanted}, not {value!r}")
    if not low <= value <= high:
        raise SpecError(f"{subject} must be {wanted}, not {value!r}")


def require_flag(subject: str, value: object) -> None:
    """Check that ``value`` is true or false; raises ``TypeError`` otherwise."""
    if not isinstance(value, bool):
        raise TypeError(f"{subject} must be true or false, not {value!r}")


def require_choice(subject: str, value: object, choices: Iterable[enum.Enum]) -> None:
    """Check that ``value`` is one of some members of an enumeration, or of all members.

    Raises
    ------
    SpecError
        If it isn't.
    """
    choices = tuple(choices)
    if value not in choices:
        given = value.value if isinstance(value, enum.Enum) else value
        names = ", ".join(repr(member.value) for member in choices)
        raise SpecError(f"{subject} must be one of {names}, not {given!r}")


def require_number(subject: str, value: object, low: float, high: float) -> None:
    """Check that a value is a number in ``low`` to ``high``, both included.

    Raises
    ------
    TypeError
        If it is no number.
    SpecError
        If it is out of range.
    """
    wanted = f"a number from {low} to {high}"
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{subject} must be {wanted}, not {value!r}")
    if not low <= value <= high:
        raise SpecError(f"{subject} must be {wanted}, not {value!r}")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Spec:
    """Base of the frozen, validated specifications that all subpackages share.

    A subclass is a frozen, keyword-only dataclass whose fields are integers, flags and
    string-valued enumerations, and which validates itself in ``__post_init__``. An enumeration
    may be given by its value: ``Rounding.HALF_UP`` and ``"half_up"`` mean the same. A subclass that
    doesn't take every member of an enumeration names those that it takes in ``choices``, by field.
    """

    choices: typing.ClassVar[Mapping[str, tuple[enum.Enum, ...]]] = {}

    def __post_init__(self) -> None:
        hints = typing.get_type_hints(type(self))
        for field in dataclasses.fields(self):
            hint, value = hints[field.name], getattr(self, field.name)
            if isinstance(hint, type) and issubclass(hint, enum.Enum):
                if isinstance(value, str) and value in {member.value for member in hint}:
                    object.__setattr__(self, field.name, hint(value))
                require_choice(field.name, getattr(self, field.name),
                               self.choices.get(field.name, hint))
            elif hint is bool:
                require_flag(field.name, value)

    @classmethod
    def from_mapping(cls, values: Mapping[str, object], *, source: str = "specification"):
        """Make a specification of plain values, as TOML gives them.

        Raises
        ------
        SpecError
            On an unknown field, or a value that the specification refuses; the text begins
            with ``source``.
        """
        names = [field.name for field in dataclasses.fields(cls)]
        for key in values:
            if key not in names:
                raise SpecError(f"{source}: {key!r} is no field of {cls.__name__}; "
                                f"its fields are {', '.join(names)}")
        try:
            return cls(**values)
        except (TypeError, ValueError) as error:
            raise SpecError(f"{source}: {error}") from None

    @classmethod
    def mapping_of_toml(cls, path: str | Path) -> dict[str, object]:
        """The plain values in a TOML file; raises ``SpecError`` naming the file."""
        try:
            return tomllib.loads(Path(path).read_text(encoding="utf-8"))
        except OSError as error:
            raise SpecError(f"{path}: {error.strerror}") from None
        except (ValueError, RecursionError) as error:  # of which TOMLDecodeError is one
            raise SpecError(f"{path}: not a TOML file: {error}") from None

    @classmethod
    def from_toml(cls, path: str | Path):
        """Read a specification from a TOML file; raises ``SpecError`` naming the file."""
        return cls.from_mapping(cls.mapping_of_toml(path), source=str(path))

    def to_mapping(self) -> dict[str, object]:
        """The fields as plain integers, flags and strings, in order of declaration."""
        return {name: value.value if isinstance(value, enum.Enum) else value
                for name, value in dataclasses.asdict(self).items()}

    def to_toml(self) -> str:
        """The specification as TOML text that ``from_toml`` reads back to an equal one."""
        return tomli_w.dumps(self.to_mapping())

    def replace(self, **changes):
        """A copy with some fields changed, validated again."""
        return dataclasses.replace(self, **changes)
