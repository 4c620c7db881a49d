"""A bar chart as SVG: enough for one figure per bar."""

from collections.abc import Sequence
from html import escape

__all__ = ["bar_chart"]

_WIDTH, _LABEL, _ROW, _TOP = 760, 300, 28, 44


def bar_chart(title: str, bars: Sequence[tuple[str, float, bool]]) -> str:
    """Horizontal bars on a scale from zero.

    Parameters
    ----------
    title
        With the unit.
    bars
        Label, value (0 or more), and whether the bar is one of ours.

    Raises
    ------
    ValueError
        If there is no bar, or none above zero.
    """
    largest = max((value for _, value, _ in bars), default=0)
    if largest <= 0:
        raise ValueError(f"bars must have a value above zero, not {list(bars)!r}")
    height = _TOP + _ROW * len(bars) + 12
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" '
             f'viewBox="0 0 {_WIDTH} {height}" font-family="sans-serif" font-size="14">',
             f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>',
             f'<text x="16" y="26" font-size="16" font-weight="bold">{escape(title)}</text>']
    for number, (label, value, ours) in enumerate(bars):
        top = _TOP + number * _ROW
        length = (_WIDTH - _LABEL - 80) * value / largest
        colour = "#1f6f8b" if ours else "#b8b8b8"
        lines += [f'<text x="{_LABEL - 8}" y="{top + 17}" text-anchor="end">{escape(label)}</text>',
                  f'<rect x="{_LABEL}" y="{top + 3}" width="{length:.1f}" height="{_ROW - 8}" '
                  f'fill="{colour}"/>',
                  f'<text x="{_LABEL + length + 6:.1f}" y="{top + 17}">{value:.0f}</text>']
    return "\n".join([*lines, "</svg>"]) + "\n"
