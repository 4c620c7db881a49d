"""HTML put together from parts, of which all that isn't markup is escaped."""

from html import escape

from sparrow.flow.numbers import grouped

__all__ = ["Html", "count", "join", "percent", "shape", "short", "tag"]

VOID = {"path", "rect", "circle", "line", "polygon", "meta", "br"}


class Html(str):
    """Markup: goes into a page as it is. Any other text is escaped."""


def tag(name: str, /, *children: str, **attributes: str | float | bool | None) -> Html:
    """An element.

    Parameters
    ----------
    name
        Of the element.
    children
        Markup (:class:`Html`) or text, which gets escaped.
    attributes
        ``_`` stands for ``-``, one at the end for nothing; ``None`` and ``False`` leave the
        attribute out.
    """
    words = [name]
    for key, value in attributes.items():
        if value is None or value is False:
            continue
        key = key.rstrip("_").replace("_", "-")
        if isinstance(value, float):
            value = f"{value:.2f}".rstrip("0").rstrip(".")
        words.append(key if value is True else f'{key}="{escape(str(value))}"')
    if name in VOID and not children:
        return Html(f"<{' '.join(words)}/>")
    return Html(f"<{' '.join(words)}>{join(*children)}</{name}>")


def join(*children: str) -> Html:
    """Parts side by side."""
    return Html("".join(child if isinstance(child, Html) else escape(child)
                        for child in children))


def count(number: float | None) -> str:
    """A number with thin spaces between thousands; a dash for ``None``."""
    return "–" if number is None else grouped(number, "{:,.0f}").replace(" ", "\u202f")


def percent(value: float | None, digits: int = 1) -> str:
    """A share."""
    return "–" if value is None else f"{100 * value:.{digits}f}\u202f%"


def short(number: float) -> str:
    """Three figures and a letter: 12.3 k."""
    for limit, letter in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if number >= limit:
            return f"{number / (1e3 if letter == 'k' else limit):.3g}\u202f{letter}"
    return count(number)


def shape(values: tuple[int, int, int] | None) -> str:
    """Channels × height × width; channels alone for a vector."""
    if values is None:
        return "–"
    return str(values[0]) if values[1:] == (1, 1) else " × ".join(map(str, values))
