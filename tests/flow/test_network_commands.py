"""The commands about networks: what they write, and what they answer to mistakes."""

import json

import pytest

from sparrow.flow.cli import main
from sparrow.golden.network import save
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
    (tmp_path / "recipe.toml").write_text(RECIPE)
    save(sample("conv"), tmp_path / "conv.sparrow")
    save(sample("conv_int4"), tmp_path / "int4.sparrow")
    return tmp_path


@pytest.mark.parametrize("command, text", [
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
     "data must be one of digits or an existing .safetensors file, not 'fashion'"),
    ("compress model.py:tiny --data digits --epochs 0 -o x", "--epochs must be at least 1, not 0"),
    ("compress model.py:tiny --data digits --weights none -o x",
     "--weights must be a file, not 'none'"),
    ("compress model.py:tiny --data digits --bits-of a=5 -o x",
     "--bits-of must be given LAYER=4 or LAYER=8, not 'a=5'"),
    ("compress model.py:tiny --data digits --bits 3 -o x",
     "argument --bits: invalid choice: 3 (choose from 8, 4); see sparrow compress --help"),
    ("compile none.sparrow -o x", "none.sparrow: No such file or directory"),
    ("compile conv.sparrow --latency 0 -o x", "--latency must be at least 1, not 0"),
    ("compile conv.sparrow --set lanes=5 -o x",
     "accelerator: lanes must be a power of two from 4 to 64, not 5"),
    ("simulate conv.sparrow --images 0", "--images must be at least 1, not 0"),
    ("simulate conv.sparrow --bandwidth 2", "--bandwidth must be above 0 and at most 1, not 2"),
    ("simulate . --set lanes=4",
     "--spec and --set must go with a .sparrow file; . has a specification of its own"),
    ("simulate .", "program.bin: No such file or directory"),
    ("run recipe.toml --set lanes=4",
     "--set must go with a block; a recipe has its own [accelerator]"),
    ("run none.toml", "none.toml: No such file or directory"),
    ("run nothing", None),
])
def test_mistakes(here, capsys, command, text):
    assert main(command.split()) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    if text is not None:
        assert captured.err == f"sparrow: error: {text}\n"


def test_a_file_that_is_no_network(here, capsys):
    assert main(["compile", "junk.sparrow", "-o", "x"]) == 2
    assert capsys.readouterr().err.startswith(
        "sparrow: error: junk.sparrow: must be a whole .sparrow file: ")


def test_a_network_that_does_not_fit(here, capsys):
    assert main(["compile", "int4.sparrow", "--set", "precision=int8", "-o", "x"]) == 2
    assert capsys.readouterr().err.startswith("sparrow: error: Layer 'conv0': ")
    assert not (here / "x").exists()


def test_compile(here, capsys):
    assert main(["compile", "conv.sparrow", *SMALL, "--listing", "-o", "image"]) == 0
    assert sorted(path.name for path in (here / "image").iterdir()) == [
        "layout.json", "listing.txt", "network.sparrow", "program.bin"]
    listing = (here / "image" / "listing.txt").read_text().splitlines()
    assert listing[0].startswith("; conv0: ")
    assert listing[-1].endswith("  END")
    assert "conv0" in capsys.readouterr().out


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
                     "results.json", "results.txt", "sparrow_accelerator.h"}
    assert "bit-exact" in (here / "out" / "results.txt").read_text(encoding="utf-8")
    capsys.readouterr()

    assert main(["run", "recipe.toml", "-o", "out"]) == 0
    assert ("unchanged since the last run: generate, train, quantize, compile, simulate, "
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
    order = ["generate", "train", "quantize", "compile", "simulate", "estimate-gates"]
    return f"{start}: {', '.join(sorted(steps.split(', '), key=order.index))}"
