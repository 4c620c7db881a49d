"""Bytes and codecs of a program's weight streams."""

import dataclasses

import pytest

from sparrow.compiler import compile_network
from sparrow.flow.memory_image import layer_rows
from sparrow.flow.weight_traffic import weight_traffic, with_dense
from sparrow.hw.spec.accelerator import AcceleratorSpec
from sparrow.hw.spec.commands import Opcode
from sparrow.sim.accelerator.samples import sample

SPEC = AcceleratorSpec(codecs=("bitmask", "rle", "csr", "huffman"))
NETWORK = sample("mixed")


@pytest.fixture(scope="module")
def plain():
    return compile_network(NETWORK, dataclasses.replace(SPEC, codecs=()))


def test_plain_programs(plain):
    found = weight_traffic(plain)
    assert list(found) == [layer.name for layer in plain.layers]
    assert {one["codec"] for one in found.values()} == {""}
    words = sum(values["words"] for kind, values in plain.commands()
                if kind.opcode is Opcode.WEIGHTS)
    assert sum(one["weight_bytes"] for one in found.values()) == 8 * words
    for layer in plain.layers:
        assert 0 <= found[layer.name]["weight_bytes"] <= layer.bytes_read
    rows = with_dense(layer_rows(plain), plain, None)
    assert all("dense" not in row and row["codec"] == "" for row in rows)
    assert [row["weight_bytes"] for row in rows] == [one["weight_bytes"]
                                                     for one in found.values()]


@pytest.mark.parametrize("codec", ["rle", "huffman"])
def test_compressed_programs(plain, codec):
    program = compile_network(NETWORK, SPEC, codec=codec)
    assert program.decodings
    rows = with_dense(layer_rows(program), program, plain)
    before = weight_traffic(plain)
    assert codec in {row["codec"] for row in rows}
    for row, layer in zip(rows, program.layers, strict=True):
        assert set(row["codec"].split(", ")) <= {"", codec, "plain"}
        streams = [program.decodings.get(values["offset"]) for kind, values in
                   program.commands()[layer.first_command:][:layer.commands]
                   if kind.opcode is Opcode.WEIGHTS]
        assert bool(row["codec"]) == any(streams)
        if not row["weight_bytes"]:
            assert "dense" not in row
            continue
        own = plain.layer(row["name"])
        assert row["dense"] == {"weight_bytes": before[row["name"]]["weight_bytes"],
                                "predicted_cycles": own.cycles, "stalls": dict(own.stalls)}
