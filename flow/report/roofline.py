"""The roofline: what bus and array allow, and where each layer stands below that."""

import math
from dataclasses import dataclass

from sparrow.flow.report.html import Html, count, percent, tag
from sparrow.flow.report.model import Array, Layer, Report

__all__ = ["roofline"]

_SIZES = {"wide": (960.0, 400.0), "slim": (300.0, 340.0)}  # plots for which labels are placed
_MOST_TICKS, _LETTER = 8, 7.4
Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class _Axes:
    """Logarithmic axes, to the base of 2: MACs per byte, MACs per cycle."""

    low: tuple[int, int]
    high: tuple[float, float]

    def x(self, value: float) -> float:
        """Share of the width, from the left."""
        return (math.log2(value) - self.low[0]) / (self.high[0] - self.low[0])

    def y(self, value: float) -> float:
        """Share of the height, from above."""
        return 1 - (math.log2(value) - self.low[1]) / (self.high[1] - self.low[1])


@dataclass(frozen=True)
class _Dot:
    place: int
    layer: Layer
    x: float
    y: float
    size: float


def roofline(report: Report) -> Html:
    """The plot; empty where the accelerator isn't known or no layer has MACs."""
    found = [(place, layer, layer.intensity, layer.macs / layer.cycles)
             for place, layer in enumerate(report.layers, start=1)
             if layer.macs and layer.cycles and layer.intensity]
    if report.array is None or not found:
        return Html("")
    axes = _axes(report.array, [x for *_, x, _ in found if x], [y for *_, y in found])
    longest = max(layer.cycles for _, layer, *_ in found)
    dots = [_Dot(place, layer, axes.x(x or 1), axes.y(y),
                 8 + 12 * math.sqrt(layer.cycles / longest)) for place, layer, x, y in found]
    limits, ends = _limits(report.array, axes)
    parts = [_lines(report.array, axes), *_ticks(axes), *limits]
    for dot in sorted(dots, key=lambda dot: -dot.size):
        parts.append(_drawn(dot))
    for name, (width, height) in _SIZES.items():
        taken = [(x * width - _LETTER * len(text) - 12, y * height - 19, _LETTER * len(text) + 12,
                  17.0) for text, x, y in ends]
        parts += _labels(dots, taken, name, width, height)
    words = (f"Roofline of {len(dots)} layers; the array's limit is "
             f"{count(report.array.macs_per_cycle(None))} MACs per cycle, the bus moves "
             f"{report.array.bus_bytes} bytes per cycle. The table of layers has the figures.")
    above = any(y > report.array.macs_per_cycle(layer.bits) for _, layer, _, y in found)
    return tag("div", tag("div", *parts, class_="plot", role="img", aria_label=words),
               tag("p", "MACs per byte on the bus", class_="x-name", aria_hidden="true"),
               tag("p", "Layers above the array's limit need fewer multiplications than MACs.",
                   class_="note") if above else "",
               class_="roofline")


def _axes(array: Array, xs: list[float], ys: list[float]) -> _Axes:
    peak = array.macs_per_cycle(4)
    ridge = peak / array.bus_bytes
    return _Axes((math.floor(math.log2(min(*xs, ridge))) - 1,
                  math.floor(math.log2(min(*ys, peak / 4))) - 1),
                 (math.ceil(math.log2(max(*xs, ridge))) + 1.0,
                  math.log2(max(peak, *ys)) + 0.9))


def _lines(array: Array, axes: _Axes) -> Html:
    """The limits, drawn on a square of 100 that is stretched to the plot."""
    def point(x: float, y: float) -> str:
        return f"{100 * axes.x(x):.2f} {100 * axes.y(y):.2f}"

    right = 2.0 ** axes.high[0]
    drawn = [tag("path", class_="grid", d="".join(
        f"M0 {100 * axes.y(2.0 ** power):.2f}H100" for power in _powers(axes, 1)))]
    for bits in ((4, 8) if array.int4 else (8,)):
        peak = array.macs_per_cycle(bits)
        ridge = peak / array.bus_bytes
        start, bottom = 2.0 ** axes.low[0], 2.0 ** axes.low[1]
        first = point(max(start, bottom / array.bus_bytes),
                      max(bottom, start * array.bus_bytes))
        line = f"M{first}L{point(ridge, peak)}L{point(right, peak)}"
        if len(drawn) == 1:
            drawn.append(tag("path", d=f"{line}V100H0V{first.split()[1]}Z", class_="under"))
        drawn.append(tag("path", d=line, class_=f"limit int{bits}"))
    return tag("svg", *drawn, viewBox="0 0 100 100", preserveAspectRatio="none",
               aria_hidden="true")


def _ticks(axes: _Axes) -> list[Html]:
    result = []
    for axis, place in ((0, "left"), (1, "bottom")):
        low, high = axes.low[axis], axes.high[axis]
        for power in _powers(axes, axis):
            share = (power - low) / (high - low)
            text = f"{2 ** power}" if power >= 0 else f"1/{2 ** -power}"
            result.append(tag("span", text, class_=f"tick {'xy'[axis]}", aria_hidden="true",
                              style=f"{place}:{100 * share:.2f}%"))
    result.append(tag("span", "MACs per cycle", class_="y-name", aria_hidden="true"))
    return result


def _powers(axes: _Axes, axis: int) -> range:
    """The powers of 2 at which an axis has ticks."""
    low, high = axes.low[axis], axes.high[axis]
    return range(low + 1, math.ceil(high), math.ceil((high - low) / _MOST_TICKS))


def _limits(array: Array, axes: _Axes) -> tuple[list[Html], list[tuple[str, float, float]]]:
    """The limits' names, on their lines; and for each where its right end is."""
    names, ends = [], []
    for bits in ((4, 8) if array.int4 else (8,)):
        peak = array.macs_per_cycle(bits)
        text, share = f"array, {bits}-bit weights: {count(peak)}", axes.y(peak)
        names.append(tag("span", text, class_="bound", style=f"right:0;top:{100 * share:.2f}%"))
        ends.append((text, 1.0, share))
    text, low = f"bus: {array.bus_bytes} bytes per cycle", 2.0 ** axes.low[0]
    low = max(low, 2.0 ** axes.low[1] / array.bus_bytes)
    x = low * (array.macs_per_cycle(8) / array.bus_bytes / low) ** 0.62
    share = axes.y(x * array.bus_bytes)
    names.append(tag("span", text, class_="bound bus",
                     style=f"left:{100 * axes.x(x):.2f}%;top:{100 * share:.2f}%"))
    ends.append((text, axes.x(x), share))
    return names, ends


def _drawn(dot: _Dot) -> Html:
    layer = dot.layer
    bits = "" if layer.bits is None else f", {layer.bits}-bit weights"
    title = (f"{dot.place}: {layer.name}{bits}: {layer.macs / layer.cycles:.2f} MACs per "
             f"cycle, {layer.intensity or 0:.2f} per byte, {percent(layer.utilization)} of the "
             "array")
    return tag("i", class_="dot int4" if layer.bits == 4 else "dot", title=title,
               style=f"left:{100 * dot.x:.2f}%;top:{100 * dot.y:.2f}%;"
                     f"width:{dot.size:.1f}px;height:{dot.size:.1f}px")


def _labels(dots: list[_Dot], taken: list[Box], name: str, width: float,
            height: float) -> list[Html]:
    """Names beside the dots (numbers on a slim plot), without those that find no room."""
    taken = taken + [(dot.x * width - dot.size / 2, dot.y * height - dot.size / 2, dot.size,
                      dot.size) for dot in dots]
    result = []
    for dot in dots:
        text = dot.layer.name if name == "wide" else str(dot.place)
        size = (_LETTER * len(text) + 4, 17.0)
        free = [place for place in _places(dot, size, width, height)
                if not any(_meet(place[0], other) for other in taken)]
        if not free:
            continue
        box, align = free[0]
        taken.append(box)
        result.append(tag(
            "span", text, class_=f"dot-name {name}", aria_hidden="true",
            style=f"left:calc({100 * dot.x:.2f}% + {box[0] - dot.x * width:.0f}px);"
                  f"top:calc({100 * dot.y:.2f}% + {box[1] - dot.y * height:.0f}px);"
                  f"width:{size[0]:.0f}px;text-align:{align}"))
    return result


def _places(dot: _Dot, size: tuple[float, float], width: float,
            height: float) -> list[tuple[Box, str]]:
    """Where a name may stand, the best place first, and how it is aligned there."""
    x, y, (wide, high) = dot.x * width, dot.y * height, size
    gap = dot.size / 2 + 3
    places = [(x + gap, y - high / 2, "left"), (x + gap * 0.8, y + gap - high * 0.4, "left"),
              (x - wide / 2, y + gap, "center"), (x + gap * 0.8, y - gap - high * 0.6, "left"),
              (x - gap - wide, y - high / 2, "right"), (x - wide / 2, y - gap - high, "center"),
              (x - gap * 0.8 - wide, y + gap - high * 0.4, "right"),
              (x - gap * 0.8 - wide, y - gap - high * 0.6, "right")]
    return [((left, top, wide, high), align) for left, top, align in places
            if left >= 0 and top >= 0 and left + wide <= width and top + high <= height]


def _meet(a: Box, b: Box) -> bool:
    return (a[0] < b[0] + b[2] and b[0] < a[0] + a[2]
            and a[1] < b[1] + b[3] and b[1] < a[1] + a[3])
