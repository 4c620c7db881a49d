"""Where the cycles go: a stacked bar for each layer."""

from collections.abc import Mapping

from sparrow.flow.report.graph import ROW
from sparrow.flow.report.html import Html, count, percent, tag
from sparrow.flow.report.model import CAUSES, Layer, Report

__all__ = ["NAMES", "bars", "cut", "parts", "segments"]

NAMES = {"all": "cycles", "unknown": "busy and other", "busy": "array busy", **CAUSES,
         "rest": "fill, drain and other", "waiting": "waits and other"}


def parts(layer: Layer) -> dict[str, int]:
    """A layer's cycles by what they went into, the keys of ``NAMES``; they add up.

    What was counted twice, because two causes held at once, is left to the first of them.
    """
    if not layer.stalls and layer.vectors is None:
        return {"all": layer.cycles}
    counted = {} if layer.vectors is None else {"busy": layer.vectors}
    rest = "waiting" if not layer.stalls else "unknown" if layer.vectors is None else "rest"
    return cut({**counted, **layer.stalls}, layer.cycles, rest)


def cut(counted: Mapping[str, int], cycles: int, rest: str) -> dict[str, int]:
    """Counted cycles without what was counted twice, and the rest under its name."""
    left, found = cycles, {}
    for name in NAMES:
        if number := min(left, counted.get(name, 0)):
            found[name] = number
            left -= number
    remains = {rest: left} if left else {}
    return {**remains, **found} if rest == "unknown" else {**found, **remains}


def bars(report: Report) -> Html:
    """A legend and a bar for each layer, on one scale; the network's shares below."""
    largest = max(1, *(max(layer.cycles, layer.predicted) for layer in report.layers))
    found = [parts(layer) for layer in report.layers]
    whole = cut(report.counters, report.cycles, "rest") if report.counters else {}
    used = [name for name in NAMES if any(name in each for each in [*found, whole])]
    legend = [tag("li", tag("i", class_=f"swatch {name}", aria_hidden="true"), NAMES[name])
              for name in used]
    if report.measured:
        legend.append(tag("li", tag("i", class_="swatch predicted", aria_hidden="true"),
                          "predicted end"))
    rows = [_row(place, layer, each, largest, report.measured)
            for place, (layer, each) in enumerate(zip(report.layers, found), start=1)]
    if whole:
        rows.append(_whole(whole, report.cycles))
    return tag("div", tag("ul", *legend, class_="legend"),
               tag("ol", *rows), class_="bars", style=f"--row:{ROW}px")


def _row(place: int, layer: Layer, found: Mapping[str, int], largest: int,
         measured: bool) -> Html:
    words = "; ".join(f"{NAMES[name]} {count(number)}" for name, number in found.items())
    cycles = f"{count(layer.cycles)} cycles"
    predicted = f", predicted {count(layer.predicted)}" if measured else ", predicted"
    mark = tag("b", class_="predicted", style=_left(layer.predicted / largest)) \
        if measured else Html("")
    return tag(
        "li",
        tag("span", tag("a", layer.name, href=f"#layer-{place}", class_="name"),
            tag("span", tag("strong", cycles), tag("span", predicted, class_="aside"),
                class_="number"), class_="label"),
        tag("span", *segments(found, largest), mark, class_="bar", role="img",
            aria_label=f"{layer.name}: {cycles}; {words}"))


def _whole(found: Mapping[str, int], cycles: int) -> Html:
    words = "; ".join(f"{NAMES[name]} {percent(number / cycles)}"
                      for name, number in found.items())
    return tag(
        "li", tag("span", tag("span", "all layers", class_="name"),
                  tag("span", tag("strong", f"{count(cycles)} cycles"), class_="number"),
                  class_="label"),
        tag("span", *segments(found, cycles), class_="bar", role="img",
            aria_label=f"All layers: {words}"), class_="whole")


def segments(found: Mapping[str, int], scale: int) -> list[Html]:
    """The pieces of a bar, ``scale`` cycles long."""
    return [tag("i", class_=name, title=f"{NAMES[name]}: {count(number)} cycles",
                style=f"width:{100 * number / scale:.3f}%") for name, number in found.items()]


def _left(share: float) -> str:
    return f"left:{100 * share:.3f}%"
