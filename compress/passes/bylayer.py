"""Options that have one value for all layers, or one for each."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

from sparrow.hw.spec.base import SpecError

from ..draft import Draft

__all__ = ["OTHERS", "require_by_layer", "value_by_layer"]

OTHERS = "*"
T = TypeVar("T")


def require_by_layer(subject: str, option: object, allowed: Sequence[int]) -> None:
    """Check an option: one of some integers, or a mapping of layers to these.

    Raises
    ------
    SpecError
        If it is neither.
    """
    named = option if isinstance(option, Mapping) else {None: option}
    *rest, last = allowed
    wanted = f"{', '.join(map(str, rest))} or {last}"
    if not named:
        raise SpecError(f"{subject} must be {wanted}, or such a number by layer, not {option!r}")
    for name, value in named.items():
        place = subject if name is None else f"{subject} of layer {name!r}"
        if isinstance(value, bool) or value not in allowed:
            raise SpecError(f"{place} must be {wanted}, not {value!r}")


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
    return {name: option[name] if name in option else option[OTHERS]
            for name in draft.weighted if name in option or OTHERS in option}
