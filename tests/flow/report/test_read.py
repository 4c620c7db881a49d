"""What is read, and what a wrong file is answered with."""

import json

import pytest

from sparrow.flow.cli import main
from sparrow.flow.report import read_report

SCALAR = [
    (("name",), 3, "name must be a text, not 3"),
    (("layers",), {}, "layers must be a list, not {}"),
    (("layers",), [], "layers must be at least one layer, not []"),
    (("layers", 1), 5, "layers[1] must be a mapping, not 5"),
    (("layers", 0, "macs"), -1, "layers[0]: macs must be an integer of at least 0, not -1"),
    (("layers", 0, "name"), None, "layers[0]: name must be a text, not None"),
    (("layers", 2, "stalls"), {"weights": "x"},
     "layers[2]: stalls: weights must be an integer of at least 0, not 'x'"),
    (("layers", 0, "macs"), 10**400, f"layers[0]: macs must be at most {2**63 - 1}, not "
     f"1{'0' * 56}..."),
    (("area", "gates", "nand2_equivalents"), float("nan"),
     "area: gates: nand2_equivalents must be a number of at least 0, not nan"),
    (("cycles",), True, "cycles must be an integer of at least 0, not True"),
    (("accuracy_rtl",), 1.5, "accuracy_rtl must be from 0 to 1, not 1.5"),
    (("accelerator", "lanes"), 0, "accelerator: lanes must be above 0, not 0"),
    (("area",), [], "area must be a mapping, not []"),
    (("area", "gates", "modules", 0, "area"), "big",
     "area: gates: modules[0]: area must be a number of at least 0, not 'big'"),
    (("predictions_off",), "a", "predictions_off must be a list of texts, not 'a'"),
]


@pytest.mark.parametrize("place, value, text", SCALAR, ids=[text[:40] for *_, text in SCALAR])
def test_wrong_values_are_named(write, results, place, value, text, capsys):
    inner = results
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    path = write(results)
    assert main(["report", str(path)]) == 2
    assert capsys.readouterr().err in (f"sparrow: error: {path}: {text}\n",
                                       f"sparrow: error: {path} {text}\n")
    assert [file.name for file in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("content, text", [
    ("{", "must be a JSON file"), ("[1]", "must be a mapping, not [1]"),
    ("{}", "must be the results.json of a recipe's run or a profile, but has neither bit_exact "
           "nor layers and total"),
    ('{"bit_exact": 1}', ": accelerator: lanes must be an integer of at least 0, but is missing"),
])
def test_wrong_files(tmp_path, content, text, capsys):
    path = tmp_path / "r.json"
    path.write_text(content)
    page = tmp_path / "page.html"
    page.write_text("earlier")
    assert main(["report", str(path), "-o", str(page)]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"sparrow: error: {path}") and text in error
    assert error.count("\n") == 1
    assert page.read_text() == "earlier"


def test_what_is_not_there(tmp_path, capsys):
    assert main(["report", str(tmp_path)]) == 2
    assert capsys.readouterr().err == (f"sparrow: error: {tmp_path} must hold results.json of a "
                                       "finished run, which it doesn't\n")
    assert main(["report", str(tmp_path / "none.json")]) == 2
    assert "No such file" in capsys.readouterr().err


def test_network_of_another_run_or_damaged(run_folder, capsys):
    path = run_folder / "results.json"
    values = json.loads(path.read_text())
    del values["layers"][2]
    path.write_text(json.dumps(values))
    assert main(["report", str(run_folder)]) == 2
    assert "must be the network of the run, but has other layers" in capsys.readouterr().err
    (run_folder / "image" / "network.sparrow").write_text("junk")
    assert main(["report", str(run_folder)]) == 2
    assert "must be a whole .sparrow file" in capsys.readouterr().err
    assert not (run_folder / "report.html").exists()


def test_default_place_of_the_page(run_folder, write, profile, tmp_path, capsys):
    assert main(["report", str(run_folder)]) == 0
    assert main(["report", str(write(profile, "other/p.json"))]) == 0
    assert main(["report", str(run_folder), "-o", str(tmp_path / "deep" / "x.html")]) == 0
    for path in (run_folder / "report.html", tmp_path / "other" / "report.html",
                 tmp_path / "deep" / "x.html"):
        assert f"{path}\n" in capsys.readouterr().out or path.is_file()
        assert path.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


def test_results_of_the_least(write, results):
    """No area, no counters, no measured cycles, no accuracies but those of the network."""
    for name in ("area", "counters", "predictions_off", "accuracy_rtl"):
        del results[name]
    for layer in results["layers"]:
        del layer["measured_cycles"]
    report = read_report(write(results))
    assert report.areas == () and not report.measured and len(report.accuracies) == 3
    assert report.layers[0].cycles == 990
