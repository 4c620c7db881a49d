# amaranth: UnusedElaboratable=no
"""Streams that aren't well formed: the golden decoder's code, nothing committed, no hang."""

import random

import numpy as np
import pytest

from sparrow.golden.codec import ERRORS, StreamError, decode_blocks
from sparrow.hw.spec.decode import Codec, DecompressorSpec
from sparrow.hw.spec.faults import StreamFault

from .decompressor_bench import Bench, decode, words_of
from .streams import Case, random_case, resealed, verdict

CODECS = [codec.value for codec in Codec]
LANES, COLUMNS = 8, 3
SPEC = DecompressorSpec(lanes=LANES, columns=COLUMNS)
BOUND = 64  # cycles


def patched(data, place, value, size=1):
    """Some bytes changed, the checksum made good again."""
    return resealed(data[:place] + value.to_bytes(size, "little") + data[place + size:])


def bits(data, place, low, count, value):
    """A field of a word of 32 bits changed, the checksum made good again."""
    word = int.from_bytes(data[place:place + 4], "little")
    word = word & ~((1 << count) - 1 << low) | value << low
    return patched(data, place, word, 4)


def resized(data, change):
    """So many granules more, of zeros, or less."""
    columns, granules = divmod(int.from_bytes(data[4:8], "little"), 1 << 26)
    body = data[:2 * granules]
    own = body[:2 * change] if change < 0 else body + bytes(2 * change)
    own = own[:4] + (granules + change | columns << 26).to_bytes(4, "little") + own[8:]
    return resealed(own + bytes(-(len(own) + 4) % 8 + 4))


def stream(codec, **options):
    return random_case(np.random.default_rng(7), codec, **options).stream.data


def check(streams, expected, spec=SPEC, **flow):
    """Each stream alone, with a ``clear`` behind it: its error, within the bound."""
    taken = decode(spec, *streams, clear_after_error=True, **flow)
    assert [StreamFault(each.error).name for each in taken[:len(expected)]] == expected
    for each in taken[:len(expected)]:
        if each.error:
            assert not each.done
            last = max([each.words[-1], *each.commits])
            assert each.error_cycle <= last + BOUND
        else:
            assert each.done
    return taken


def test_the_codes_are_those_of_the_golden_decoder():
    assert {fault.name: fault.value for fault in StreamFault if fault} == dict(ERRORS)


def test_headers():
    dense, rle, csr, huffman = (stream(codec) for codec in ("dense", "rle", "csr", "huffman"))
    table = stream("rle", codebook=True)
    scaled = stream("dense", parameters=(True, False))
    coded = stream("huffman", codebook=True)
    cases = [
        (bits(dense, 0, 0, 4, 1), "VERSION"),
        (bits(dense, 0, 4, 3, 5), "FORMAT"),
        (bits(dense, 0, 11, 1, 1), "FORMAT"),
        (bits(dense, 0, 12, 1, 1), "FORMAT"),
        (bits(dense, 0, 14, 1, 1), "FORMAT"),
        (bits(dense, 0, 15, 1, 1), "FORMAT"),
        (bits(dense, 0, 29, 3, 4), "FORMAT"),
        (bits(dense, 0, 7, 2, 3), "FORMAT"),
        (bits(huffman, 0, 7, 1, 1), "FORMAT"),
        (bits(table, 0, 24, 5, 16), "FORMAT"),
        (bits(dense, 0, 16, 7, 1), "TABLE"),
        (bits(rle, 0, 16, 7, 0), "TABLE"),
        (bits(rle, 0, 16, 7, 7), "TABLE"),
        (bits(csr, 0, 16, 7, 0), "TABLE"),
        (bits(csr, 0, 16, 7, 8), "TABLE"),
        (bits(csr, 0, 14, 9, 1 | (LANES + 1) << 2), "TABLE"),
        (bits(dense, 0, 24, 5, 1), "TABLE"),
        (bits(huffman, 0, 16, 7, 63), "TABLE"),
        (patched(huffman, 12, 3), "TABLE"),
        (patched(huffman, 12, 0, 4), "CODE"),
        (patched(coded, 12 + 8 + 4, 3), "TABLE"),
        (bits(coded, 0, 24, 5, 4), "TABLE"),
        (patched(dense, 4, 5, 4), "SIZE"),
        (patched(huffman, 4, 7, 4), "SIZE"),
        (patched(dense, 8, 0, 2), "SIZE"),
        (patched(dense, 10, 0, 2), "SIZE"),
        (bits(dense, 4, 26, 6, COLUMNS), "FORMAT"),
        (bits(dense, 4, 26, 6, 63), "FORMAT"),
        (bits(scaled, 12, 16, 1, 1), "FORMAT"),
        (bits(scaled, 12, 30, 1, 1), "FORMAT"),
    ]
    taken = check([data for data, _ in cases], [name for _, name in cases])
    assert not any(each.blocks or each.records for each in taken)


def test_a_map_without_the_last_step():
    data = stream("rle", block_map=True, steps=3)
    check([patched(data, 12, data[12] & 3)], ["FORMAT"])


def test_lengths_and_checksums():
    streams = []
    for number, codec in enumerate(CODECS):
        data = stream(codec, four_bit=bool(number % 2), steps=10)
        words = words_of(SPEC, data)
        short, long = words[:-2], [*words[:-1], (words[-1][0], False), (0, True)]
        streams += [
            [*short[:-1], (short[-1][0], True)],
            [(words[0][0], False), (words[1][0], True)],
            long,
            words_of(SPEC, data[:-1] + bytes([data[-1] ^ 1])),
            words,
        ]
    taken = Bench(SPEC, streams, clear_after_error=True, idle=0.3, stall=0.3).run()
    for first in range(0, len(streams), 5):
        assert [StreamFault(each.error).name for each in taken[first:first + 5]] == [
            "TRUNCATED", "TRUNCATED", "TRAILING", "CHECKSUM", "NONE"]
        assert taken[first + 4].done


def test_granules_that_are_too_many_or_too_few():
    generator = np.random.default_rng(8)
    streams, expected = [], []
    for codec in CODECS:
        data = random_case(generator, codec, density=0.6).stream.data
        for change in (-4, 4, 24):
            own = resized(data, change)
            streams.append(own)
            code = verdict(own, LANES, COLUMNS, 8)
            expected.append(StreamFault(code).name)
    assert {"TRUNCATED", "TRAILING"} <= set(expected)
    check(streams, expected)


def test_streams_that_run_out_in_their_last_block():
    """All blocks before it come out."""
    streams, expected = [], []
    for seed, codec in enumerate(("dense", "bitmask", "csr")):
        case = random_case(np.random.default_rng(seed), codec, four_bit=codec == "bitmask",
                           density=1, outputs=1, steps=4)
        streams.append(resized(case.stream.data, -1))
        with pytest.raises(StreamError) as info:
            decode_blocks(streams[-1], lanes=LANES, columns=COLUMNS, word_bytes=8)
        assert info.value.name == "TRUNCATED" and len(info.value.before.steps) == 3
        expected.append(case.blocks[0, :-1])
    for each, blocks in zip(check(streams, ["TRUNCATED"] * len(streams)), expected):
        assert np.array_equal(each.blocks, blocks)


def test_parameters_that_end_too_early():
    data = stream("dense", parameters=(True, True), outputs=1)
    granules = int.from_bytes(data[4:8], "little") & (1 << 26) - 1
    check([resized(data, 10 - granules)], ["TRUNCATED"])


@pytest.mark.parametrize(("seed", "flow"), [
    (0, {"idle": 0.4, "stall": 0.4}),
    *(pytest.param(seed, flow, marks=pytest.mark.heavy) for seed in range(4)
      for flow in ({}, {"idle": 0.4, "stall": 0.4}) if seed or not flow)])
def test_random_faults(seed, flow):
    """Bytes changed anywhere behind the numbers of blocks; the good ones among them decode."""
    generator, dice = np.random.default_rng(seed), random.Random(seed)
    streams, expected = [], []
    for number in range(24):
        codec = CODECS[number % 5]
        four_bit = number % 4 == 3
        data = random_case(generator, codec, four_bit=four_bit, codebook=codec != "dense"
                           and number % 3 == 0, density=dice.choice((0.1, 0.5)), steps=4,
                           parameters=(False, False) if number % 6 == 0 else None,
                           block_map=number % 7 == 0).stream.data
        for _ in range(dice.randint(1, 2)):
            place = dice.randrange(12, len(data) - 4)
            data = patched(data, place, dice.randrange(256))
        streams.append(data)
        expected.append(verdict(data, LANES, COLUMNS, 8))
    assert 0 in expected and len(set(expected)) > 3
    taken = check(streams, [StreamFault(code).name for code in expected], **flow)
    for data, code, each in zip(streams, expected, taken):
        if not code:
            stream = random_case(generator, "dense").stream
            object.__setattr__(stream, "data", data)
            Case.of(stream).check(each.blocks, each.records, each.maps)
