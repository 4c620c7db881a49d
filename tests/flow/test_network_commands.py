"""The commands about networks: what they write, and what they answer to mistakes."""

import json

import pytest

from sparrow.flow.cli import main
from sparrow.flow.files import only_user
from sparrow.golden.network import load, save
from sparrow.sim.accelerator.samples import sample

SMALL = [word for setting in ("lanes=4", "columns=4", "data_width=32", "post_lanes=4",
                              "accumulator_depth=32", "buffer_bytes=1024", "weight_fifo_bytes=256")
         for word in ("--set", setting)]
MODEL = """\
import torch

def tiny():
    return torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3, stride=2), torch.nn.ReLU(),
                               torch.nn.Flatten(), torch.nn.Linear(36, 10))

def broken():
    raise RuntimeError("no luck")

def number():
    return 3
"""
RECIPE = """\
[model]
factory = "model.py:tiny"
epochs = 1
[data]
name = "digits"
[accelerator]
lanes = 4
columns = 4
data_width = 32
post_lanes = 4
buffer_bytes = 1024
accumulator_depth = 32
weight_fifo_bytes = 256
depthwise_window = 0
line_bytes = 0
residual_add = false
[simulate]
images = 3
"""


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with a model and a network, as the current one."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model.py").write_text(MODEL)
    (tmp_path / "broken.py").write_text("import nothing_of_this_name\n")
    (tmp_path / "junk.sparrow").write_text("junk")
    (tmp_path / "quantize.toml").write_text("quantize = 3\n")
    (tmp_path / "recipe.toml").write_text(RECIPE)
    save(sample("conv"), tmp_path / "conv.sparrow")
    save(sample("conv_int4"), tmp_path / "int4.sparrow")
    return tmp_path


@pytest.mark.parametrize("command, text", [
    ("simulate conv.sparrow --engine native --set bus_clock=separate " + " ".join(SMALL),
     "engine native must go with bus_clock 'same', not 'separate'"),
    ("generate accelerator --core-clock-period 5 -o x.v",
     "--core-clock-period must go with bus_clock 'separate', not 'same'"),
    ("compress model.py --data digits -o x", "MODEL must be FILE.py:function, not 'model.py'"),
    ("compress none.py:f --data digits -o x",
     "MODEL must name an existing file, not 'none.py'"),
    ("compress model.py:none --data digits -o x",
     "model.py must have a function 'none', which it hasn't"),
    ("compress broken.py:f --data digits -o x",
     "broken.py must be a Python file that can be executed: ModuleNotFoundError: No module named "
     "'nothing_of_this_name'"),
    ("compress model.py:broken --data digits -o x",
     "The model's factory must give a model: RuntimeError: no luck"),
    ("compress model.py:number --data digits -o x",
     "The model's factory must give a torch.nn.Module, not 3"),
    ("compress model.py:tiny --data fashion -o x",
     "data must be one of digits, mnist, fashion-mnist, kws01, random:SHAPE, smooth:SHAPE, "
     "FILE.py:function, or an existing .safetensors file or folder, not 'fashion'"),
    ("compress model.py:tiny --data digits -o x.steps",
     "--output must not end in .steps, as the folder beside it does, not 'x.steps'"),
    ("compress model.py:tiny --data digits --recipe quantize.toml --bits-of a=4 -o x", None),
    ("compress -o x", "MODEL must be given, unless a recipe has [model]"),
    ("compress model.py:tiny -o x", "--data must be given, unless a recipe has [data]"),
    ("compress --recipe none.toml -o x", "none.toml: No such file or directory"),
    ("compress --recipe junk.sparrow -o x", "junk.sparrow: not a TOML file: "),
    ("compress model.py:tiny --data digits --epochs 0 -o x", "--epochs must be at least 1, not 0"),
    ("compress model.py:tiny --data digits --weights none -o x",
     "--weights must be a file or 'random', not 'none'"),
    ("compress model.py:tiny --data digits --mantissa-width 3 -o x",
     "compress: mantissa_width must be an integer from 4 to 31, not 3"),
    ("compress model.py:tiny --data digits --accumulator-width 99 -o x",
     "compress: accumulator_width must be an integer from 8 to 32, not 99"),
    ("compress model.py:tiny --data digits --epochs 1000000 --bits-of none=4 -o x",
     "layer_bits must name layers with weights, layer0, layer3, not 'none'"),
    ("compress model.py:tiny --data digits --bits-of a=5 -o x",
     "--bits-of must be given LAYER=4 or LAYER=8, not 'a=5'"),
    ("compress model.py:tiny --data digits --bits 3 -o x",
     "argument --bits: invalid choice: 3 (choose from 8, 4); see sparrow compress --help"),
    ("compile none.sparrow -o x", "none.sparrow: No such file or directory"),
    ("compile conv.sparrow --latency 0 -o x", "--latency must be at least 1, not 0"),
    ("compile conv.sparrow --set lanes=5 -o x",
     "accelerator: lanes must be a power of two from 4 to 64, not 5"),
    ("compile conv.sparrow -o junk.sparrow", "junk.sparrow: must be a folder, not a file"),
    ("compile conv.sparrow -o junk.sparrow/x", "{here}/junk.sparrow: Not a directory"),
    ("encode conv.sparrow --codec rle --set codecs=['csr'] -o x",
     "--codec must be auto or one that the accelerator has, csr, not 'rle'"),
    ("estimate mac-array --liberty .", "--liberty must be a file, not '.'"),
    ("simulate conv.sparrow --images 0", "--images must be at least 1, not 0"),
    ("simulate conv.sparrow --bandwidth 2", "--bandwidth must be above 0 and at most 1, not 2"),
    ("simulate conv.sparrow --seed 99999999999999999999",
     "--seed must be 0 to 18014398509481983, not 99999999999999999999"),
    ("simulate . --set lanes=4",
     "--spec and --set must go with a .sparrow file; . has a specification of its own"),
    ("simulate . --keep-all --no-fusion",
     "--keep-all and --fusion must go with a .sparrow file; . holds a program"),
    ("simulate .", "program.bin: No such file or directory"),
    ("run recipe.toml --set lanes=4",
     "--set must go with a block; a recipe has its own [accelerator]"),
    ("run none.toml", "none.toml: No such file or directory"),
    ("run nothing", None),
    ("generate tokens -o /dev/full", "/dev/full: No space left on device"),
    ("generate accelerator -o .", ".: must be a file, not a folder"),
    ("estimate mac-array --netlist .", ".: must be a file, not a folder"),
    ("estimate mac-array --target ecp5 --netlist x.v",
     "--netlist must go with target gates or liberty, not 'ecp5'"),
    ("test accelerator --seed -1", f"--seed must be 0 to {2**63 - 1}, not -1"),
])
def test_mistakes(here, capsys, command, text):
    assert main(command.split()) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    [line] = [line for line in captured.err.splitlines() if not line.endswith(" …")]
    assert line.startswith("sparrow: error: ")
    if text is not None:
        expected = f"sparrow: error: {text.replace('{here}', str(here))}"
        assert line.startswith(expected) if text.endswith(": ") else line == expected


def test_a_file_that_is_no_network(here, capsys):
    assert main(["compile", "junk.sparrow", "-o", "x"]) == 2
    assert capsys.readouterr().err.startswith(
        "sparrow: error: junk.sparrow: must be a whole .sparrow file: ")


def test_a_network_that_does_not_fit(here, capsys):
    assert main(["compile", "int4.sparrow", "--set", "precision=int8", "-o", "x"]) == 2
    assert capsys.readouterr().err.startswith("sparrow: error: Layer 'conv0': ")
    assert not (here / "x").exists()


def test_generate_all_or_nothing(here, capsys):
    (here / "out" / "sparrow_accelerator.h").mkdir(parents=True)
    assert main(["generate", "accelerator", *SMALL, "-o", "out/accelerator.v"]) == 2
    assert capsys.readouterr().err == (
        "sparrow: error: out/sparrow_accelerator.h: must be a file, not a folder\n")
    assert [path.name for path in (here / "out").iterdir()] == ["sparrow_accelerator.h"]


def test_one_run_in_a_folder(here, capsys):
    with only_user(here / "out"):
        assert main(["run", "recipe.toml", "-o", "out"]) == 2
    assert capsys.readouterr().err == ("sparrow: error: out must be used by one run at a time, but "
                                       "another one is at work in it\n")


def test_compile(here, capsys):
    assert main(["compile", "conv.sparrow", *SMALL, "--listing", "-o", "image"]) == 0
    assert sorted(path.name for path in (here / "image").iterdir()) == [
        "layout.json", "listing.txt", "network.sparrow", "program.bin", "sparrow_network.h"]
    listing = (here / "image" / "listing.txt").read_text().splitlines()
    assert listing[0].startswith("; conv0: ")
    assert listing[-1].endswith("  END")
    assert "conv0" in capsys.readouterr().out
    assert main(["compile", "conv.sparrow", *SMALL, "-o", "image"]) == 0
    assert not (here / "image" / "listing.txt").exists()
    (here / "image" / "notes.txt").write_text("mine")
    before = {path: path.stat().st_mtime_ns for path in (here / "image").iterdir()}
    capsys.readouterr()
    assert main(["compile", "conv.sparrow", *SMALL, "-o", "image"]) == 2
    assert capsys.readouterr().err == (
        "sparrow: error: image must be a new or an empty folder, or one that this command wrote, "
        "but has 'notes.txt' in it\n")
    assert {path: path.stat().st_mtime_ns for path in (here / "image").iterdir()} == before


def test_numbers_of_a_network(here):
    """A network for an accelerator whose numbers aren't the usual ones."""
    spec = ["--set", "mantissa_width=8", "--set", "rounding=half_even",
            "--set", "accumulator_width=30"]
    compress = ["compress", "model.py:tiny", "--data", "digits", "--epochs", "1", "-o"]
    assert main([*compress, "usual.sparrow"]) == 0
    assert main(["compile", "usual.sparrow", *SMALL, *spec, "-o", "image"]) == 2
    assert main([*compress, "net.sparrow", "--mantissa-width", "8", "--rounding", "half_even",
                 "--accumulator-width", "30"]) == 0
    numbers = load(here / "net.sparrow").numbers
    assert (numbers.mantissa_width, numbers.rounding.value, numbers.accumulator_width) == (
        8, "half_even", 30)
    assert main(["compile", "net.sparrow", *SMALL, *spec, "-o", "image"]) == 0


def test_compress_by_a_recipe(here, capsys):
    """Passes of a file elsewhere, with the model of the command line; then once more."""
    (here / "recipes").mkdir()
    (here / "recipes" / "passes.toml").write_text(
        '[[pass]]\nkind = "prune"\ndensity = 0.5\n[[pass]]\nkind = "quantize"\nbits = 4\n')
    command = ["compress", "model.py:tiny", "--data", "digits", "--epochs", "1", "--recipe",
               "recipes/passes.toml", "-o", "out/net.sparrow"]
    assert main([*command, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["file"] == "out/net.sparrow"
    assert [each["kind"] for each in found["passes"]] == ["prune", "quantize"]
    assert found["sizes"]["kept"] == pytest.approx(0.5, abs=0.01)
    assert found["sizes"]["after"] == sum(layer["after"] for layer in found["sizes"]["layers"])
    assert {layer.weight_bits for layer in load(here / "out" / "net.sparrow")
            if hasattr(layer, "weight_bits")} == {4}

    assert main(command) == 0
    output = capsys.readouterr().out
    assert "unchanged since the last run: capture, train, pass1, pass2, quantize" in output
    assert f"{found['sizes']['ratio']:.1f}×" in output
    assert sorted(path.name for path in (here / "out").iterdir()) == ["net.sparrow", "net.steps"]


def test_recipe(here, capsys):
    """The whole way; then again, and again with one thing changed."""
    assert main(["run", "recipe.toml", "-o", "out"]) == 0
    results = json.loads((here / "out" / "results.json").read_text())
    assert (results["images"], results["bit_exact"], results["difference"]) == (3, 3, "")
    assert 0 <= results["accuracy_rtl"] <= 1
    assert 0 <= results["accuracy_golden"] <= 1
    assert results["area"]["gates"]["nand2_equivalents"] > 1000
    for layer in results["layers"]:
        assert layer["predicted_cycles"] > 0
        assert layer["measured_cycles"] > 0
        assert layer["bytes_read"] > 0
    names = {path.name for path in (here / "out").iterdir()}
    assert names >= {"accelerator.v", "accelerator.core", "accelerator.sdc", "image",
                     "results.json", "results.txt", "report.html", "sparrow_accelerator.h"}
    assert results["predictions_off"] == []
    text = (here / "out" / "results.txt").read_text(encoding="utf-8")
    assert "bit-exact" in text
    assert "no layer is off by more than" in text
    capsys.readouterr()

    assert main(["run", "recipe.toml", "-o", "out"]) == 0
    assert ("unchanged since the last run: capture, generate, train, quantize, compile, simulate, "
            "estimate-gates") in _sorted_steps(capsys.readouterr().out)
    assert json.loads((here / "out" / "results.json").read_text()) == results

    (here / "recipe.toml").write_text(RECIPE.replace("images = 3", "images = 2"))
    assert main(["run", "recipe.toml", "-o", "out"]) == 0
    assert "simulate" not in _sorted_steps(capsys.readouterr().out)
    assert json.loads((here / "out" / "results.json").read_text())["images"] == 2


def _sorted_steps(output):
    """The line about unchanged steps, in the order of steps: some go side by side."""
    [line] = [line for line in output.splitlines() if line.startswith("unchanged")]
    start, _, steps = line.partition(": ")
    order = ["capture", "generate", "train", "quantize", "compile", "simulate", "estimate-gates"]
    return f"{start}: {', '.join(sorted(steps.split(', '), key=order.index))}"


def test_passes_of_a_device(here, capsys):
    """An output that is no file gets no folder of steps beside it."""
    (here / "pipe").symlink_to("/dev/null")
    assert main(["compress", "model.py:tiny", "--data", "random:1x8x8", "--weights", "random",
                 "--recipe", "recipe.toml", "-o", "pipe"]) == 0
    assert not (here / "pipe.steps").exists()
