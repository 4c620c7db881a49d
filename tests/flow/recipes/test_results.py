"""What a recipe's job says about predicted cycles, and about accuracies."""

import io

from rich.console import Console

from sparrow.flow.recipes.recipe import ModelSource, Recipe
from sparrow.flow.recipes.results import WIDTH, merged, predictions_line
from sparrow.flow.tables import result_table, weights_table
from sparrow.hw.spec import AcceleratorSpec

QUANTIZED = {"test_images": 9, "accuracy_float": 0.9, "accuracy_golden": 0.9, "passes": [],
             "sizes": {"layers": [], "before": 800, "after": 100, "ratio": 8.0, "kept": 0.5}}
SIMULATED = {"images": 2, "bit_exact": 2, "difference": "", "layers_compared": 2,
             "accuracy_rtl": 0.5, "cycles": 5000,
             "accuracy_golden_same": 0.5, "counters": {}, "stalls": {}, "simulator": "verilator 5",
             "simulated_cycles": 10_000, "seconds": 1.0}


def results(tmp_path, predicted, measured, **changes):
    """Results of layers ``a``, ``b`` and so on; those whose measure is ``None`` weren't reached."""
    names = "abcd"[:len(predicted)]
    image = {"layers": [{"name": name, "predicted_cycles": cycles, "stalls": {"weights": 7}}
                        for name, cycles in zip(names, predicted)],
             "program_bytes": 4096, "data_bytes": 4096}
    cycles = {name: count for name, count in zip(names, measured) if count is not None}
    recipe = Recipe(name="r", folder=tmp_path, data="digits",
                    accelerator=AcceleratorSpec(**changes),
                    model=ModelSource(section="model", factory="m.py:make"))
    return merged(recipe, QUANTIZED, image, {"bytes": 1},
                  SIMULATED | {"measured_cycles": cycles}, {})


def test_predictions_that_are_right(tmp_path):
    """Off by 64 cycles, or by 3 %; a layer without commands; one that wasn't reached."""
    found = results(tmp_path, [36, 9700, 0, 500], [100, 10_000, 0, None])
    assert found["predictions_off"] == []
    assert predictions_line(found) == (
        "predicted cycles: no layer is off by more than 3% and 64 cycles")


def test_predictions_that_are_off(tmp_path):
    """By 65 cycles, by more than 3 %, either way; the job has passed all the same."""
    found = results(tmp_path, [35, 9699, 200, 20_000], [100, 10_000, 200, 10_000])
    assert found["predictions_off"] == ["a", "b", "d"]
    assert found["bit_exact"] == found["images"]
    assert predictions_line(found) == ("WARNING: predicted cycles of 3 of 4 layers are off by more "
                                       "than 3% and 64 cycles: a, b, d")


def test_cycles_of_different_clocks_are_not_compared(tmp_path):
    found = results(tmp_path, [35], [100], bus_clock="separate")
    assert found["predictions_off"] == []
    assert predictions_line(found) == (
        "predicted cycles: not compared, since they are the core's, and measured ones those of "
        "the buses' clock")


def test_stalls(tmp_path):
    """Measured ones take the place of predicted ones."""
    found = results(tmp_path, [100], [100])
    assert not found["stalls_measured"] and found["layers"][0]["stalls"] == {"weights": 7}
    SIMULATED["stalls"] = {"a": {"weights": 9}}
    try:
        found = results(tmp_path, [100], [100])
    finally:
        SIMULATED["stalls"] = {}
    assert found["stalls_measured"] and found["layers"][0]["stalls"] == {"weights": 9}


def test_accuracies(tmp_path):
    """None are shown of data without labels."""
    found = results(tmp_path, [100], [100])
    rows = list(result_table(found).columns[0].cells)
    none = dict.fromkeys([name for name in found if name.startswith("accuracy")])
    assert len(none) == 4
    rest = list(result_table(found | none).columns[0].cells)
    assert [row for row in rows if row not in rest] == ["accuracy on 9 test images",
                                                        "accuracy on the 2 simulated ones"]


def dense(cycles, size):
    return {"weight_bytes": size, "predicted_cycles": cycles, "stalls": {"weights": 70}}


def test_compressed_weights(tmp_path):
    """Measured cycles beside those without compression; layers without weights are left out."""
    found = results(tmp_path, [90, 200, 300], [100, None, 300])
    for layer, more in zip(found["layers"], (
            {"codec": "rle", "weight_bytes": 1000, "dense": dense(150, 4000)},
            {"codec": "", "weight_bytes": 512, "dense": dense(200, 512)},
            {"codec": "", "weight_bytes": 0})):
        layer.update(more)
    found["layers"][0]["stalls"]["decoding"] = 5
    table = weights_table(found)
    assert [list(column.cells) for column in table.columns] == [
        ["a", "b", "all"], ["rle", "plain", ""],
        ["1 000 (4 000)", "512 (512)", "1 512 (4 512)"],
        ["100 (150)", "200 (200)", "300 (350)"], ["1.50×", "1.00×", "1.17×"],
        ["7 (70)", "7 (70)", "14 (140)"], ["5", "0", "5"]]


def test_compressed_weights_fit_the_page(tmp_path):
    found = results(tmp_path, [10**7], [10**7])
    found["layers"][0].update(codec="rle, huffman, plain", weight_bytes=10**7,
                              dense=dense(10**8, 10**8))
    text = io.StringIO()
    Console(file=text, width=WIDTH).print(weights_table(found))
    assert "…" not in text.getvalue()
    assert " 10 000 000 (100 000 000) " in text.getvalue()


def test_nothing_is_compressed(tmp_path):
    found = results(tmp_path, [90], [100])
    assert weights_table(found) is None
    found["layers"][0].update(codec="", weight_bytes=5, dense=dense(90, 5))
    assert weights_table(found) is None
