"""The command ``sparrow size``."""

import json

import pytest

from sparrow.compiler.streams import network_size
from sparrow.flow.cli import main
from sparrow.flow.tables import grouped
from sparrow.golden.network import save
from sparrow.sim.accelerator.samples import sample


@pytest.fixture
def mixed(tmp_path, monkeypatch):
    """A network in the current folder, ``mixed.sparrow``."""
    monkeypatch.chdir(tmp_path)
    network = sample("mixed")
    save(network, tmp_path / "mixed.sparrow")
    return network


def test_table(mixed, capsys):
    assert main(["size", "mixed.sparrow"]) == 0
    output = capsys.readouterr().out
    sizes = network_size(mixed)
    for layer in sizes.layers:
        [line] = [line for line in output.splitlines() if f" {layer.name} " in line]
        words = line.replace("│", " ").split()
        assert layer.kind in words
        for codec, count in layer.codecs.items():
            assert f" {grouped(count)} " in line, codec
        assert f" {grouped(layer.after)} " in line
    [total] = [line for line in output.splitlines() if " all " in line]
    assert f" {sizes.ratio:.1f}× " in total
    for part in sizes.parts:
        assert f" {part} " in output


@pytest.mark.parametrize("lanes, columns", [(16, 16), (4, 8)])
def test_json(mixed, capsys, lanes, columns):
    assert main(["size", "mixed.sparrow", "--lanes", str(lanes), "--columns", str(columns),
                 "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    sizes = network_size(mixed, lanes=lanes, columns=columns)
    assert (found["before"], found["after"], found["ratio"]) == (
        sizes.before, sizes.after, sizes.ratio)
    for layer, own in zip(found["layers"], sizes.layers, strict=True):
        assert (layer["name"], layer["codecs"]) == (own.name, own.codecs)
        assert sum(layer["parts"].values()) == layer["after"]
    assert sum(found["parts"].values()) == found["after"]


def test_a_network_without_weights(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    save(sample("max_pool"), tmp_path / "pool.sparrow")
    assert main(["size", "pool.sparrow"]) == 0
    assert " all " in capsys.readouterr().out


@pytest.mark.parametrize("arguments, text", [
    ("none.sparrow", "none.sparrow: No such file or directory"),
    ("mixed.sparrow --lanes 0", "--lanes must be one of 4, 8, 16, 32, 64, not 0"),
    ("mixed.sparrow --columns 65", "--columns must be 1 to 64, not 65"),
    ("", "the following arguments are required: NET.sparrow; see sparrow size --help"),
])
def test_mistakes(mixed, capsys, arguments, text):
    assert main(["size", *arguments.split()]) == 2
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", f"sparrow: error: {text}\n")
