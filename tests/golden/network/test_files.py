"""Files: equal after a round trip, refused in one line when anything is wrong with them."""

import dataclasses
import json
import random
import struct

import pytest
import safetensors.torch
import torch

from sparrow.golden.network import (
    Add,
    AveragePool,
    Concat,
    Conv,
    Linear,
    MaxPool,
    Network,
    NetworkError,
    Numbers,
    Table,
    TensorType,
    load,
    save,
)
from sparrow.golden.network.files import _checksum


def example():
    """Every kind of layer, and values at their limits."""
    def kind(*shape, scale=0.1):
        return TensorType(shape=shape, scale=scale, zero_point=-3)

    conv = Conv(
        name="stem.0", inputs=("input",), output=kind(2, 4, 4), stride=(1, 1), dilation=(2, 1),
        weight=torch.tensor([-7, 7], dtype=torch.int8).repeat(9).view(2, 1, 3, 3), groups=2,
        weight_bits=4, codebook=torch.tensor([-7, 7], dtype=torch.int8), padding=(1, 2, 3, 0),
        bias=torch.tensor([-2**31, 2**31 - 1]), mantissa=torch.tensor([0, 2**16 - 1]),
        shift=torch.tensor([0, 63]), minimum=-3, maximum=127)
    table = Table(name="table", inputs=("stem.0",), output=kind(2, 4, 4),
                  entries=torch.arange(-128, 128, dtype=torch.int8))
    add = Add(name="add", inputs=("table", "stem.0"), output=kind(2, 4, 4), minimum=-3,
              mantissas=(2**14, 2**13, 2**15), shifts=(15, 15, 40), maximum=127)
    cat = Concat(name="cat", inputs=("add", "table"), output=kind(4, 4, 4), mantissas=(1, 1),
                 shifts=(0, 0))
    largest = MaxPool(name="pool", inputs=("cat",), output=kind(4, 2, 2), kernel=(2, 2),
                      stride=(2, 2))
    average = AveragePool(name="average", inputs=("pool",), output=kind(4, 1, 1), kernel=(2, 2),
                          stride=(2, 2))
    head = Linear(
        name="head", inputs=("average",), output=kind(3, 1, 1, scale=1 / 3), minimum=-128,
        weight=torch.tensor([[-128, 127, 0, 1]] * 3, dtype=torch.int8), maximum=127,
        bias=torch.zeros(3, dtype=torch.int64), mantissa=torch.full((3,), 2**15),
        shift=torch.full((3,), 20))
    return Network(name="example", input=kind(2, 4, 4), output="head",
                   layers=(conv, table, add, cat, largest, average, head),
                   numbers=Numbers(rounding="half_even", accumulator_width=30))


@pytest.fixture
def path(tmp_path):
    return save(example(), tmp_path / "example.sparrow")


def parts(path):
    with safetensors.safe_open(path, framework="pt") as file:
        return file.metadata(), {name: file.get_tensor(name).clone() for name in file.keys()}


def write(path, metadata, tensors, checksum=True):
    """A file with what is given, however wrong."""
    if checksum:
        metadata = {**metadata, "checksum": _checksum(metadata["description"], tensors)}
    path.write_bytes(safetensors.torch.save(tensors, metadata=metadata))


def refusal(path):
    with pytest.raises(NetworkError) as caught:
        load(path)
    text = str(caught.value)
    assert text.startswith(f"{path}: ") and "\n" not in text
    return text.removeprefix(f"{path}: ")


def test_round_trip(path):
    loaded = load(path)
    assert loaded == example()
    for layer, other in zip(loaded, example()):
        assert dataclasses.astuple(layer.output) == dataclasses.astuple(other.output)
        assert layer == other
    assert [item.name for item in path.parent.iterdir()] == ["example.sparrow"]


def test_equal_networks_are_equal_bytes(tmp_path):
    """Saved again and again, as the library's order of metadata is another one each time."""
    contents = {save(load(save(example(), tmp_path / "a")), tmp_path / "b").read_bytes()
                for _ in range(8)}
    assert len(contents) == 1


def test_overwrites_whole_or_not_at_all(path, monkeypatch):
    before = path.read_bytes()
    monkeypatch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        save(example().replace(name="other"), path)
    assert path.read_bytes() == before
    assert [item.name for item in path.parent.iterdir()] == ["example.sparrow"]
    monkeypatch.undo()
    save(example().replace(name="other"), path)
    assert load(path).name == "other"


def test_flipped_bits(path):
    """Every byte of the header's first kilobyte and a sample of the rest, one bit each."""
    data, generator = path.read_bytes(), random.Random(0)
    places = [*range(1024), *generator.sample(range(1024, len(data)), 500)]
    refused = 0
    for place in places:
        damaged = bytearray(data)
        damaged[place] ^= 1 << generator.randrange(8)
        path.write_bytes(damaged)
        try:
            found = load(path)
        except NetworkError as error:
            found, text = None, str(error)
        if found is None:
            assert text.startswith(f"{path}: ") and "\n" not in text
            refused += 1
        else:
            assert found == example()  # white space in the header
    assert refused > len(places) - 20


def test_truncated(path):
    data = path.read_bytes()
    for length in [*range(0, len(data), 97), len(data) - 1]:
        path.write_bytes(data[:length])
        assert refusal(path).startswith("must be a whole .sparrow file: ")
    path.write_bytes(data + b"\0")
    assert refusal(path).startswith("must be a whole .sparrow file: ")


def test_foreign(tmp_path):
    path = tmp_path / "foreign.sparrow"
    assert refusal(path) == "No such file or directory"
    assert refusal(tmp_path) == "Is a directory"
    path.write_bytes(b"PK\3\4" + bytes(100))
    assert refusal(path).startswith("must be a whole .sparrow file: ")
    path.write_bytes(struct.pack("<Q", 2**60) + b"{}")
    assert refusal(path).startswith("must be a whole .sparrow file: ")
    for metadata in (None, {"format": "pt"}):
        path.write_bytes(safetensors.torch.save({"x": torch.zeros(2)}, metadata=metadata))
        assert refusal(path) == "must be a .sparrow file, but doesn't say so"


def test_other_versions_and_checksums(path):
    metadata, tensors = parts(path)
    write(path, {**metadata, "version": "2"}, tensors)
    assert refusal(path) == "must be of format version 1, not '2'"
    write(path, {**metadata, "checksum": "0" * 64}, tensors, checksum=False)
    assert refusal(path) == "must match its checksum, but doesn't: it is damaged"
    del metadata["checksum"]
    write(path, metadata, tensors, checksum=False)
    assert refusal(path) == "must have a checksum, but has none: it is damaged"


def test_networks_that_are_not_valid(path):
    """Well-formed files whose description or tensors are wrong."""
    metadata, tensors = parts(path)

    def described(change, **other):
        description = json.loads(metadata["description"])
        change(description, description["layers"])
        write(path, {**metadata, "description": json.dumps(description)}, {**tensors, **other})
        return refusal(path)

    assert described(lambda d, _: d.update(extra=1)) == "network: 'extra' is no field of it"
    assert described(lambda d, _: d.pop("output")) == "network: output must be given, but isn't"
    assert described(lambda d, _: d.update(layers={})) == "layers must be a list, not {}"
    assert described(lambda d, _: d["numbers"].update(rounding="x")).startswith(
        "must hold a valid network: numbers: rounding must be one of")
    assert described(lambda _, layers: layers[0].update(kind="os.system")).startswith(
        "Layer 'stem.0': kind must be one of conv, linear, add, ")
    assert described(lambda _, layers: layers[0].update(weight=[1])) == (
        "Layer 'stem.0': 'weight' is no field of it")
    assert described(lambda _, layers: layers[0].update(stride=[1, "a"])).startswith(
        "must hold a valid network: Layer 'stem.0': stride must be an integer from 1 to 4096")
    assert described(lambda _, layers: layers[0].update(name="x")) == "Layer 'x': weight must be " \
        "given, but isn't"
    assert described(lambda _, layers: layers[0]["output"].update(scale="NaN")).startswith(
        "must hold a valid network: scale must be a float")
    assert described(lambda *_: None, x=torch.zeros(1)) == (
        "tensor 'x' must belong to a layer, but doesn't")
    assert described(lambda *_: None, **{"head/weight": torch.zeros(3, 4)}) == (
        "Layer 'head': stored weight must be a tensor of torch.int8, not torch.float32")
    write(path, {**metadata, "description": "[" * 100_000}, tensors)
    assert refusal(path).startswith("must hold a valid network: ")
    write(path, {**metadata, "description": "[]"}, tensors)
    assert refusal(path) == "network must be a mapping, not []"


def test_only_networks_are_saved(tmp_path):
    with pytest.raises(TypeError, match="^network must be a Network, not 5$"):
        save(5, tmp_path / "x.sparrow")
    with pytest.raises(FileNotFoundError):
        save(example(), tmp_path / "missing" / "x.sparrow")


def test_folders_and_missing_folders_are_named(tmp_path):
    with pytest.raises(IsADirectoryError, match="must be a file, not a folder"):
        save(example(), tmp_path)
    with pytest.raises(OSError) as caught:
        save(example(), tmp_path / "none" / "x.sparrow")
    assert caught.value.filename == str(tmp_path / "none" / "x.sparrow")
