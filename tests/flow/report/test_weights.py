"""Compressed weights: what the results say of them, with and without cycles."""

import pytest

from sparrow.flow.errors import UserError
from sparrow.flow.report import page, read_report

from .conftest import DENSE, STALLS
from .reader import cells_of


def table_of(path):
    """Head, rows and last row of the section's table."""
    head, *rows, total = cells_of(page(read_report(path)), "weights")
    return head, rows, total


def test_sizes_alone(write, results):
    head, rows, total = table_of(write(results))
    assert head == ["#", "layer", "codec", "kept", "float32, bytes", "stored, bytes", "ratio"]
    assert rows == [["1", "first", "huffman", "25.0 %", "640", "80", "8.00×"],
                    ["3", "last", "dense", "100.0 %", "160", "60", "2.67×"]]
    assert total == ["", "all", "", "", "800", "140", "5.71×"]
    assert "pairs" not in page(read_report(write(results))).split("<body>")[1]


def test_with_and_without_compression(write, results):
    """A table of cycles, of the layers of which they are known, then one of bytes."""
    results["layers"][0].update(codec="rle", weight_bytes=1024, dense=DENSE, stalls=STALLS)
    results["layers"][1].update(codec="", weight_bytes=256, stalls=dict(STALLS, decoding=7),
                                dense=DENSE | {"weight_bytes": 256, "predicted_cycles": 371})
    text = page(read_report(write(results)))
    cells = cells_of(text, "weights")
    cycles, sizes = cells[:4], cells[4:]
    assert cycles == [
        ["#", "layer", "codec", "dense cycles", "cycles", "faster", "dense waits for weights",
         "waits for weights", "waits for decoding"],
        ["1", "first", "rle", "1 500", "1 000", "1.50×", "600", "100", "0"],
        ["2", "pool", "plain", "371", "371", "1.00×", "600", "100", "7"],
        ["", "all", "", "1 871", "1 371", "1.36×", "1 200", "200", "7"]]
    assert sizes == [
        ["#", "layer", "codec", "kept", "float32, bytes", "stored by", "stored, bytes", "ratio",
         "read dense, bytes", "read, bytes"],
        ["1", "first", "rle", "25.0 %", "640", "huffman", "80", "8.00×", "4 096", "1 024"],
        ["2", "pool", "plain", "–", "–", "–", "–", "–", "256", "256"],
        ["3", "last", "dense", "100.0 %", "160", "dense", "60", "2.67×", "–", "–"],
        ["", "all", "", "", "800", "", "140", "5.71×", "4 352", "1 280"]]
    results["layers"][1]["stalls"]["decoding"] = 0
    assert "waits for decoding" not in cells_of(page(read_report(write(results))), "weights")[0]


def test_bars(write, results):
    """Two for each layer: shares of the longest."""
    results["layers"][0].update(codec="rle", weight_bytes=1024, dense=DENSE, stalls=STALLS)
    text = page(read_report(write(results)))
    pairs = text[text.index('class="bars pairs"'):]
    assert pairs.count('class="pair"') == 2
    assert ('aria-label="dense, predicted: 1\u202f500 cycles; array busy 640; waits for weights '
            '600; waits for results to leave 20; waits for another engine 30; fill, drain and '
            'other 210"') in pairs
    assert 'aria-label="rle: 1\u202f000 cycles; array busy 640' in pairs
    assert f'title="waits for weights: 600 cycles" style="width:{100 * 600 / 1500:.3f}%"' in pairs


def test_a_profile_has_no_sizes(write, profile):
    assert '<section id="weights"' not in page(read_report(write(profile, "p.json")))


@pytest.mark.parametrize("change, text", [
    ({"dense": 3}, "dense must be a mapping, not 3"),
    ({"dense": {"weight_bytes": 1}},
     "dense: predicted_cycles must be an integer of at least 0, but is missing"),
    ({"codec": 3}, "codec must be a text, not 3"),
    ({"weight_bytes": -1}, "weight_bytes must be an integer of at least 0, not -1"),
])
def test_wrong_values(write, results, change, text):
    results["layers"][0].update(change)
    path = write(results)
    with pytest.raises(UserError) as caught:
        read_report(path)
    assert str(caught.value) in (f"{path}: layers[0]: {text}", f"{path} layers[0]: {text}")
