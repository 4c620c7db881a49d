"""Streams that aren't well formed: one line each, with its code, and never other weights without
a word."""

import itertools
import random
import zlib

import numpy as np
import pytest

from sparrow.golden.codec import (
    CODECS,
    ERRORS,
    StreamError,
    decode_blocks,
    encode_blocks,
    read_header,
)
from sparrow.golden.codec.header import Header
from sparrow.golden.codec.parameters import ParameterFormat
from sparrow.golden.codec.prefix import PrefixCode
from sparrow.golden.codec.runs import RunCode
from sparrow.golden.codec.values import ValueCode

RUNS = RunCode(code=PrefixCode((1, 2)), escape_rank=2)  # 0: no zeros, 01: one, 11: two, escape
PLAIN = ValueCode(8)


def sealed(data, word_bytes=8):
    """With zeros and a checksum behind."""
    data += bytes(-(len(data) + 4) % word_bytes)
    return data + zlib.crc32(data).to_bytes(4, "little")


def stream(*granules, first=None, **changes):
    """A stream of blocks of four positions, by hand: granules as bits, those of the header by
    ``changes``, its first word changed by a function."""
    fields = {"codec": "csr", "four_bit": False, "output_blocks": 1, "steps": 1, "values": PLAIN}
    if changes.get("codec", "csr") == "csr" and not changes.get("fixed"):
        fields["count_bits"] = 3
    fields |= {"granules": None} | changes
    size = sum(map(len, Header(**fields | {"granules": 0}).parts().values()))
    if fields["granules"] is None:
        fields["granules"] = size + len(granules)
    data = b"".join(part.tobytes() for part in Header(**fields).parts().values())
    if first is not None:
        word = first(int.from_bytes(data[:4], "little"))
        data = word.to_bytes(4, "little") + data[4:]
    for bits in granules:
        data += int(bits.ljust(16, "0")[::-1], 2).to_bytes(2, "little")
    return sealed(data)


def error_of(data, *, lanes=4, columns=1, check=True):
    with pytest.raises(StreamError) as caught:
        decode_blocks(data, lanes=lanes, columns=columns, check=check)
    text = str(caught.value)
    assert "\n" not in text
    assert caught.value.code == ERRORS[caught.value.name]
    return caught.value.name, text


def setting(place, value=1):
    return lambda word: word | value << place


def test_the_stream_by_hand():
    found = decode_blocks(stream("100" "01" "01000000"), lanes=4, columns=1)
    assert found.blocks.flatten().tolist() == [0, 0, 2, 0]
    assert found.steps.tolist() == [2]


HEADERS = {
    "VERSION": [(stream(first=lambda word: word - 1), "Stream must be of version 4, not 3"),
                (bytes(16), "Stream must be of version 4, not 0")],
    "FORMAT": [
        (stream(first=lambda word: word | 7 << 4), "Codec must be 0 to 4, not 7"),
        *((stream(first=setting(place)), "Stream must have 0 in the spare bits of its first "
           f"word, not {1 << place - 29}") for place in (29, 30, 31)),
        *((stream(first=setting(place)), "Stream must have parameters if it tells their format, "
           "but hasn't") for place in (11, 12, 15)),
        (stream(codec="rle", runs=RunCode(2), first=setting(14)),
         "Codec of fixed counts must be csr, not rle"),
        (stream(codec="huffman", runs=RUNS, first=setting(7)),
         "Stream of 4 bits by huffman must have a table, but has none"),
        (stream(codec="dense", four_bit=True, values=ValueCode(4, (1,))),
         "Stream of 4 bits by dense must have no table"),
        (stream(last_columns=2), "Stream must have at most 1 columns with channels in the last "
         "output block, not 2"),
        (stream(last_columns=64, granules=5), "Stream must have at most 1 columns with channels "
         "in the last output block, not 64"),
        (stream("110", steps=3, map=True),
         "Map of output block 0 must have its last step, but hasn't")],
    "TABLE": [
        (stream(count_bits=0), "Argument of csr must be 1 to 7, not 0"),
        (stream(count_bits=8), "Argument of csr must be 1 to 7, not 8"),
        (stream(count_bits=0, fixed=5), "Argument of csr must be 1 to 4, not 5"),
        (stream(codec="rle", runs=RunCode(7)), "Argument of rle must be 1 to 6, not 7"),
        (stream(codec="dense", first=setting(16)), "Argument of dense must be 0 to 0, not 1"),
        (stream(codec="bitmask", first=setting(22)), "Argument of bitmask must be 0 to 0, not 64"),
        (stream(first=setting(25)), "Stream without a table must have no entries, not 3"),
        (stream(codec="huffman", runs=RunCode(code=PrefixCode((3,)))),
         "Table of runs must have codes whose 2^-length sum up to at most 1, not 1.5: it is "
         "over-subscribed"),
        (stream(codec="huffman", runs=RUNS,
                values=ValueCode(8, (1, 2, 3, 4, 5), PrefixCode((0, 5)))),
         "Table of values must have codes whose 2^-length sum up to at most 1, not 1.25: it is "
         "over-subscribed"),
        (stream(four_bit=True, values=ValueCode(4, (1, 8))),
         "Table of 4-bit values must have only such from -8 to 7, not [1, 8, 0, 0]"),
        (stream(codec="huffman", runs=RUNS, values=ValueCode(8, (1, 2), PrefixCode((1, 2)))),
         "Table of values must have at most 2 codes, not 3"),
        (stream(codec="huffman", runs=RunCode(code=PrefixCode((0,) * 5 + (63, 1)))),
         "Table of runs must have at most 63 codes, not 64"),
        (stream(codec="huffman", runs=RunCode(code=PrefixCode((1, 2)), escape_rank=3)),
         "Table of runs must have the escape among its codes, of which there are 3, not in place "
         "3")],
    "CODE": [
        (stream(codec="huffman", runs=RunCode(code=PrefixCode(()))),
         "Table of runs must have 2 to 63 codes, not none of less than 8 bits"),
        (stream(codec="huffman", runs=RunCode(code=PrefixCode((1, 0, 0, 0, 0, 5)))),
         "Table of runs must have at most 57 codes of 8 bits besides 6 shorter ones, not 108: bits "
         "would begin with none of them"),
        (stream(codec="huffman", runs=RUNS, values=ValueCode(8, (1, 2), PrefixCode((1,)))),
         "Table of values must have at most 1 codes of 7 bits besides 1 shorter ones, not 64: "
         "bits would begin with none of them")],
    "SIZE": [
        (stream(granules=5), "Stream must have at least the 6 granules of its header, not 5"),
        (stream(output_blocks=0),
         "Stream must have at least one output block and one block of it, not 0 and 1"),
        (stream(steps=0),
         "Stream must have at least one output block and one block of it, not 1 and 0"),
        (stream(steps=65535, output_blocks=65535),
         "Stream must have at most 268435456 weights, not 65535 × 65535 × 1 × 4 × 1")],
}
LANES = {
    "ENTRY": [
        (stream("100" "10" "11", values=ValueCode(8, (1, 2, 3))),
         "Lane 0, output block 0, step 0: index of a value must be below 3, not 3")],
    "COUNT": [(stream("101"), "Lane 0, output block 0, step 0: number of nonzeros must be at most "
               "4, not 5: it goes beyond the block")],
    "RUN": [(stream("11" "11" "0" "01000000", codec="huffman", runs=RUNS),
             "Lane 0: run must end in the layer, but ends behind its last block"),
            (stream("11" "11" "0" "00000000", codec="huffman", runs=RUNS),
             "Lane 0: run must end in the layer, but ends behind its last block")],
    "TRUNCATED": [
        (stream(codec="dense"), "Lane 0, output block 0, step 0: symbol must be whole, not end "
         "after 0 bits: the stream has no more granules for the lane, it is truncated"),
        (stream("0" * 16, codec="dense"), "Lane 0, output block 0, step 0: symbol must be whole, "
         "not end after 0 bits: the stream has no more granules for the lane, it is truncated"),
        (stream("0" * 16, codec="dense", steps=9, granules=50),
         "Stream must have granule 12, not end after 24 bytes: it is truncated"),
        (stream(parameters=ParameterFormat(16, False)), "Stream must have granules for what stands "
         "between those of lanes, not 6 in all: it is truncated"),
        (stream("100" "01" "01000000")[:16],
         "Stream must have 24 bytes, not end after 16: it is truncated"),
        (stream()[:10], "Stream must have granule 5, not end after 10 bytes: it is truncated"),
        (b"", "Stream must have granule 0, not end after 0 bytes: it is truncated")],
    "TRAILING": [
        (stream("100" "01" "01000000") + bytes(8),
         "Stream must end after 24 bytes, not 32: words trail"),
        (stream("000", "", "", ""),
         "Stream must have as many granules as are asked for, not 1 more")],
    "CHECKSUM": [(stream("100" "01" "01000000")[:-1] + b"x", None)],
}


@pytest.mark.parametrize("name, number", [
    (name, number) for cases in (HEADERS, LANES) for name, entries in cases.items()
    for number in range(len(entries))])
def test_texts(name, number):
    data, text = [*HEADERS.get(name, []), *LANES.get(name, [])][number]
    found, told = error_of(data)
    assert found == name
    if text is not None:
        assert told == text


def test_every_error():
    assert {*HEADERS, *LANES} == {*ERRORS}
    assert sorted(ERRORS.values()) == list(range(1, 12))


def test_the_first_error():
    """Of several lanes in a step the smallest code; a step before comes first."""
    table = ValueCode(8, (1, 2, 3))
    found = stream("000" "101", "100" "10" "11", values=table, steps=2)  # COUNT, ENTRY in lane 1
    assert error_of(found, columns=1)[0] == "COUNT"
    assert error_of(found, columns=2) == (
        "ENTRY", "Lane 1, output block 0, step 0: index of a value must be below 3, not 3")
    granules = ["100" "10" "11", "100" "00" "00" "101"]
    assert error_of(stream(*granules, values=table, steps=2), columns=2)[0] == "ENTRY"
    short = stream("100" "01" "11", values=table)[:18]
    assert error_of(short, columns=1)[0] == "ENTRY"  # not TRUNCATED


def test_what_decoders_accept():
    """Value 0, a place twice, entries that nobody uses, granules in front of the checksum."""
    found = decode_blocks(stream("010" "01" "00000000" "01" "0", "1000000"), lanes=4, columns=1)
    assert found.blocks.flatten().tolist() == [0, 0, 2, 0]
    data = bytearray(stream("100" "01" "01000000")[:-4])
    data[-1] = 1  # behind the last granule
    found = decode_blocks(bytes(data) + zlib.crc32(data).to_bytes(4, "little"), lanes=4, columns=1)
    assert found.blocks.flatten().tolist() == [0, 0, 2, 0]
    # bits of a map beyond the last step
    found = decode_blocks(stream("0011", "100" "01" "01000000", steps=3, map=True), lanes=4,
                          columns=1)
    assert found.kept.tolist() == [[False, False, True]]


def test_lanes_that_have_nothing_left():
    """Bits that are no whole symbol, of any kind, are zeros once no granules are left."""
    plain = RunCode(code=PrefixCode((1, 2)))  # escape 0, no zeros 10, one 11
    for bits in ("0" * 15 + "1", "0" * 14 + "11", "0" * 9 + "1" * 7):
        found = decode_blocks(stream(bits, codec="huffman", runs=plain, steps=9), lanes=4,
                              columns=1)
        assert not found.blocks.any()


def random_stream(codec, generator, **options):
    blocks = generator.integers(-7, 8, (2, 5, 1, 4, 4)) * (generator.random((2, 5, 1, 4, 4)) < 0.3)
    return encode_blocks(blocks.astype(np.int8), codec, **options)


@pytest.mark.parametrize("codec", CODECS)
def test_every_length(codec):
    """Whatever is cut off, or comes on top, is found."""
    data = random_stream(codec, np.random.default_rng(0)).data
    for length in range(len(data)):
        assert error_of(data[:length], columns=4)[0] == "TRUNCATED"
    assert error_of(data + bytes(1), columns=4)[0] == "TRAILING"


@pytest.mark.parametrize("codec, codebook", [*itertools.product(CODECS, (False, True))])
def test_streams_with_faults(codec, codebook):
    """Flipped bits end in an error: the checksum finds what nothing else does. Without it there
    is an error of another kind, or none."""
    generator, chance = np.random.default_rng(0), random.Random(0)
    found = set()
    for _ in range(8):
        data = random_stream(codec, generator, codebook=codebook).data
        for _ in range(40):
            altered = bytearray(data)
            # not in the sizes: they may make a layer that is large, and legal
            place = chance.choice([*range(8), *range(12, len(data))])
            altered[place] ^= 1 << chance.randrange(8)
            found.add(error_of(bytes(altered), columns=4)[0])
            try:
                decode_blocks(bytes(altered), lanes=4, columns=4, check=False)
            except StreamError as error:
                assert error.name != "CHECKSUM"  # noqa: PT017
    assert "CHECKSUM" in found


def test_headers():
    assert error_of(stream(count_bits=0))[1] == "Argument of csr must be 1 to 7, not 0"
    with pytest.raises(StreamError, match="Argument of csr must be 1 to 7, not 0"):
        read_header(stream(count_bits=0), lanes=4)
    assert read_header(stream(), lanes=4).count_bits == 3
