"""Compressed weights: bytes, cycles and stalls with and without compression."""

from collections.abc import Callable

from sparrow.flow.report.bars import NAMES, cut, parts, segments
from sparrow.flow.report.html import Html, count, percent, tag
from sparrow.flow.report.model import Layer, Report

__all__ = ["weights"]

Column = tuple[str, Callable[[Layer], str], Callable[[list[Layer]], str]]


def weights(report: Report) -> Html:
    """Bars and a table where cycles without compression are known, and a table of bytes; empty
    without weights."""
    found = [(place, layer) for place, layer in enumerate(report.layers, start=1)
             if layer.weights or layer.dense]
    if not found:
        return Html("")
    layers = [layer for _, layer in found]
    bytes_ = _table("Bytes of weights", found, [*_stored(layers), *_read(layers)])
    run = [(place, layer) for place, layer in found if layer.dense]
    if not run:
        return tag("div", bytes_)
    return tag("div", _bars(run), _table("Cycles with and without compression", run,
                                         _run([layer for _, layer in run])), bytes_)


def _table(title: str, found: list[tuple[int, Layer]], columns: list[Column]) -> Html:
    layers = [layer for _, layer in found]
    head = [tag("th", text, scope="col") for text in ("#", "layer", "codec")]
    rows = [tag("tr", tag("td", str(place), class_="place"), tag("th", layer.name, scope="row"),
                tag("td", _codec(layer), class_="kind"),
                *(tag("td", value(layer)) for _, value, _ in columns)) for place, layer in found]
    foot = tag("tr", tag("td", class_="place"), tag("th", "all", scope="row"), tag("td"),
               *(tag("td", total(layers)) for *_, total in columns))
    table = tag("table", tag("caption", title, class_="hidden"),
                tag("thead", tag("tr", *head, *(tag("th", text, scope="col")
                                                for text, *_ in columns))),
                tag("tbody", *rows), tag("tfoot", foot))
    return tag("div", table, class_="scroll", tabindex=0, role="region", aria_label=title)


def _codec(layer: Layer) -> str:
    if layer.codec or layer.dense:
        return layer.codec or "plain"
    return layer.weights.codec if layer.weights else ""


def _stored(layers: list[Layer]) -> list[Column]:
    """Bytes as they are stored."""
    if not any(layer.weights for layer in layers):
        return []

    def summed(name: str) -> Callable[[list[Layer]], int]:
        return lambda layers: sum(getattr(layer.weights, name) for layer in layers
                                  if layer.weights)

    def plain(title: str, name: str) -> Column:
        return (title, lambda layer: count(getattr(layer.weights, name, None)),
                lambda layers: count(summed(name)(layers)))

    before, after = summed("before"), summed("after")
    stored_as: list[Column] = [(
        "stored by", lambda layer: layer.weights.codec if layer.weights else "–",
        lambda layers: "")] if any(layer.dense for layer in layers) else []
    return [("kept", lambda layer: percent(layer.weights.kept if layer.weights else None),
             lambda layers: ""),
            plain("float32, bytes", "before"), *stored_as, plain("stored, bytes", "after"),
            ("ratio", lambda layer: _times(before([layer]), after([layer])),
             lambda layers: _times(before(layers), after(layers)))]


def _read(layers: list[Layer]) -> list[Column]:
    """Bytes that go over the bus."""
    columns: list[Column] = []
    if any(layer.dense for layer in layers):
        columns.append(("read dense, bytes", lambda layer: count(_dense(layer, "weight_bytes")),
                        lambda layers: count(_sum(layers, "weight_bytes"))))
    if any(layer.weight_bytes is not None for layer in layers):
        columns.append(("read, bytes", lambda layer: count(layer.weight_bytes),
                        lambda layers: count(sum(layer.weight_bytes or 0 for layer in layers))))
    return columns


def _run(layers: list[Layer]) -> list[Column]:
    """Cycles, and those in which the array waits for weights."""
    def waits(cause: str) -> Column:
        title = "waits for weights" if cause == "weights" else "waits for decoding"
        return (title, lambda layer: count(layer.stalls.get(cause) if layer.stalls else None),
                lambda layers: count(sum(layer.stalls.get(cause, 0) for layer in layers)))

    def dense_waits(layer: Layer) -> int:
        return layer.dense.stalls.get("weights", 0) if layer.dense else 0

    return [("dense cycles", lambda layer: count(_dense(layer, "cycles")),
             lambda layers: count(_sum(layers, "cycles"))),
            ("cycles", lambda layer: count(layer.cycles),
             lambda layers: count(sum(layer.cycles for layer in layers))),
            ("faster", lambda layer: _times(_dense(layer, "cycles"), layer.cycles),
             lambda layers: _times(_sum(layers, "cycles"),
                                   sum(layer.cycles for layer in layers))),
            ("dense waits for weights", lambda layer: count(dense_waits(layer)),
             lambda layers: count(sum(map(dense_waits, layers)))),
            waits("weights"),
            *([waits("decoding")] if any(layer.stalls.get("decoding") for layer in layers) else [])]


def _dense(layer: Layer, name: str) -> int | None:
    return getattr(layer.dense, name, None)


def _sum(layers: list[Layer], name: str) -> int:
    return sum(_dense(layer, name) or 0 for layer in layers)


def _times(before: int | None, after: int | None) -> str:
    return f"{before / after:.2f}×" if before and after else "–"


def _bars(found: list[tuple[int, Layer]]) -> Html:
    """Two bars for each layer, on one scale: dense, then compressed."""
    pairs = [(place, layer, _dense_parts(layer), parts(layer)) for place, layer in found]
    largest = max(1, *(max(layer.cycles, _dense(layer, "cycles") or 0) for _, layer in found))
    used = [name for name in NAMES
            if any(name in each for _, _, *both in pairs for each in both)]
    legend = tag("ul", *(tag("li", tag("i", class_=f"swatch {name}", aria_hidden="true"),
                             NAMES[name]) for name in used), class_="legend")
    rows = []
    for place, layer, dense, compressed in pairs:
        bars = [_bar("dense, predicted", dense, _dense(layer, "cycles") or 0, largest),
                _bar(_codec(layer), compressed, layer.cycles, largest)]
        rows.append(tag("li", tag("a", layer.name, href=f"#layer-{place}", class_="name"), *bars))
    return tag("div", legend, tag("ol", *rows), class_="bars pairs")


def _dense_parts(layer: Layer) -> dict[str, int]:
    assert layer.dense is not None
    if layer.vectors is None:
        return {"all": layer.dense.cycles}
    return cut({"busy": layer.vectors, **layer.dense.stalls}, layer.dense.cycles, "rest")


def _bar(name: str, found: dict[str, int], cycles: int, largest: int) -> Html:
    words = "; ".join(f"{NAMES[part]} {count(number)}" for part, number in found.items())
    return tag("span", tag("span", name, class_="aside"),
               tag("span", *segments(found, largest), class_="bar", role="img",
                   aria_label=f"{name}: {count(cycles)} cycles; {words}"),
               tag("span", count(cycles), class_="number"), class_="pair")
