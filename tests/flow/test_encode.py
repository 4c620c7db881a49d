"""The command ``sparrow encode``."""

import json
import os

import pytest
import torch

from sparrow.compiler.streams import Container, decode_container, network_size
from sparrow.flow.cli import main
from sparrow.flow.numbers import grouped
from sparrow.golden.codec import CODECS
from sparrow.golden.network import Weighted, save
from sparrow.sim.accelerator.samples import sample


@pytest.fixture
def mixed(tmp_path, monkeypatch):
    """A network in the current folder, ``mixed.sparrow``."""
    monkeypatch.chdir(tmp_path)
    network = sample("mixed")
    save(network, tmp_path / "mixed.sparrow")
    return network


def encoded(capsys, *options):
    """The index that is printed."""
    assert main(["encode", "mixed.sparrow", "-o", "out", "--json", *options]) == 0
    return json.loads(capsys.readouterr().out)


def weighted(network):
    return [layer for layer in network if isinstance(layer, Weighted)]


@pytest.mark.parametrize("options", [
    (), ("--span", "1"), ("--codec", "csr", "--goal", "bytes"),
    ("--set", "lanes=4", "--set", "columns=4", "--set", "post_lanes=4", "--set", "data_width=32",
     "--span", "2")])
def test_files_and_index(mixed, tmp_path, capsys, options):
    found = encoded(capsys, *options)
    files = {path.name for path in (tmp_path / "out").iterdir()}
    assert files == {"index.json", *(f"{layer.name}.weights" for layer in weighted(mixed))}
    assert json.loads((tmp_path / "out" / "index.json").read_text()) == found
    assert [row["name"] for row in found["layers"]] == [layer.name for layer in weighted(mixed)]
    for layer, row in zip(weighted(mixed), found["layers"]):
        data = (tmp_path / "out" / row["file"]).read_bytes()
        container = Container.from_bytes(data)
        assert torch.equal(decode_container(container).reshape(layer.weight.shape), layer.weight)
        assert row["file_bytes"] == len(data)
        assert row["bytes"] == sum(len(part.data) for part in container.parts)
        assert row["bits_per_weight"] == round(8 * row["bytes"] / layer.weight.numel(), 4)
        assert (row["streams"], row["shape"]) == (len(container.parts), list(container.shape))
        assert (container.lanes, container.columns, container.word_bytes) == (
            found["lanes"], found["columns"], found["word_bytes"])
        assert row["cycles"] >= row["steps"] and row["cycles"] >= row["bytes"] // (
            found["word_bytes"])
        assert row["tried"][row["codec"]] == {"bytes": row["bytes"], "cycles": row["cycles"]}
    for name in ("bytes", "steps", "cycles", "weights", "blocks", "nonzeros", "file_bytes"):
        assert found["total"][name] == sum(row[name] for row in found["layers"])


def test_sizes_are_those_of_the_command_size(mixed, capsys):
    """With fewest bytes, codec by codec; `size` adds a layer's limits."""
    sizes = {layer.name: layer for layer in network_size(mixed).layers if layer.weights}
    best = encoded(capsys, "--goal", "bytes")
    assert {row["name"]: row["bytes"] + 3 for row in best["layers"]} == {
        name: size.after for name, size in sizes.items()}
    for codec in CODECS:
        for row in encoded(capsys, "--codec", codec, "--goal", "bytes")["layers"]:
            assert (row["codec"], row["bytes"]) == (codec, sizes[row["name"]].codecs[codec])


def test_table(mixed, capsys):
    found = encoded(capsys)
    assert main(["encode", "mixed.sparrow", "-o", "out"]) == 0
    output = capsys.readouterr().out
    for row in [*found["layers"], {"name": "all"} | found["total"]]:
        [line] = [line for line in output.splitlines() if f" {row['name']} " in line]
        words = [word.strip() for word in line.split("│")]
        for name in ("weights", "bytes", "blocks", "steps", "cycles"):
            assert grouped(row[name]) in words, name
        assert row.get("codec", "") in words
    assert f"{len(found['layers'])} files and index.json: out\n" in output


def test_an_earlier_result_is_replaced(mixed, tmp_path, capsys):
    encoded(capsys, "--codec", "dense")
    (tmp_path / "out" / "gone.weights").write_bytes(b"of another network")
    encoded(capsys)
    assert not (tmp_path / "out" / "gone.weights").exists()


def test_a_specification(mixed, tmp_path, capsys):
    (tmp_path / "s.toml").write_text("lanes = 8\ncolumns = 8\ndata_width = 64\n")
    found = encoded(capsys, "--spec", "s.toml", "--set", "data_width=32")
    assert (found["lanes"], found["columns"], found["word_bytes"]) == (8, 8, 4)


@pytest.mark.parametrize("arguments, text", [
    ("none.sparrow -o out", "none.sparrow: No such file or directory"),
    ("mixed.sparrow", "the following arguments are required: -o/--output; see sparrow encode "
     "--help"),
    ("mixed.sparrow -o out --span 0", "--span must be at least 1, not 0"),
    ("mixed.sparrow -o out --codec zip", "see sparrow encode --help"),
    ("mixed.sparrow -o mixed.sparrow", "mixed.sparrow: must be a folder, not a file"),
    ("mixed.sparrow -o mixed.sparrow/x", "mixed.sparrow: Not a directory"),
    ("mixed.sparrow -o mine", "mine must be a new or an empty folder, or one that this command "
     "wrote, but has 'notes' in it"),
    ("mixed.sparrow -o .", ". must be a new or an empty folder, or one that this command wrote, "
     "but has 'mine' in it"),
    ("mixed.sparrow -o out --set precision=int8", "Layer 'conv2': weight_bits must be 8 for an "
     "array without 4-bit weights, not 4"),
    ("mixed.sparrow -o out --set lanes=5", "accelerator: lanes must be a power of two from 4 to "
     "64, not 5"),
    ("pool.sparrow -o out", "The network 'max_pool' must have layers with weights, but has none"),
])
def test_mistakes(mixed, tmp_path, capsys, arguments, text):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes").write_text("mine")
    save(sample("max_pool"), tmp_path / "pool.sparrow")
    before = sorted(os.listdir(tmp_path))
    assert main(["encode", *arguments.split()]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("sparrow: error: ") and captured.err.count("\n") == 1
    assert captured.err.rstrip("\n").endswith(text)
    assert sorted(os.listdir(tmp_path)) == before
