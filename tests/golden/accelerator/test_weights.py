"""Weight streams, byte by byte."""

import numpy as np
import pytest

from sparrow.golden.accelerator import MachineError
from sparrow.golden.accelerator.weights import read_weights, stream_bytes
from sparrow.golden.codec import ERRORS, Parameters, encode_blocks
from sparrow.hw.spec.accelerator import AcceleratorSpec

SPEC = AcceleratorSpec(lanes=4, columns=4, data_width=32, post_lanes=2, weight_fifo_bytes=1024,
                       buffer_bytes=4096, mantissa_width=16)


def values(**changes):
    return {"int4": 0, "reuse": 0, "compressed": 0, "map": 0, "winograd": 0, "output_blocks": 1,
            "blocks": 1, "zero_point": -3, "minimum": -100, "maximum_value": 90} | changes


def record(bias, mantissa, shift):
    return bias.to_bytes(4, "little", signed=True) + (mantissa | shift << 24).to_bytes(4, "little")


def parameters(first):
    return b"".join(record(-first - column, first + column, column) for column in range(4))


def test_int8():
    block = bytes(range(0xF8, 0x100)) + bytes(range(8))
    (read,) = read_weights(SPEC, values(), parameters(7) + block)
    assert read.bias.tolist() == [-7, -8, -9, -10]
    assert read.mantissa.tolist() == [7, 8, 9, 10]
    assert read.shift.tolist() == [0, 1, 2, 3]
    assert (read.zero_point, read.minimum, read.maximum) == (-3, -100, 90)
    # Byte after byte: lane by lane, in each lane column by column.
    assert read.blocks.tolist() == [[[[-8, -7, -6, -5], [-4, -3, -2, -1],
                                      [0, 1, 2, 3], [4, 5, 6, 7]]]]


def test_int4_has_the_even_channel_block_in_low_nibbles():
    block = bytes([0x8F, 0x70, 0x01, 0x10] + 12 * [0x2E])
    (read,) = read_weights(SPEC, values(int4=1), parameters(7) + block)
    even, odd = read.blocks[0].tolist()
    assert even[0] == [-1, 0, 1, 0] and odd[0] == [-8, 7, 0, 1]
    assert even[1:] == [[-2] * 4] * 3 and odd[1:] == [[2] * 4] * 3


def test_output_blocks_follow_each_other():
    stream = b"".join(parameters(9 * number) + bytes([number] * 32) for number in range(3))
    read = read_weights(SPEC, values(output_blocks=3, blocks=2), stream)
    assert [block.mantissa[0] for block in read] == [0, 9, 18]
    assert [np.unique(block.blocks).tolist() for block in read] == [[0], [1], [2]]
    assert all(block.blocks.shape == (2, 1, 4, 4) for block in read)


def test_with_reuse_only_the_first_has_blocks():
    stream = parameters(1) + bytes(16) + parameters(2) + parameters(3)
    read = read_weights(SPEC, values(output_blocks=3, reuse=1), stream)
    assert [len(block.blocks) for block in read] == [1, 0, 0]
    assert [block.mantissa[0] for block in read] == [1, 2, 3]


@pytest.mark.parametrize("changes, wanted", [
    ({}, 48), ({"blocks": 3}, 80), ({"blocks": 3, "output_blocks": 2}, 160),
    ({"blocks": 3, "output_blocks": 2, "reuse": 1}, 112), ({"int4": 1}, 48)])
def test_length(changes, wanted):
    assert stream_bytes(SPEC, values(**changes)) == wanted


def refusal(changes, stream):
    with pytest.raises(MachineError) as info:
        read_weights(SPEC, values(**changes), stream)
    assert info.value.code == "STREAM"
    return info.value.text


def test_refuses_a_wrong_length():
    assert refusal({}, bytes(47)) == "WEIGHTS: the stream must have 48 bytes, not 47"


@pytest.mark.parametrize("scale", [1 << 16, 1 << 30, 1 << 31])
def test_refuses_scales_that_do_not_fit(scale):
    stream = bytearray(parameters(1) + bytes(16))
    stream[4:8] = scale.to_bytes(4, "little")
    assert refusal({}, bytes(stream)) == (
        "WEIGHTS: a scale must have a mantissa of 16 bits and a shift of 6")


DECODES = SPEC.replace(codecs=("bitmask", "huffman"), codebook=4)


def compressed(codec="bitmask", largest=1, *, int4=0, outputs=2, **options):
    """Two output blocks of three blocks, the second of which is all zero, and their stream."""
    random = np.random.default_rng(1)
    blocks = random.integers(-1, largest + 1, (outputs, 3, 1 + int4, 4, 4)).astype(np.int8)
    blocks[:, 1] = 0
    number = np.arange(8)
    options = {"block_map": False, "parameters": Parameters(-number, number + 1, number),
               "four_bit": bool(int4), "word_bytes": 4} | options
    return blocks, encode_blocks(blocks, codec, **options).data


@pytest.mark.parametrize("int4", [0, 1])
@pytest.mark.parametrize("block_map", [False, True])
@pytest.mark.parametrize("codec", ["bitmask", "huffman"])
def test_compressed(codec, int4, block_map):
    blocks, stream = compressed(codec, int4=int4, block_map=block_map)
    own = values(compressed=1, output_blocks=2, blocks=3, int4=int4, map=int(block_map))
    for number, read in enumerate(read_weights(DECODES, own, stream)):
        assert (read.blocks == blocks[number]).all() and read.int4 == bool(int4)
        assert read.bias.tolist() == [-4 * number - column for column in range(4)]
        assert read.mantissa.tolist() == [4 * number + column + 1 for column in range(4)]
        assert (read.zero_point, read.minimum, read.maximum) == (-3, -100, 90)
        assert (read.kept.tolist() == [True, False, True]) if block_map else read.kept is None


def test_compressed_with_reuse():
    blocks, stream = compressed(outputs=1, reuse=True)
    read = read_weights(DECODES, values(compressed=1, output_blocks=2, blocks=3, reuse=1), stream)
    assert (read[0].blocks == blocks[0]).all() and len(read[1].blocks) == 0
    assert read[1].mantissa.tolist() == [5, 6, 7, 8]


@pytest.mark.parametrize("options, changes, code, text", [
    ({}, {"blocks": 2}, "SIZE", "blocks of the stream must be 2, not 3"),
    ({}, {"output_blocks": 1}, "SIZE", "output_blocks of the stream must be 1, not 2"),
    ({}, {"int4": 1}, "SIZE", "int4 of the stream must be 1, not 0"),
    ({}, {"reuse": 1}, "SIZE", "reuse of the stream must be 1, not 0"),
    ({}, {"map": 1}, "SIZE", "map of the stream must be 1, not 0"),
    ({"parameters": None}, {}, "SIZE", "parameters of the stream must be 1, not 0"),
    ({"codec": "csr"}, {}, "FORMAT",
     "Codec of the stream must be one of bitmask, huffman, not csr"),
    ({"largest": 5, "codebook": True}, {}, "FORMAT",
     "Table of the stream must have at most 4 entries, not 6"),
    ({"parameters": Parameters(*np.full((3, 8), 63))}, {}, None, None),
    ({"parameters": Parameters(*np.full((3, 8), 64))}, {}, "FORMAT",
     "a scale must have a mantissa of 16 bits and a shift of 6"),
])
def test_refuses_a_compressed_stream(options, changes, code, text):
    _, stream = compressed(**options)
    own = values(compressed=1, output_blocks=2, blocks=3) | changes
    if text is None:
        assert len(read_weights(DECODES, own, stream)) == 2
        return
    with pytest.raises(MachineError) as info:
        read_weights(DECODES, own, stream)
    assert info.value.code == "STREAM" and info.value.text == f"WEIGHTS: {text}"
    assert info.value.stream_error == (ERRORS[code] if code else 0)


def test_tells_what_is_wrong_with_a_damaged_stream():
    _, stream = compressed()
    own = values(compressed=1, output_blocks=2, blocks=3)
    damaged = stream[:-1] + bytes([stream[-1] ^ 1])
    with pytest.raises(MachineError) as info:
        read_weights(DECODES, own, damaged)
    assert info.value.stream_error == ERRORS["CHECKSUM"]
    with pytest.raises(MachineError) as info:
        read_weights(DECODES, own, stream + bytes(4))
    assert info.value.stream_error == ERRORS["TRAILING"]
