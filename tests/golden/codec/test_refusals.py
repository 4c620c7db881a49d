"""Streams that aren't well formed: one line each, and never other weights without a word."""

import dataclasses
import random
import zlib

import pytest
import torch

from sparrow.golden.codec import CODECS, Stream, StreamError, decode, encode
from sparrow.golden.codec.bits import BitWriter
from sparrow.golden.codec.header import Header
from sparrow.golden.codec.parameters import ParameterFormat
from sparrow.golden.codec.prefix import PrefixCode
from sparrow.golden.codec.runs import RunCode
from sparrow.golden.codec.values import ValueCode

RUNS = RunCode(code=PrefixCode((1, 2)), escape_rank=2)  # 0: no zeros, 01: one, 11: two, escape


def stream(granule, *, columns=1, tail=b"", **changes):
    """A stream of one output channel of five positions, one granule, by hand."""
    fields = {"codec": "csr", "bits": 8, "shape": (1, 5, 1, 1), "skips": False,
              "parameters": ParameterFormat(), "scale": None, "granules": 1,
              "tails": (1,) + (0,) * (columns - 1), "values": ValueCode(8), "runs": None,
              "count_bits": 3 if changes.get("codec", "csr") == "csr" else 0}
    writer = BitWriter()
    Header(**fields | changes).write(writer)
    data = writer.granules() + int(granule[::-1], 2).to_bytes(2, "little")
    data += zlib.crc32(data).to_bytes(4, "little")
    return Stream(data=data + bytes(-len(data) % 8) + tail, columns=columns)


def error_of(found):
    with pytest.raises(StreamError) as caught:
        decode(found)
    text = str(caught.value)
    assert "\n" not in text
    return text


def altered(found, place, value):
    """With one byte changed, and the checksum made right again."""
    data = bytearray(found.data)
    data[place] = value
    end = len(data.rstrip(b"\0")) - 4
    return dataclasses.replace(found, data=bytes(data[:end]) + zlib.crc32(
        bytes(data[:end])).to_bytes(4, "little") + bytes(len(data) - end - 4))




def test_the_stream_by_hand():
    assert decode(stream("100" "0010" "01000000" "0")).flatten().tolist() == [0, 0, 0, 0, 2]


@pytest.mark.parametrize("found, text", [
    (stream("100" "1010" "01000000" "0"),
     "Lane 0, output block 0, step 0: index must be below 5, not 5"),
    (stream("010" "1000" "1100" "01000", values=ValueCode(4), bits=4),
     "Lane 0, output block 0, step 0: symbol must be whole, not end after 1 bits: the lane's "
     "granules are at their end"),
    (stream("010" "1000" "1" "1000" "1" "000", values=ValueCode(8, (3, 4))),
     "Lane 0, output block 0, step 0: index must be above the one before, 1, not 1"),
    (stream("011" "0000000000000"),
     "Lane 0, output block 0, step 0: number of nonzeros must be at most 5, not 6"),
    (stream("100" "1000" "11" "0000000", values=ValueCode(8, (1, 2, 3))),
     "Lane 0, output block 0, step 0: index of a value must be below 3, not 3"),
    (stream("000" "0000000000001"), "Lane 0: bits behind the last block must be zeros, but aren't"),
    (stream("1" * 16, codec="huffman", runs=RunCode(code=PrefixCode((1, 1)), escape_rank=0)),
     "Lane 0, output block 0, step 0: code must be in the table, not 11"),
    (stream("0" * 16, codec="huffman", runs=RunCode(code=PrefixCode((3,)))),
     "Table of runs must have codes whose 2^-length sum up to at most 1, not 1.5: it is "
     "over-subscribed"),
    (stream("0" * 16, codec="huffman", runs=RUNS,
            values=ValueCode(8, (1, 2, 3, 4, 5), PrefixCode((0, 5)))),
     "Table of values must have codes whose 2^-length sum up to at most 1, not 1.25: it is "
     "over-subscribed"),
    (stream("0" * 16, codec="huffman", runs=RunCode(code=PrefixCode((0,) * 10 + (3,)))),
     "Table of runs must have codes of at most 10 bits, not 11"),
    (stream("0" * 16, codec="huffman", runs=RunCode(code=PrefixCode(()))),
     "Table of runs must have 2 to 63 codes and the escape among them, not 1 and the escape in "
     "place 0"),
    (stream("0" * 16, codec="huffman", runs=RunCode(code=PrefixCode((1, 2)), escape_rank=3)),
     "Table of runs must have 2 to 63 codes and the escape among them, not 3 and the escape in "
     "place 3"),
    (stream("0" * 16, values=ValueCode(8, ())),
     "Table of values must have 1 to 32 entries, not 0"),
    (stream("11" * 3 + "0" + "1" * 9, codec="huffman", runs=RUNS),
     "Lane 0: run must end in the layer, but ends behind its last block"),
    (stream("0" * 16, granules=5, tails=(5,)),
     "Stream must have as many granules as its lanes ask for, not 2 more"),
    (stream("0" * 16, tails=(2,)), "Stream must have tails of at most its 1 granules, not of 2"),
    (stream("0" * 16, shape=(1, 0, 1, 1)),
     "Stream must have sizes of at least 1, not 1 × 0 × 1 × 1"),
    (stream("0" * 16, shape=(2**20, 2**20, 1, 1)),
     "Stream must have at most 268435456 weights, not 1048576 × 1048576 × 1 × 1"),
    (stream("0" * 16, shape=(2**40, 1, 1, 1)),
     "Stream must have sizes below 2^35 in its header, not larger ones"),
    (stream("0" * 16, tail=bytes(8)), "Stream must end after 16 bytes, not 24: words trail"),
    (stream("0" * 16, tail=b"\1"), "Stream must end after 16 bytes, not 17: words trail"),
    (Stream(data=b"\2" + bytes(7)), "Stream must be of version 1, not 2"),
    (Stream(data=b"\x61" + bytes(7)), "Codec must be 0 to 4, not 6"),
    (Stream(data=b"\x01\x0c" + bytes(6)),
     "Stream must have format bits of biases 0 to 2 and spare bits 0, not 3 and 0"),
    (Stream(data=b"\x01\x40" + bytes(6)),
     "Stream must have format bits of biases 0 to 2 and spare bits 0, not 0 and 1"),
], ids=lambda value: value[-40:] if isinstance(value, str) else "")
def test_texts(found, text):
    assert error_of(found) == text


def test_every_length():
    """Whatever is cut off, or comes on top, is found."""
    weights = torch.randint(-3, 4, (9, 6, 2, 2), dtype=torch.int8,
                            generator=torch.Generator().manual_seed(0))
    for codec in CODECS:
        found = encode(weights, codec, lanes=4, columns=4)
        texts = {error_of(dataclasses.replace(found, data=found.data[:length])).split(" ", 4)[-1]
                 for length in range(0, len(found), 3)}
        assert all("truncated" in text for text in texts)
        assert "words trail" in error_of(dataclasses.replace(found, data=found.data + bytes(1)))


@pytest.mark.parametrize("place, text", [
    (-1, "Stream must have zeros behind the checksum, but hasn't"),
    (-7, "Stream must have the checksum "),
])
def test_the_end(place, text):
    found = stream("0" * 16, values=ValueCode(8, (1, 2)))
    assert found.data[-6:] == bytes(6)
    data = bytearray(found.data)
    data[place] ^= 1
    assert error_of(dataclasses.replace(found, data=bytes(data))).startswith(text)


def test_bits_between_parts():
    found = stream("0" * 16)
    size = len(found.data.rstrip(b"\0")) - 6
    assert error_of(altered(found, size - 1, found.data[size - 1] | 0x80)) == (
        "Stream must have zeros behind the header, up to the next granule, but hasn't")


def test_streams_with_faults():
    """Flipped bits end in an error: the checksum finds what nothing else does."""
    generator, chance = torch.Generator().manual_seed(0), random.Random(0)
    for codec in CODECS:
        for codebook in (False, True):
            weights = torch.randint(-7, 8, (9, 6, 2, 2), generator=generator)
            weights = (weights * (torch.rand(9, 6, 2, 2, generator=generator) < 0.3)).to(torch.int8)
            found = encode(weights, codec, codebook=codebook, lanes=4, columns=4)
            for _ in range(40):
                data = bytearray(found.data)
                # not in the sizes: they may make a layer that is large, and legal
                place = chance.choice([0, 1, *range(6, len(data))])
                data[place] ^= 1 << chance.randrange(8)
                error_of(dataclasses.replace(found, data=bytes(data)))
