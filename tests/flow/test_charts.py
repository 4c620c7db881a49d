"""The bar chart: well-formed, to scale."""

import xml.etree.ElementTree as ElementTree

import pytest

from sparrow.flow.charts import bar_chart

SVG = "{http://www.w3.org/2000/svg}"


def test_bars_are_to_scale():
    root = ElementTree.fromstring(bar_chart("a < b", [("x & y", 50, False), ("z", 100, True)]))
    _background, *bars = root.iter(f"{SVG}rect")
    short, long = (float(bar.get("width")) for bar in bars)
    assert long == pytest.approx(2 * short, abs=0.2)
    assert [text.text for text in root.iter(f"{SVG}text")] == ["a < b", "x & y", "50", "z", "100"]


def test_nothing_to_show():
    with pytest.raises(ValueError, match="bars must have a value above zero"):
        bar_chart("empty", [])
