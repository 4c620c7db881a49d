"""What the design costs: figures for each target, logic and memory as tree maps."""

from collections.abc import Mapping

from sparrow.flow.report.html import Html, count, join, percent, short, tag
from sparrow.flow.report.model import Area, Report
from sparrow.flow.report.parts import Box, Part, squarify, tree, wrappers

__all__ = ["area"]

PLAIN = 5  # the tint of all but the largest parts
_SIZES = {"wide": 1040.0, "slim": 340.0}  # the widths for which maps are laid out
_HEAD, _GAP, _LINE, _LETTER = 22, 3, 16, 6.6


def area(report: Report) -> Html:
    """A block for each target."""
    return join(*(_target(found) for found in report.areas))


def _target(found: Area) -> Html:
    figures = [tag("div", tag("dt", label), tag("dd", value.replace(" ", "\u202f")))
               for label, value in found.figures]
    parts = [tag("h3", f"Target {found.target}"), tag("dl", *figures, class_="figures")]
    without = wrappers(found.modules, lambda module: module.area)
    logic = tree(found.modules, lambda module: module.area, without)
    memory = tree(found.modules, lambda module: module.memory_bits, without)
    names = [part.name for part in [*logic.parts[:3], *memory.parts[:3]]]
    tints = {name: place for place, name in enumerate(dict.fromkeys(names[:PLAIN]))}
    if logic.size:
        parts.append(_map("Logic", logic, found.unit, 400, tints))
    if memory.size:
        parts.append(_map("Memory", memory, "bits", 150, tints))
    return tag("div", *parts, class_="target")


def _map(title: str, whole: Part, unit: str, height: float, tints: Mapping[str, int]) -> Html:
    words = ", ".join(f"{part.name} {percent(part.size / whole.size)}"
                      for part in whole.parts[:6])
    maps = [tag("div", *_tiles(whole, width, height, unit, tints), class_=f"map {name}",
                style=f"height:{height:.0f}px", role="img",
                aria_label=f"{title}, {count(whole.size)} {unit}: {words}")
            for name, width in _SIZES.items()]
    heading = tag("figcaption", tag("strong", title), f" {count(whole.size)} {unit}")
    rows = [tag("li", f"{part.name}: {count(part.size)}, {percent(part.size / whole.size)}")
            for part in whole.parts]
    listed = tag("details", tag("summary", f"{title} in figures"), tag("ul", *rows))
    return tag("figure", heading, *maps, listed)


def _tiles(whole: Part, width: float, height: float, unit: str,
           tints: Mapping[str, int]) -> list[Html]:
    result: list[Html] = []

    def put(parts: tuple[Part, ...], box: Box, depth: int, tint: int) -> None:
        for part, piece in zip(parts, squarify([part.size for part in parts], box)):
            colour = tints.get(part.name, PLAIN) if depth == 0 else tint
            inner = (piece[0] + _GAP, piece[1] + _HEAD, piece[2] - 2 * _GAP,
                     piece[3] - _HEAD - _GAP)
            group = bool(part.parts) and inner[2] > 60 and inner[3] > 30
            result.append(_tile(part, piece, width, whole.size, unit,
                                f"t{colour} d{min(depth, 3)}{' group' if group else ''}"))
            if group:
                put(part.parts, inner, depth + 1, colour)

    put(whole.parts, (0.0, 0.0, width, height), 0, 0)
    return result


def _tile(part: Part, piece: Box, width: float, whole: float, unit: str, kind: str) -> Html:
    left, top, wide, high = piece
    times = f" × {count(part.instances)}" if part.instances > 1 else ""
    share = percent(part.size / whole)
    fits = wide > _LETTER * len(part.name) + 12 and high > _LINE + 2
    lines = []
    if fits:
        lines.append(tag("b", part.name))
        if high > 2 * _LINE + 12 and "group" not in kind:
            lines += [tag("span", share), *([tag("small", times.strip())]
                                            if high > 3 * _LINE + 12 else [])]
        elif wide > _LETTER * (len(part.name) + len(share) + 3) + 12:
            lines.append(tag("span", f" {share}"))
    return tag("div", *lines, class_=f"tile {kind}",
               title=f"{part.name}{times}: {short(part.size)} {unit}, {share}",
               style=f"left:{100 * left / width:.3f}%;top:{top:.1f}px;"
                     f"width:{100 * wide / width:.3f}%;height:{high:.1f}px")
