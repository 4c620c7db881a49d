"""The table of layers."""

from collections.abc import Callable

from sparrow.flow.report.html import Html, count, percent, shape, tag
from sparrow.flow.report.model import Layer, Report

__all__ = ["layer_table"]

Column = tuple[str, Callable[[Layer], str | Html], Callable[[Report], str | Html]]


def layer_table(report: Report) -> Html:
    """A row for each layer, and one for all; columns that nobody knows are left out."""
    columns = _columns(report)
    head = [tag("th", title, scope="col") for title, *_ in columns]
    rows = [tag("tr", tag("td", str(place), class_="place"),
                tag("th", layer.name, scope="row"), tag("td", layer.kind, class_="kind"),
                *(tag("td", value(layer)) for _, value, _ in columns), id=f"layer-{place}")
            for place, layer in enumerate(report.layers, start=1)]
    foot = tag("tr", tag("td", class_="place"), tag("th", "all", scope="row"),
               tag("td"), *(tag("td", total(report)) for *_, total in columns))
    table = tag("table", tag("caption", f"The layers of {report.name}", class_="hidden"),
                tag("thead", tag("tr", tag("th", "#", scope="col"),
                                 tag("th", "layer", scope="col"), tag("th", "kind", scope="col"),
                                 *head)),
                tag("tbody", *rows), tag("tfoot", foot))
    return tag("div", table, class_="scroll", tabindex=0, role="region",
               aria_label="Table of layers")


def _columns(report: Report) -> list[Column]:
    layers = report.layers

    def summed(name: str) -> Callable[[Report], str]:
        return lambda report: count(sum(getattr(layer, name) or 0 for layer in report.layers))

    def plain(title: str, name: str) -> Column:
        return title, lambda layer: count(getattr(layer, name)), summed(name)

    columns: list[Column] = []
    if any(layer.shape for layer in layers):
        columns.append(("output", lambda layer: shape(layer.shape).replace(" ", ""),
                        lambda report: ""))
    if any(layer.bits for layer in layers):
        columns.append(("weight bits", lambda layer: count(layer.bits), lambda report: ""))
    if any(layer.place not in ("", "memory") for layer in layers):
        columns.append(("lies in", lambda layer: layer.place, lambda report: ""))
    columns += [plain("MACs", "macs"), plain("bytes read", "bytes_read"),
                plain("bytes written", "bytes_written")]
    if any(layer.accesses is not None for layer in layers):
        columns.append(plain("buffer accesses", "accesses"))
    columns.append(plain("predicted cycles", "predicted"))
    if report.measured:
        columns += [plain("measured cycles", "measured"),
                    ("prediction off", _off, lambda report: _share(
                        report.predicted, sum(layer.cycles for layer in report.layers)))]
    if any(layer.utilization is not None for layer in layers):
        columns.append(("utilization", _utilization, lambda report: percent(report.utilization)))
    return columns


def _off(layer: Layer) -> str:
    return _share(layer.predicted, layer.measured or 0)


def _share(predicted: int, measured: int) -> str:
    return f"{100 * (predicted / measured - 1):+.1f}\u202f%".replace("-", "−") \
        if measured else "–"


def _utilization(layer: Layer) -> str | Html:
    if layer.utilization is None or not layer.macs:
        return "–"
    bar = tag("i", class_="mini", style=f"--share:{100 * min(1, layer.utilization):.2f}%",
              aria_hidden="true")
    return tag("span", bar, tag("span", percent(layer.utilization)), class_="share")
