"""The network as a picture: a row per layer, edges between rows, those that skip rows aside."""

import math

from sparrow.flow.report.html import Html, join, shape, tag
from sparrow.flow.report.model import Layer, Report

__all__ = ["ROW", "graph"]

ROW = 60
"""Height of a row in pixels, that of the bars beside it, too."""

_LEFT, _WIDTH, _HEIGHT, _LANE = 2, 300, 46, 13
_NAME, _LINE = 25, 36  # letters that fit
_FAMILIES = {"Conv": "product", "Linear": "product", "MaxPool": "pool", "AveragePool": "pool",
             "Add": "merge", "Concat": "merge"}
Shape = tuple[int, int, int]


def graph(report: Report) -> Html:
    """The drawing; empty where shapes and inputs aren't known."""
    if report.input_shape is None:
        return Html("")
    rows = {report.input_name: 0}
    rows.update((layer.name, place) for place, layer in enumerate(report.layers, start=1))
    edges = [(rows[name], rows[layer.name]) for layer in report.layers
             for name in layer.inputs if name in rows]
    lanes = _lanes([edge for edge in edges if edge[1] - edge[0] > 1])
    width = _LEFT + _WIDTH + 14 + _LANE * (1 + max(lanes.values(), default=-1))
    height = ROW * (1 + len(report.layers))
    largest = [report.input_shape, *(layer.shape for layer in report.layers if layer.shape)]
    scale = (max(max(found[1:]) for found in largest), max(found[0] for found in largest))
    nodes = [_node(0, report.input_name, "", report.input_shape, scale)]
    nodes += [_layer(place, layer, scale) for place, layer in enumerate(report.layers, start=1)]
    drawn = [_skip(*edge, lane) for edge, lane in lanes.items()]
    drawn += [_straight(edge[1]) for edge in edges if edge[1] - edge[0] == 1]
    skips = f", {len(lanes)} of them past other layers" if lanes else ""
    return tag("svg", tag("title", f"{report.name}: {len(report.layers)} layers"),
               tag("desc", f"{len(edges)} edges{skips}"), _arrows(), *drawn, *nodes,
               class_="graph", viewBox=f"0 0 {width} {height}", width=width, height=height,
               role="group", aria_label=f"The network's {len(report.layers)} layers, in order")


def _lanes(edges: list[tuple[int, int]]) -> dict[tuple[int, int], int]:
    """For each edge a lane in which it meets no other; short ones inside."""
    taken: list[list[tuple[int, int]]] = []
    found = {}
    for edge in sorted(set(edges), key=lambda edge: (edge[1] - edge[0], edge)):
        lane = next((place for place, others in enumerate(taken)
                     if all(edge[1] <= start or end <= edge[0] for start, end in others)),
                    len(taken))
        taken[lane:lane + 1] = [[*(taken[lane] if lane < len(taken) else []), edge]]
        found[edge] = lane
    return found


def _arrows() -> Html:
    def marker(name: str) -> Html:
        return tag("marker", tag("path", d="M0 0 6 3 0 6z", class_=name), id=f"tip-{name}",
                   viewBox="0 0 6 6", refX=5, refY=3, markerWidth=7, markerHeight=7,
                   markerUnits="userSpaceOnUse", orient="auto")

    return tag("defs", marker("edge"), marker("skip"))


def _straight(row: int) -> Html:
    middle = _LEFT + 25
    return tag("path", d=f"M{middle} {ROW * (row - 1) + _HEIGHT + 1}V{ROW * row}", class_="edge",
               marker_end="url(#tip-edge)")


def _skip(first: int, last: int, lane: int) -> Html:
    right, turn = _LEFT + _WIDTH, 8
    aside = right + 14 + _LANE * lane
    top, bottom = ROW * first + _HEIGHT - 12, ROW * last + 12
    return tag("path", class_="skip", marker_end="url(#tip-skip)",
               d=f"M{right} {top}H{aside - turn}Q{aside} {top} {aside} {top + turn}"
                 f"V{bottom - turn}Q{aside} {bottom} {aside - turn} {bottom}H{right + 1}")


def _layer(place: int, layer: Layer, scale: tuple[int, int]) -> Html:
    drawn = _node(place, layer.name, _words(layer), layer.shape, scale,
                  family=_FAMILIES.get(layer.kind, "other"),
                  bits="" if layer.bits is None else f"{layer.bits} bits")
    return tag("a", drawn, href=f"#layer-{place}")


def _words(layer: Layer) -> str:
    if layer.detail.startswith("depthwise"):
        return layer.detail.capitalize()
    return f"{layer.kind} {layer.detail}".strip()


def _node(place: int, name: str, text: str, found: Shape | None, scale: tuple[int, int], *,
          family: str = "input", bits: str = "") -> Html:
    top, right = ROW * place, _LEFT + _WIDTH
    size = shape(found).replace(" ", "")
    room = _LINE - len(size) - 1
    cut = name if len(name) <= _NAME else f"…{name[1 - _NAME:]}"
    line = text if len(text) <= room else f"{text[:room - 1]}…"
    parts = [tag("title", ", ".join(x for x in (name, text, bits, shape(found)) if x)),
             tag("rect", x=_LEFT, y=top, width=_WIDTH, height=_HEIGHT, rx=9),
             tag("text", cut, x=_LEFT + 52, y=top + (20 if text else 28), class_="name"),
             tag("text", line, x=_LEFT + 52, y=top + 36, class_="kind"),
             tag("text", size, x=right - 10, y=top + (36 if text else 28), class_="shape")]
    if found is not None:
        parts.append(_block(_LEFT + 25, top + _HEIGHT / 2, found, scale))
    if bits:
        parts.append(tag("text", bits, x=right - 10, y=top + 20, class_="bits"))
    return tag("g", *parts, class_=f"node {family}")


def _block(x: float, y: float, found: Shape, scale: tuple[int, int]) -> Html:
    """A feature map as a small solid: its face height × width, its depth the channels."""
    def size(value: int, largest: int, low: float, high: float) -> float:
        return low + (high - low) * math.log2(1 + value) / math.log2(1 + largest)

    width, height = (size(value, scale[0], 1, 18) for value in (found[2], found[1]))
    deep = size(found[0], scale[1], 1, 16)
    left, top = x - (width + deep) / 2, y - (height - deep / 2) / 2
    over, up = left + deep, top - deep / 2

    def face(*corners: tuple[float, float], name: str) -> Html:
        return tag("polygon", class_=name,
                   points=" ".join(f"{a:.1f},{b:.1f}" for a, b in corners))

    return join(
        face((left, top), (over, up), (over + width, up), (left + width, top), name="lid"),
        face((left + width, top), (over + width, up), (over + width, up + height),
             (left + width, top + height), name="side"),
        face((left, top), (left + width, top), (left + width, top + height), (left, top + height),
             name="front"))
