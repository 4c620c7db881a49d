"""The page: one file that needs nothing else, neither scripts nor fonts nor pictures."""

from pathlib import Path

from sparrow import __version__
from sparrow.flow.report.area import area
from sparrow.flow.report.bars import bars
from sparrow.flow.report.graph import graph
from sparrow.flow.report.html import Html, count, join, percent, short, tag
from sparrow.flow.report.layers import layer_table
from sparrow.flow.report.model import Report
from sparrow.flow.report.roofline import roofline
from sparrow.flow.report.weights import weights
from sparrow.flow.tables import compared

__all__ = ["page"]

_STYLE = Path(__file__).with_name("style.css")


def page(report: Report) -> str:
    """The whole page, as text of an HTML file."""
    title = f"{report.name} – Sparrow report"
    head = tag("head", tag("meta", charset="utf-8"),
               tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
               tag("meta", name="color-scheme", content="light dark"), tag("title", title),
               tag("style", Html(_STYLE.read_text(encoding="utf-8"))))
    body = tag("body", _header(report), tag("main", *_sections(report)), _footer(report))
    return f"<!DOCTYPE html>\n{tag('html', head, body, lang='en')}\n"


def _sections(report: Report) -> list[Html]:
    drawing, plot = graph(report), roofline(report)
    time = "Cycles of one image" if report.measured else "Predicted cycles of one image"
    both = tag("div", tag("div", drawing, class_="drawing") if drawing else Html(""),
               bars(report), class_="together" if drawing else "alone")
    aside = (" Edges that pass other layers run at the right; solids show height × width and, in "
             "depth, channels, on a logarithmic scale." if drawing else "")
    sections = [
        _section("network", "The network, and where its cycles go" if drawing
                 else "Where the cycles go",
                 f"{time}, layer after layer.{aside}", both),
        _section("layers", "Layer by layer",
                 "MACs are true ones, without channels that only fill up lanes. Utilization is "
                 "MACs / (cycles × what the array can do per cycle).",
                 layer_table(report))]
    if stored := weights(report):
        text = ("Bytes with parameters, tables and headers; float32 without." if not
                any(layer.dense for layer in report.layers) else
                "The same layers with dense weights, as predicted, and as they run. Bytes are "
                "those of weights with parameters, tables and headers; float32 without. Stored: "
                "the fewest that a codec takes. Read: what goes over the bus, by the codec that "
                "is fastest.")
        sections.append(_section("weights", "Compressed weights", text, stored))
    if plot:
        sections.append(_section(
            "roofline", "Roofline",
            "How close each layer comes to what bus and array allow. Larger dots take more cycles"
            + (", diamonds have 4-bit weights" if _has_int4(report) else "")
            + ". MACs per byte count the busier direction of the bus.", plot))
    if report.areas:
        sections.append(_section("area", "Area", "What the design costs. Memories stand apart: "
                                 "they are bits, not gates.", area(report)))
    if report.accuracies:
        sections.append(_section("accuracy", "Accuracy", _agreement(report),
                                 _accuracies(report)))
    return sections


def _section(name: str, title: str, text: str, *content: Html) -> Html:
    return tag("section", tag("h2", title, id=f"{name}-title"), tag("p", text, class_="lead"),
               *content, id=name, aria_labelledby=f"{name}-title")


def _has_int4(report: Report) -> bool:
    return any(layer.bits == 4 and layer.macs for layer in report.layers)


def _header(report: Report) -> Html:
    words = [f"{len(report.layers)} layers"]
    if report.array is not None:
        words += [f"{report.array.lanes} × {report.array.columns} array",
                  "8- and 4-bit weights" if report.array.int4 else "8-bit weights"]
    parts = [tag("p", "Sparrow report", class_="overline"), tag("h1", report.name),
             tag("p", " · ".join(words), class_="lead"), *_verdict(report)]
    return tag("header", *parts, tag("dl", *_highlights(report), class_="highlights"))


def _verdict(report: Report) -> list[Html]:
    if report.passed is None:
        return []
    layers = compared(report.compared, len(report.layers))
    images = f"{count(report.exact)} of {count(report.images)} images equal golden, {layers}"
    if report.passed:
        result = [tag("p", tag("strong", "✓ Bit-exact"), tag("span", images),
                      class_="verdict good")]
    else:
        result = [tag("p", tag("strong", "✗ Not bit-exact"), tag("span", images),
                      class_="verdict bad")]
        if report.difference:
            result.append(tag("p", f"First difference: {report.difference}", class_="note"))
    if report.off:
        result.append(tag("p", "Cycles predicted wrongly: " + ", ".join(report.off),
                          class_="note"))
    return result


def _highlights(report: Report) -> list[Html]:
    def figure(label: str, value: str, aside: str = "") -> Html:
        return tag("div", tag("dt", label), tag("dd", value),
                   tag("dd", aside, class_="aside") if aside else Html(""))

    macs = sum(layer.macs for layer in report.layers)
    moved = sum(layer.bytes_read + layer.bytes_written for layer in report.layers)
    found = [figure("cycles per image", count(report.cycles),
                    f"predicted {count(report.predicted)}" if report.measured else "predicted"),
             figure("MACs per image", short(macs), f"{short(moved)} bytes on the bus")]
    if report.utilization is not None:
        found.append(figure("utilization", percent(report.utilization), "of the array"))
    if report.accuracies:
        label, value, images = report.accuracies[-1]
        found.append(figure("accuracy", percent(value, 2), f"{label}, {count(images)} images"))
    for cost in report.areas[:1]:
        if cost.total is not None:
            bits = "" if cost.memory_bits is None else f"and {short(cost.memory_bits)} memory bits"
            unit = "NAND2 equivalents" if cost.unit == "NAND2" else cost.unit
            found.append(figure("area", short(cost.total), f"{unit} {bits}".strip()))
    return found


def _agreement(report: Report) -> str:
    if report.passed:
        return ("Golden is the integer network as software. The Verilog computes the same, bit "
                "for bit, so that its accuracy is golden's on the same images.")
    return "Golden is the integer network as software, RTL its Verilog in simulation."


def _accuracies(report: Report) -> Html:
    rows = [tag("li", tag("span", tag("strong", label), f" on {count(images)} images",
                          class_="label"),
                tag("span", tag("i", style=f"width:{100 * share:.2f}%"), class_="track",
                    aria_hidden="true"),
                tag("span", percent(share, 2), class_="value"))
            for label, share, images in report.accuracies]
    return tag("ul", *rows, class_="accuracies")


def _footer(report: Report) -> Html:
    facts = [tag("div", tag("dt", label), tag("dd", value)) for label, value in report.facts]
    made = tag("p", f"Made by sparrow report, {__version__}. This page stands alone.")
    return tag("footer", join(tag("dl", *facts) if facts else Html(""), made))
