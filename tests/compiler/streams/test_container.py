"""A layer's streams in one file."""

import dataclasses
import struct
import zlib

import pytest

from sparrow.compiler.streams import Container, ContainerError, Part

TWO = Container((40, 3, 5, 7), 8, 16, 8, (Part(0, 2, b"\x02" * 16), Part(2, 1, b"\x12" * 8)))


def packed(data):
    """With the right checksum of the directory again."""
    (count,) = struct.unpack_from("<I", data, 24)
    end = 28 + 16 * count
    return data[:end] + struct.pack("<I", zlib.crc32(data[:end])) + data[end + 4:]


def changed(data, offset, value, form="<I"):
    """Another number at a place."""
    new = bytearray(data)
    struct.pack_into(form, new, offset, value)
    return packed(bytes(new))


def test_bytes_are_as_documented():
    data = TWO.to_bytes()
    head = b"SPWS\x01\x08\x08\x10" + struct.pack("<13I", 40, 3, 5, 7, 2, 0, 2, 64, 16, 2, 1, 80, 8)
    assert data[:60] == head
    assert data[60:64] == struct.pack("<I", zlib.crc32(head))
    assert data[64:] == b"\x02" * 16 + b"\x12" * 8
    assert TWO.offsets == (64, 80, 88)
    assert (TWO.weights, TWO.output_blocks) == (40 * 105, 3)


@pytest.mark.parametrize("word", [4, 8, 16, 32])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_streams_stand_at_words(word, count):
    parts = tuple(Part(first, 1, bytes([first]) * word * (first + 1)) for first in range(count))
    container = Container((count * 4, 1, 1, 1), 4, 4, word, parts)
    data = container.to_bytes()
    assert Container.from_bytes(data) == container
    for offset, part in zip(container.offsets, parts):
        assert offset % word == 0 and data[offset:offset + len(part.data)] == part.data
    assert container.offsets[-1] == len(data)


@pytest.mark.parametrize("changes, text", [
    ({"word_bytes": 12}, "bytes of a bus word must be 4, 8, 16, 32, not 12"),
    ({"lanes": 12}, "lanes must be 4, 8, 16, 32, 64, not 12"),
    ({"columns": 65}, "columns must be 1 to 64, not 65"),
    ({"shape": (40, 0, 1, 1)}, "weights must be 1 to 268435456, not 40 × 0 × 1 × 1"),
    ({"shape": (40, 2**24, 1, 1)}, "weights must be 1 to 268435456, not 40 × 16777216 × 1 × 1"),
    ({"shape": (48 + 1, 1, 1, 1)}, "streams must have the layer's 4 output blocks, not 3"),
    ({"parts": ()}, "streams must have the layer's 3 output blocks, not 0"),
    ({"parts": (Part(0, 2, bytes(8)), Part(1, 1, bytes(8)))},
     "stream 1 must begin with output block 2 and have at least 1, not 1 from 1 on"),
    ({"parts": (Part(0, 0, bytes(8)),)},
     "stream 0 must begin with output block 0 and have at least 1, not 0 from 0 on"),
    ({"parts": (Part(0, 3, bytes(12)),)},
     "stream 0 must be whole words of 8 bytes, not 12 bytes"),
    ({"parts": (Part(0, 3, b""),)}, "stream 0 must be whole words of 8 bytes, not 0 bytes"),
])
def test_what_cannot_be(changes, text):
    with pytest.raises(ContainerError) as caught:
        dataclasses.replace(TWO, **changes)
    assert str(caught.value) == text


DATA = TWO.to_bytes()
LIE = ("streams must lie one after the other from byte 64 to 88, zeros before and nothing behind "
       "them, but don't")


@pytest.mark.parametrize("data, text", [
    (b"", "container must begin with SPWS, not b''"),
    (b"\x02" * 64, "container must begin with SPWS, not b'\\x02\\x02\\x02\\x02'"),
    (DATA[:27], "container must have at least 28 bytes, not 27: it is truncated"),
    (changed(DATA, 4, 2, "B"), "container must be of version 1, not 2"),
    (changed(DATA, 5, 0, "B"), "bytes of a bus word must be 4, 8, 16, 32, not 0"),
    (DATA[:24] + bytes(4) + DATA[28:], "container must have 1 to 65536 streams, not 0"),
    (DATA[:24] + b"\xff" * 4 + DATA[28:], "container must have 1 to 65536 streams, "
     "not 4294967295"),
    (DATA[:63], "container must have at least 64 bytes, not 63: it is truncated"),
    (DATA[:87], "container must have at least 88 bytes, not 87: it is truncated"),
    (DATA[:60] + bytes(4) + DATA[64:], f"checksum of the directory must be "
     f"{zlib.crc32(DATA[:60]):08x}, not 00000000"),
    (DATA + bytes(8), LIE), (changed(DATA, 36, 72), LIE),
    (changed(DATA, 40, 8), LIE.replace("88", "80")),
    (changed(DATA, 52, 8), LIE),
    (changed(DATA, 52, 2**31), "container must have at least 2147483656 bytes, not 88: it is "
     "truncated"),
], ids=range(15))
def test_damaged_files(data, text):
    with pytest.raises(ContainerError) as caught:
        Container.from_bytes(data)
    assert str(caught.value) == text


def test_every_flipped_bit_of_the_directory_is_found():
    for bit in range(8 * 64):
        data = bytearray(DATA)
        data[bit // 8] ^= 1 << bit % 8
        with pytest.raises(ContainerError):
            Container.from_bytes(bytes(data))
