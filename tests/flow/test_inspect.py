"""The command ``sparrow inspect``."""

import dataclasses
import itertools
import json
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch

from sparrow.compiler.streams import Container, Part, StreamTarget, decode_container, encode_layer
from sparrow.flow.cli import main
from sparrow.flow.numbers import grouped
from sparrow.golden.codec import CODECS, Parameters, encode, encode_blocks
from sparrow.golden.network import Weighted
from sparrow.sim.accelerator.samples import sample

TARGET = StreamTarget(lanes=4, columns=4, word_bytes=4)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def layers():
    network = sample("mixed")
    return network, [layer for layer in network if isinstance(layer, Weighted)]


def inspected(capsys, *arguments):
    assert main(["inspect", *arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("span", [None, 1])
@pytest.mark.parametrize("goal", ["cycles", "bytes"])
def test_what_the_encoder_knows(folder, capsys, codec, span, goal):
    network, found = layers()
    for layer in found:
        encoded = encode_layer(layer, network, TARGET, codec=codec, span=span, goal=goal)
        path = folder / f"{layer.name}.weights"
        path.write_bytes(encoded.container.to_bytes())
        read = inspected(capsys, path.name)
        assert (read["container"], read["lanes"], read["columns"], read["word_bytes"]) == (
            1, 4, 4, 4)
        assert read["shape"] == list(encoded.container.shape)
        assert read["weights"] == encoded.weights == sum(one["weights"] for one in read["streams"])
        assert sum(one["nonzeros"] for one in read["streams"]) == encoded.nonzeros
        assert len(read["streams"]) == len(encoded.streams)
        for one, stream, part, offset in zip(read["streams"], encoded.streams,
                                             encoded.container.parts, encoded.container.offsets):
            assert one["bits"] == dict(stream.bits)
            assert sum(one["bits"].values()) == 8 * one["bytes"] == 8 * len(stream.data)
            assert one["steps"]["total"] == stream.steps.sum()
            assert one["steps"]["max"] == stream.steps.max()
            assert one["steps"]["mean"] == round(stream.steps.mean(), 4)
            assert (one["first"], one["offset"]) == (part.first, offset)
            assert one["checksum"] == f"{zlib.crc32(stream.data[:-4]):08x}"
            assert one["header"]["codec"] == codec
            assert one["blocks"] == len(stream.steps)
        assert sum(one["cycles"] for one in read["streams"]) == encoded.cycles


BLOCKS = np.zeros((2, 3, 1, 4, 1), np.int8)
BLOCKS[0, :, 0, :, 0] = [[0, 0, 5, 0], [0, 0, 0, 0], [-1, 0, 0, 5]]
BLOCKS[1, 2, 0, :, 0] = [5, 0, 0, 0]
ARRAY = ("--lanes", "4", "--columns", "1", "--word-bytes", "4")


def single(codec, **options):
    return encode_blocks(BLOCKS, codec, word_bytes=4, **options).data


def test_a_stream_alone(folder, capsys):
    (folder / "one").write_bytes(single("rle", codebook=True, block_map=False))
    read = inspected(capsys, "one", *ARRAY)
    assert (read["container"], read["shape"], read["weights"]) == (None, None, 24)
    [stream] = read["streams"]
    assert stream["histogram"] == [[2, 2], [5, 1], [8, 1]]
    assert [(row["value"], row["code"], row["count"]) for row in stream["values"]] == [
        (-1, "0", 1), (5, "1", 3)]
    sent = {row["run"]: row["count"] for row in stream["runs"]}
    limit = stream["header"]["longest_run"] + 1
    wanted = dict.fromkeys([*range(limit), None], 0)
    for run in (2, 2, 5, 8):
        wanted[None] += run // limit
        wanted[run % limit] += 1
    assert sent == wanted
    assert {row["code"] for row in stream["runs"]} == {
        format(number, f"0{limit.bit_length()}b") for number in range(limit + 1)}


@pytest.mark.parametrize("codec", ["dense", "bitmask", "csr"])
def test_counts_of_columns(folder, capsys, codec):
    """Blocks that the map skips aren't counted."""
    (folder / "one").write_bytes(single(codec, block_map=True))
    [stream] = inspected(capsys, "one", *ARRAY)["streams"]
    assert stream["histogram"] == [[1, 2], [2, 1]]
    assert (stream["blocks"], stream["skipped"], stream["header"]["map"]) == (3, 3, True)
    assert stream["runs"] is None and stream["values"] is None
    (folder / "all").write_bytes(single(codec, block_map=False))
    [stream] = inspected(capsys, "all", *ARRAY)["streams"]
    assert stream["histogram"] == [[0, 3], [1, 2], [2, 1]]


def test_codes_are_prefix_codes(folder, capsys):
    network, found = layers()
    encoded = encode_layer(found[-1], network, StreamTarget(), codec="huffman")
    (folder / "x").write_bytes(encoded.container.to_bytes())
    [stream] = inspected(capsys, "x")["streams"]
    codes = sorted(row["code"] for row in stream["runs"])
    assert len(set(codes)) == len(codes) and all(codes)
    assert not any(after.startswith(before) for before, after in itertools.pairwise(codes))


@pytest.mark.parametrize("mantissa, scales", [(2**15, 64), (2**24, 96)])
def test_headers(folder, capsys, mantissa, scales):
    parameters = Parameters(np.arange(2) + 2**15, np.arange(2) + mantissa, np.arange(2))
    (folder / "one").write_bytes(single("csr", fixed=True, parameters=parameters))
    [stream] = inspected(capsys, "one", *ARRAY)["streams"]
    assert stream["header"] | {"granules": 0} == {
        "version": 4, "codec": "csr", "weight_bits": 8, "output_blocks": 2, "blocks_of_each": 3,
        "granules": 0, "last_columns": 1, "map": stream["header"]["map"], "reuse": False,
        "lean": True,
        "table": None, "bias_bits": 32, "scales": "each", "fixed": 2}
    assert (stream["bits"]["biases"], stream["bits"]["scales"]) == (64, scales)
    assert main(["inspect", "one", *ARRAY]) == 0
    output = capsys.readouterr().out
    assert "csr, 2 of each block" in output and "32-bit biases, scales" in output


def test_tables(folder, capsys):
    network, found = layers()
    encoded = encode_layer(found[-1], network, TARGET, codec="huffman", span=1)
    (folder / "x.weights").write_bytes(encoded.container.to_bytes())
    read = inspected(capsys, "x.weights")
    assert main(["inspect", "x.weights"]) == 0
    output = capsys.readouterr().out
    assert output.startswith(
        f"x.weights: container 1 for 4 × 4, words of 4 bytes; "
        f"{' × '.join(map(str, read['shape']))} weights, {grouped(read['bytes'])} bytes; checksums "
        "right\n")
    for stream in read["streams"]:
        [line] = [line for line in output.splitlines() if stream["checksum"] in line]
        words = [word.strip() for word in line.split("│")]
        assert f"{stream['first']} to {stream['first']}" in words
        assert {grouped(stream["bytes"]), grouped(stream["steps"]["total"]),
                grouped(stream["cycles"]), f"{stream['steps']['mean']:.2f}"} <= set(words)
    [line] = [line for line in output.splitlines() if line.startswith("│ weights ")]
    bits = sum(stream["bits"]["weights"] for stream in read["streams"])
    assert line.split("│")[2].strip() == grouped(bits)
    assert "run ┃" not in output
    assert main(["inspect", "x.weights", "--stream", "0"]) == 0
    assert "run ┃" in capsys.readouterr().out
    assert inspected(capsys, "x.weights", "--stream", "1")["streams"] == [read["streams"][1]]


@pytest.mark.parametrize("change, text", [
    (lambda data: b"", "one: TRUNCATED: Stream must have granule 0, not end after 0 bytes: it is "
     "truncated"),
    (lambda data: b"\x01" + data[1:], "one: VERSION: Stream must be of version 4, not 1; nor is "
     "the file a container, which begins with SPWS"),
    (lambda data: data[:-4] + bytes(4), "one: CHECKSUM: Stream must have the checksum "),
    (lambda data: data[:-4], "one: TRUNCATED: "),
    (lambda data: data + bytes(4), "one: TRAILING: "),
    (lambda data: b"SPWS", "one: container must have at least 28 bytes, not 4: it is truncated"),
])
def test_broken_streams(folder, capsys, change, text):
    (folder / "one").write_bytes(change(single("rle")))
    assert main(["inspect", "one", *ARRAY]) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err.count("\n") == 1
    assert captured.err.startswith(f"sparrow: error: {text}")


def test_long_runs(folder, capsys):
    """Lengths are put together to as many rows as a screen has; an empty stream has none."""
    blocks = np.zeros((1, 500, 1, 4, 1), np.int8)
    (folder / "none").write_bytes(encode_blocks(blocks, "rle", word_bytes=4).data)
    assert inspected(capsys, "none", *ARRAY)["streams"][0]["histogram"] == []
    assert main(["inspect", "none", *ARRAY]) == 0
    assert "│     0 │    0 │" in capsys.readouterr().out
    blocks[0, 499, 0, 3, 0] = blocks[0, 0, 0, 1, 0] = blocks[0, 1, 0, 0, 0] = 1
    (folder / "one").write_bytes(encode_blocks(blocks, "rle", word_bytes=4,
                                               block_map=False).data)
    assert inspected(capsys, "one", *ARRAY)["streams"][0]["histogram"] == [
        [1, 1], [2, 1], [1994, 1]]
    assert main(["inspect", "one", *ARRAY]) == 0
    rows = capsys.readouterr().out.partition("runs of zeros")[2].splitlines()[4:-1]
    ranges = [row.split("│")[1].split() for row in rows]
    assert len(rows) == 24 and ranges[0] == ["0", "to", "83"] and ranges[-1][-1] == "1994"
    assert all(int(after[0]) == int(before[-1]) + 1
               for before, after in itertools.pairwise(ranges))
    assert [int(row.split("│")[2]) for row in rows] == [2, *[0] * 22, 1]


def test_broken_containers(folder, capsys):
    network, found = layers()
    encoded = encode_layer(found[0], network, TARGET, codec="rle", span=1)
    data = encoded.container.to_bytes()
    last = encoded.container.offsets[-2]
    broken = bytearray(data)
    broken[last + 3] ^= 0x80
    container = encoded.container
    cut = Container((container.shape[0], 40, 3, 3), 4, 4, 4, container.parts).to_bytes()
    for content, text in ((bytes(broken), f"x: stream {len(container.parts) - 1}: FORMAT: "),
                          (data[:-4], f"x: container must have at least {len(data)} bytes, "),
                          (cut, "x: stream 0: must have 1 output blocks of 90 blocks, as the "
                                "directory and the shape tell, not 1 of ")):
        (folder / "x").write_bytes(content)
        assert main(["inspect", "x"]) == 2
        captured = capsys.readouterr()
        assert captured.out == "" and captured.err.count("\n") == 1
        assert captured.err.startswith(f"sparrow: error: {text}")


def test_a_shape_of_fewer_channels_is_told(folder, capsys):
    network, found = layers()
    container = encode_layer(found[0], network, TARGET, codec="rle").container
    shape = container.shape[0] - 1, *container.shape[1:]
    (folder / "x").write_bytes(dataclasses.replace(container, shape=shape).to_bytes())
    assert main(["inspect", "x"]) == 2
    last = (shape[0] - 1) % container.columns + 1
    assert capsys.readouterr().err == (
        f"sparrow: error: x: stream 0: must have {last} columns with channels in its last output "
        f"block, as the shape tells, not {last + 1}\n")


@pytest.mark.parametrize("option, own", [("--lanes", 4), ("--columns", 4), ("--word-bytes", 4)])
def test_a_container_for_another_array_is_refused(option, own, folder, capsys):
    network, found = layers()
    container = encode_layer(found[0], network, TARGET, codec="rle").container
    (folder / "x").write_bytes(container.to_bytes())
    assert inspected(capsys, "x", option, str(own)) == inspected(capsys, "x")
    assert main(["inspect", "x", option, "8"]) == 2
    assert capsys.readouterr().err == (
        f"sparrow: error: x: {option} must be {own}, as the container has it, not 8\n")


def test_every_flipped_bit_is_told(folder, capsys):
    network, found = layers()
    data = encode_layer(found[0], network, TARGET, codec="huffman").container.to_bytes()
    places = np.random.default_rng(1).choice(8 * len(data), 100, replace=False)
    for place in places.tolist():
        broken = bytearray(data)
        broken[place // 8] ^= 1 << place % 8
        (folder / "x").write_bytes(broken)
        assert main(["inspect", "x"]) == 2, place
        assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("arguments, text", [
    ("none", "none: No such file or directory"),
    ("one --columns 65", "--columns must be 1 to 64, not 65"),
    ("one --lanes 4 --columns 1 --word-bytes 4 --stream 1", "--stream must be 0 to 0, not 1"),
    ("one --lanes 5", "see sparrow inspect --help"),
    (".", ".: Is a directory"),
])
def test_mistakes(folder, capsys, arguments, text):
    (folder / "one").write_bytes(single("rle"))
    assert main(["inspect", *arguments.split()]) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err.count("\n") == 1
    assert captured.err.startswith("sparrow: error: ")
    assert captured.err.endswith(f"{text}\n")


def resealed(data):
    return bytes(data[:-4]) + zlib.crc32(data[:-4]).to_bytes(4, "little")


def alone(capsys, data):
    Path("one").write_bytes(data)
    found = inspected(capsys, "one", "--lanes", "4", "--columns", "2")["streams"][0]
    return found["bits"], [entry["count"] for entry in found["values"]], found["runs"]


@pytest.mark.parametrize("codec", ["csr", "rle", "huffman"])
def test_symbols_are_those_that_are_sent(codec, folder, capsys):
    """Also where other symbols would be enough for the weights."""
    generator = np.random.default_rng(5)
    blocks = generator.choice(np.array([0, 0, 0, 1, 2, 3, 4, 5], np.int8), (2, 9, 1, 4, 2))
    stream = bytearray(encode_blocks(blocks, codec, codebook=True, block_map=False).data)
    bits, counts, runs = alone(capsys, bytes(stream))
    assert sum(counts) == np.count_nonzero(blocks)
    place = 12 + [1, 2, 3, 4, 5].index(stream[12])
    for value in (0, stream[13]):  # an entry of 0, and one that is there twice
        stream[place] = value
        assert alone(capsys, resealed(stream)) == (bits, counts, runs)


def test_fewer_codes_than_entries(folder, capsys):
    blocks = np.tile(np.array([1, 2, 3, 4, 5, 0, 0, 0], np.int8), 9).reshape(1, 9, 1, 4, 2)
    stream = bytearray(encode_blocks(blocks, "huffman", codebook=True, block_map=False).data)
    before = alone(capsys, bytes(stream))
    assert stream[3] & 31 == 4
    stream[3] += 3
    bits, counts, runs = alone(capsys, resealed(stream))
    assert (bits, counts, runs) == (before[0], [*before[1], 0, 0, 0], before[2])


def test_weights_outside_of_the_shape(folder, capsys):
    weights = torch.zeros(4, 4, 1, 1, dtype=torch.int8)
    weights[3, 3] = 1
    stream = encode(weights, "rle", lanes=4, columns=4, word_bytes=4)
    container = Container(shape=(4, 3, 1, 1), lanes=4, columns=4, word_bytes=4,
                          parts=(Part(0, 1, stream.data),))
    (folder / "x").write_bytes(container.to_bytes())
    assert main(["inspect", "x"]) == 2
    assert capsys.readouterr().err == (
        "sparrow: error: x: stream 0: weights outside of shape (4, 3, 1, 1) must be zero\n")
    with pytest.raises(ValueError, match="weights outside of shape"):
        decode_container(container)
