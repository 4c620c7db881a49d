"""The page says what the results say, escapes names, and needs nothing from elsewhere."""

import re

import pytest

from sparrow.flow.report import page, read_report
from sparrow.golden.network import load

from .conftest import ACCELERATOR
from .reader import Reader, cells_of

NAME = """<script>alert("x")</script>&'"""


def text_of(path):
    return page(read_report(path))


def test_table_has_the_numbers_of_the_results(write, results):
    text = text_of(write(results))
    head, *rows, total = cells_of(text)
    assert head == ["#", "layer", "kind", "MACs", "bytes read", "bytes written",
                    "predicted cycles", "measured cycles", "prediction off", "utilization"]
    for place, (row, layer) in enumerate(zip(rows, results["layers"], strict=True), start=1):
        measured, macs = layer["measured_cycles"], layer["macs"]
        assert row[:3] == [str(place), layer["name"], layer["kind"]]
        assert [int(cell.replace(" ", "")) for cell in row[3:8]] == [
            layer[key] for key in ("macs", "bytes_read", "bytes_written", "predicted_cycles",
                                   "measured_cycles")]
        assert row[8] == f"{100 * (990 / measured - 1):+.1f} %".replace("-", "−")
        assert row[9] == (f"{100 * macs / (measured * 128):.1f} %" if macs else "–")
    assert total[1:] == ["all", "", "63 545", "10 368", "3 072", "2 970", "2 124", "+39.8 %",
                         f"{100 * 63_545 / (2124 * 128):.1f} %"]


def test_texts_have_the_figures_of_the_results(write, results):
    text = Reader(text_of(write(results))).text.replace("\u202f", " ")
    for figure in ("5 of 5 images equal golden", "98.06 %", "98.89 %", "96.00 %", "✓ Bit-exact",
                   "2 124 cycles", "verilator 5", "197 255", "1 000 NAND2", "4 096 bits", "4 321"):
        assert figure in text


def test_failed_run(write, results):
    results.update(bit_exact=3, difference="image 2: first differs", predictions_off=["pool"])
    text = Reader(text_of(write(results))).text
    assert "✗ Not bit-exact" in text and "First difference: image 2: first differs" in text
    assert "Cycles predicted wrongly: pool" in text


def test_random_data_have_no_accuracies(write, results):
    """They are null then."""
    for name in [name for name in results if name.startswith("accuracy_")]:
        results[name] = None
    text = text_of(write(results))
    assert '<section id="accuracy"' not in text and "<dt>accuracy" not in text


def test_network_is_drawn_with_its_residual_edges(run_folder):
    text = text_of(run_folder)
    network = load(run_folder / "image" / "network.sparrow")
    order = [network.input_name, *(layer.name for layer in network)]
    edges = [(order.index(name), order.index(layer.name)) for layer in network
             for name in layer.inputs]
    assert sum(last - first > 1 for first, last in edges) == 2
    assert len(re.findall('<path class="skip"', text)) == 2
    assert text.count('class="edge" marker-end') == len(edges) - 2
    for layer in network:
        assert f"<title>{layer.name}, " in text
    head, *rows, _ = cells_of(text)
    assert head[3:5] == ["output", "weight bits"]
    assert [row[4] for row in rows] == [str(getattr(layer, "weight_bits", "–"))
                                        for layer in network]
    assert rows[0][3] == "8×8×8"


def test_four_bit_layers_have_twice_the_limit(run_folder):
    rates = {layer.bits: layer.utilization for layer in read_report(run_folder).layers
             if layer.bits}
    assert rates[4] == rates[8] / 2 == 51_200 / 1000 / 256


@pytest.mark.parametrize("all_multiplied", [False, True])
def test_layers_that_leave_multiplications_out(all_multiplied, write, profile):
    """More MACs per cycle than the array has: above its limit, but inside the plot."""
    profile["accelerator"] = ACCELERATOR
    if not all_multiplied:
        profile["layers"][0].update(macs=512_000, utilization=4.0)
        profile["total"]["utilization"] = 2.0
    text = text_of(write(profile))
    assert ("fewer multiplications than MACs" in text) != all_multiplied
    assert cells_of(text)[1][-1] == ("40.0 %" if all_multiplied else "400.0 %")
    assert ("--share:100.00%" in text) != all_multiplied
    heights = [float(top) for top in re.findall(r'class="dot"[^>]*top:(-?[\d.]+)%', text)]
    assert len(heights) == 2 and all(0 < height < 100 for height in heights)


def test_names_are_escaped_everywhere(write, results):
    results.update(name=NAME, difference=NAME, bit_exact=0, predictions_off=[NAME],
                   simulator=NAME)
    for layer in results["layers"]:
        layer.update(name=NAME, kind=NAME)
    area = results["area"]["gates"]
    area["modules"] = [{**area["modules"][5], "name": NAME}]
    area["nand2_equivalents"] = 5.0
    results["area"] = {NAME: area}
    reader = Reader(text_of(write(results)))
    assert "script" not in reader.tags
    assert NAME in reader.text


@pytest.mark.parametrize("source", ["run", "profile"])
def test_page_stands_alone(write, run_folder, profile, source):
    path = run_folder if source == "run" else write(profile, "profile.json")
    text = text_of(path)
    reader = Reader(text)
    assert not {"script", "link", "img", "iframe", "object", "embed"} & set(reader.tags)
    assert not reader.all("src")
    assert all(value.startswith("#") for value in reader.all("href"))
    assert not re.search(r"https?:|//\w|@import|url\((?!#)", text)
    ids = reader.all("id")
    assert len(set(ids)) == len(ids)
    assert {value[1:] for value in reader.all("href")} <= set(ids)
    assert set(re.findall(r"var\((--[\w-]+)", text)) <= set(re.findall(r"(--[\w-]+):", text))


def test_profile_leaves_out_what_it_does_not_know(write, profile):
    text = text_of(write(profile, "fast.json"))
    head, first, *_, total = cells_of(text)
    assert "buffer accesses" in head and first[head.index("buffer accesses")] == "777"
    assert first[-1] == "40.0 %" and total[-1] == "30.0 %"
    assert "<h1>fast</h1>" in text
    for name in ("roofline", "area", "accuracy"):
        assert f'<section id="{name}"' not in text
    for name in ("network", "layers"):
        assert f'<section id="{name}"' in text
    assert "Bit-exact" not in text


def test_profile_with_an_accelerator_has_a_roofline(write, profile, results):
    profile["accelerator"] = results["accelerator"]
    assert '<section id="roofline"' in text_of(write(profile, "fast.json"))
