"""Options that have one value for all layers, or one for each."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from sparrow.hw.spec.base import SpecError

from ..draft import OTHERS, Draft

__all__ = ["require_by_layer", "require_each", "require_names", "value_by_layer"]

T = TypeVar("T")


def require_by_layer(subject: str, option: object, allowed: Sequence[object]) -> None:
    """Check an option: one of some values, or a mapping of layers to these.

    Raises
    ------
    SpecError
        If it is neither.
    """
    *rest, last = map(repr, allowed)
    wanted = f"{', '.join(rest)} or {last}"
    kinds = {type(each) for each in allowed}

    def require(place: str, value: object) -> None:
        if type(value) not in kinds or value not in allowed:
            raise SpecError(f"{place} must be {wanted}, not {value!r}")

    require_each(subject, option, require)


def require_each(subject: str, option: object, require: Callable[[str, object], None]) -> None:
    """Check an option that is a value or a mapping of layers to values.

    Parameters
    ----------
    require : function
        Of subject and value, that raises if the value isn't allowed.

    Raises
    ------
    SpecError
        If it is a mapping without layers.
    """
    if not isinstance(option, Mapping):
        require(subject, option)
        return
    if not option:
        raise SpecError(f"{subject} must have a value for a layer, or one for all, not {{}}")
    for name, value in option.items():
        require(f"{subject} of layer {name!r}", value)


def require_names(subject: str, value: object) -> tuple[str, ...]:
    """A list of names as a tuple.

    Raises
    ------
    TypeError, SpecError
        If it is no list of names, or has one twice.
    """
    if isinstance(value, str) or not isinstance(value, Sequence) or not all(
            isinstance(each, str) for each in value):
        raise TypeError(f"{subject} must be a list of names of layers, not {value!r}")
    if len(set(value)) < len(value):
        raise SpecError(f"{subject} must have every name once, not {list(value)!r}")
    return tuple(value)


def value_by_layer(draft: Draft, subject: str, option: T | Mapping[str, T]) -> dict[str, T]:
    """The value of each layer with weights that has one.

    Parameters
    ----------
    option : value, or mapping of layer to value
        A mapping may have a value for ``*``: all layers that it doesn't name.

    Raises
    ------
    QuantizeError
        If a layer that it names doesn't exist or has no weights.
    """
    if not isinstance(option, Mapping):
        return dict.fromkeys(draft.weighted, option)
    draft.chosen([name for name in option if name != OTHERS], subject)
    option = draft.by_layer(option)
    return {name: option[name] if name in option else option[OTHERS]
            for name in draft.weighted if name in option or OTHERS in option}
