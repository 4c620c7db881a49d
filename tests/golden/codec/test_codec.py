"""Streams hold all that was put in, in few bits."""

import math
import re
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sparrow.golden.codec import (
    CODECS,
    Parameters,
    Stream,
    decode,
    decode_blocks,
    encode,
    encode_blocks,
    read_header,
)

DENSITIES = 0.0, 0.02, 0.2, 0.6, 1.0


def values_of(four_bit, codebook):
    if four_bit:
        return [value for value in range(-8, 8) if value]
    return [-128, -9, 5, 77, 127, *range(-60, -33)][:31] if codebook else [
        value for value in range(-128, 128) if value]


def random_blocks(generator, shape, density, values, empty=0.0):
    """Some of ``values`` at random positions; steps and columns that are empty."""
    kept = generator.random(shape) < density
    kept &= generator.random((*shape[:2], 1, 1, 1)) >= empty
    kept &= generator.random((1, 1, 1, 1, shape[4])) >= empty / 2
    return (generator.choice(values, shape) * kept).astype(np.int8)


def random_parameters(generator, kind, channels):
    if kind == "none":
        return None
    bits, shared = {"small": (15, True), "wide": (31, True), "each": (15, False),
                    "all": (31, False), "long": (15, True), "all long": (31, False)}[kind]
    scale = generator.integers(0, 2**24, channels), generator.integers(0, 256, channels)
    if kind.endswith("long"):
        scale[0][:] = generator.integers(2**31, 2**32, channels)
    if shared:
        scale = tuple(np.full(channels, values[0]) for values in scale)
    return Parameters(generator.integers(-2**bits, 2**bits, channels), *scale)


def check(blocks, codec, parameters=None, word_bytes=8, **options):
    """The stream of some blocks, which a decoder makes the same of."""
    stream = encode_blocks(blocks, codec, parameters=parameters, word_bytes=word_bytes, **options)
    lanes, columns = blocks.shape[3:]
    found = decode_blocks(stream.data, lanes=lanes, columns=columns, word_bytes=word_bytes)
    assert (found.blocks == blocks).all()
    assert found.steps.tolist() == stream.steps.tolist()
    assert found.stalls == stream.stalls and (found.header.lean or not stream.stalls)
    assert len(stream) % word_bytes == 0
    assert sum(stream.bits.values()) == 8 * len(stream)
    assert min(stream.bits.values()) >= 0
    if parameters is None:
        assert found.parameters is None
    else:
        for name in ("bias", "mantissa", "shift"):
            values, given = getattr(found.parameters, name), getattr(parameters, name)
            assert (values[:len(given)] == given).all()
            assert not values[len(given):].any()
            assert len(values) == -(-len(given) // columns) * columns
    return stream, found


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_round_trip(data):
    draw, pick = data.draw, st.sampled_from
    codec, four_bit = draw(pick(CODECS)), draw(st.booleans())
    codebook = draw(st.booleans()) and not (four_bit and codec == "dense")
    lanes, columns = draw(pick((4, 8, 16, 32, 64))), draw(st.integers(1, 16))
    reuse, output_blocks = draw(st.booleans()), draw(st.integers(1, 3))
    kind = draw(pick(("none", "small", "wide", "each", "all", "long", "all long")))
    generator = np.random.default_rng(draw(st.integers(0, 1000)))
    shape = (1 if reuse else output_blocks, draw(st.one_of(st.just(1), st.integers(1, 40))),
             1 + four_bit, lanes, columns)
    fixed = draw(pick((None, False, True))) if codec == "csr" and not codebook else None
    values = values_of(four_bit, codebook)[:draw(st.integers(1, 31))]
    blocks = random_blocks(generator, shape, draw(pick(DENSITIES)), values,
                           draw(pick((0.0, 0.7))))
    if four_bit and lanes == 64:
        blocks[..., 0, 0, :] = 0  # 127 entries at most with fixed counts
    channels = output_blocks * columns - draw(st.integers(0, columns - 1))
    lean = draw(pick((None, False, True)))
    if lean and shape[0] == output_blocks:
        blocks[-1, ..., columns - (output_blocks * columns - channels):] = 0
    stream, found = check(
        blocks, codec, random_parameters(generator, kind, channels),
        draw(pick((4, 8, 16, 32))), four_bit=four_bit, codebook=codebook, reuse=reuse,
        block_map=draw(pick((None, True, False))), fixed=fixed,
        goal=draw(pick(("bits", "cycles"))), lean=lean,
        channels=channels if kind == "none" and not reuse else None)
    assert (np.diff(stream.dealt) >= 0).all()
    assert stream.dealt[-1] <= found.header.granules
    header = found.header
    assert (header.codec, header.four_bit, header.reuse) == (codec, four_bit, reuse)
    assert (header.values.entries is not None) == (codebook or (codec == "huffman" and four_bit))
    if fixed is not None:
        assert bool(header.fixed) == fixed
    if lean is not None:
        assert header.lean == lean


@pytest.mark.parametrize("codebook", [False, True])
@pytest.mark.parametrize("four_bit", [False, True])
@pytest.mark.parametrize("codec", CODECS)
def test_every_kind_of_stream(codec, four_bit, codebook):
    generator = np.random.default_rng(0)
    codebook &= not (four_bit and codec == "dense")
    for density in DENSITIES:
        blocks = random_blocks(generator, (2, 5, 1 + four_bit, 16, 16), density,
                               values_of(four_bit, codebook))
        check(blocks, codec, four_bit=four_bit, codebook=codebook)
        check(blocks[:1, :1], codec, four_bit=four_bit, codebook=codebook)
    everything = np.full((1, 2, 1 + four_bit, 64, 3), 5, np.int8)  # the largest counts
    check(everything, codec, four_bit=four_bit, codebook=codebook)


@pytest.mark.parametrize("entries", [1, 2, 3, 4, 5, 16, 17, 32])
@pytest.mark.parametrize("codec", CODECS)
def test_every_size_of_codebook(codec, entries):
    generator = np.random.default_rng(entries)
    values = np.arange(1, entries + (codec != "dense"))
    blocks = random_blocks(generator, (2, 20, 1, 16, 16), 0.5, values if len(values) else [0])
    _, found = check(blocks, codec, codebook=True)
    assert len(found.header.values.entries) == entries
    if codec != "huffman":
        assert found.header.values.width == max(1, math.ceil(math.log2(entries)))


def tensor(shape, density, values, seed):
    generator = torch.Generator().manual_seed(seed)
    chosen = torch.tensor(values, dtype=torch.int8)[
        torch.randint(len(values), shape, generator=generator)]
    return chosen * (torch.rand(shape, generator=generator) < density)


@pytest.mark.parametrize("lanes, columns", [(16, 16), (4, 3), (64, 1)])
@pytest.mark.parametrize("shape", [(1, 1, 1, 1), (20, 1, 5, 5), (35, 21, 2, 3), (17, 17, 1, 1)])
def test_layers(shape, lanes, columns):
    generator = np.random.default_rng(0)
    for codec in CODECS:
        for bits, kind in ((8, "small"), (4, "all"), (8, "none"), (8, "long")):
            weights = tensor(shape, 0.3, values_of(bits == 4, False), 1)
            given = random_parameters(generator, kind, shape[0])
            stream = encode(weights, codec, bits=bits, lanes=lanes, columns=columns,
                            parameters=given, codebook=bits == 4)
            assert torch.equal(decode(stream), weights)
            assert sum(stream.bits.values()) == 8 * len(stream)
            found = decode_blocks(stream.data, lanes=lanes, columns=columns).parameters
            if given is not None:
                assert (found.bias[:shape[0]] == given.bias).all()
                assert not any(part[shape[0]:].any() for part in (found.bias, found.mantissa,
                                                                  found.shift))
                assert (found.mantissa[:shape[0]] == given.mantissa).all()
                assert (found.shift[:shape[0]] == given.shift).all()
                assert stream.bits["biases"] == shape[0] * (32 if kind == "all" else 16)
                assert stream.bits["scales"] == {"small": 32, "all": 32 * shape[0],
                                                 "long": 64}[kind]


@pytest.mark.parametrize("density, huffman, within_blocks", [
    (0.1, 4.73, 6.5), (0.018, 7.27, 17.9), (0.0093, 8.25, 30.7),
])
def test_bits_of_positions(density, huffman, within_blocks):
    """Runs that go on across blocks, against the known costs of plain ones that don't."""
    mask = tensor((512, 1024, 1, 1), density, [1], 1)
    count = int(mask.count_nonzero())
    found = encode(mask, "huffman", codebook=True, block_map=False).bits["weights"] / count
    assert found == pytest.approx(huffman, rel=0.02)
    entropy = -sum(part * math.log2(part) for part in (density, 1 - density)) / density
    assert entropy * 0.98 < found < entropy * 1.02
    # an index into a table of one takes a bit
    plain = encode(mask, "rle", codebook=True, block_map=False).bits["weights"] / count - 1
    assert huffman < plain < within_blocks


def test_bytes_of_tenth():
    """All bytes, of 8-bit weights at a tenth of the positions, against the entropy."""
    values = [value for value in range(-127, 128) if value]
    weights = tensor((1024, 1024, 1, 1), 0.1, values, 1)
    density = int(weights.count_nonzero()) / weights.numel()
    bits = -sum(part * math.log2(part) for part in (density, 1 - density))
    bits += density * math.log2(len(values))
    assert 8 * len(encode(weights, "huffman")) < 1.01 * bits * weights.numel()
    assert 8 * len(encode(weights, "rle")) < 1.04 * bits * weights.numel()


def test_empty_steps_cost_a_bit():
    generator = np.random.default_rng(0)
    blocks = random_blocks(generator, (4, 144, 1, 16, 16), 1.0, [1, 2, 3], 0.8)
    present = blocks.any(axis=(2, 3, 4))
    present[:, -1] = True
    for codec in CODECS:
        stream, found = check(blocks, codec)
        assert stream.bits["map"] == 4 * 144
        assert (found.kept == present).all()
        everything, found = check(blocks, codec, block_map=False)
        assert everything.bits["map"] == 0
        assert found.kept.all()
        assert len(stream) < len(everything)
        if codec == "dense":
            assert stream.bits["weights"] == int(present.sum()) * 256 * 8


def test_patterns():
    """2 of 4: no numbers of entries, and none sent that is zero."""
    generator = np.random.default_rng(0)
    ranks = generator.random((2, 30, 1, 4, 4, 16)).argsort(axis=4)
    blocks = (ranks < 2).reshape(2, 30, 1, 16, 16).astype(np.int8) * np.int8(7)
    stream, found = check(blocks, "csr")
    assert found.header.fixed == 8
    assert stream.bits["weights"] == blocks.any() * np.count_nonzero(blocks) * (4 + 8)
    assert (stream.steps == 8).all()
    other, found = check(blocks, "csr", fixed=False)
    assert found.header.fixed == 0
    assert other.bits["weights"] - stream.bits["weights"] == 2 * 30 * 16 * 4
    assert (other.steps == 9).all()


@pytest.mark.parametrize("codec", ["rle", "huffman"])
def test_goals(codec):
    """Fewer cycles for more bits: longer runs take less escapes."""
    generator = np.random.default_rng(0)
    blocks = random_blocks(generator, (4, 200, 1, 16, 16), 0.018, values_of(False, False))
    few, _ = check(blocks, codec)
    fast, _ = check(blocks, codec, goal="cycles")

    def cycles(stream):
        return max(stream.steps.sum(), len(stream) / 8)
    assert len(few) < len(fast)
    assert cycles(few) > cycles(fast)


def test_lanes_of_very_different_loads():
    blocks = np.zeros((3, 190, 1, 16, 16), np.int8)
    blocks[..., 5] = random_blocks(np.random.default_rng(0), (3, 190, 1, 16, 1), 0.9,
                                   [1, -1, 2])[..., 0]
    blocks[1, 70, 0, 3, 7] = 3
    for codec in CODECS:
        for goal in ("bits", "cycles"):
            check(blocks, codec, block_map=False, goal=goal)


@pytest.mark.parametrize("codec", ["rle", "huffman"])
def test_nothing_at_all(codec):
    stream, found = check(np.zeros((1, 7, 1, 16, 16), np.int8), codec, block_map=False)
    assert found.header.granules == 2 * (3 if codec == "rle" else 4)
    assert stream.steps.tolist() == [1] * 7


def test_streams_of_the_documentation():
    """docs/weight-stream.md: anyone's decoder can be tried on them."""
    page = Path(__file__).resolve().parents[3] / "docs" / "weight-stream.md"
    weights = np.array([0, 0, 3, 0, 0, 0, 0, 0, -1, 0, 0, 2], np.int8).reshape(1, 3, 1, 4, 1)
    found = dict(re.findall(r"^(\w+) +((?:[0-9a-f]{2} ?){16,})$", page.read_text(), re.M))
    assert tuple(found) == CODECS
    for codec, text in found.items():
        data = bytes.fromhex(text)
        assert (decode_blocks(data, lanes=4, columns=1).blocks == weights).all()
        assert encode_blocks(weights, codec, codebook=codec == "huffman", block_map=False,
                             fixed=None if codec != "csr" else False).data == data


def test_streams_that_are_too_long(monkeypatch):
    monkeypatch.setattr(sys.modules["sparrow.golden.codec.assemble"], "MOST_GRANULES", 9)
    with pytest.raises(ValueError, match="stream must have at most 9 granules of 16 bits, not 134"):
        encode(tensor((16, 9, 1, 1), 1.0, [1], 0), "dense")


def test_headers_alone():
    header = read_header(encode(tensor((5, 9, 1, 1), 0.5, [1], 0), "csr").data, lanes=16)
    assert (header.codec, header.output_blocks, header.steps) == ("csr", 1, 1)


BLOCKS = np.zeros((2, 3, 1, 16, 4), np.int8)


@pytest.mark.parametrize("error, changes, text", [
    (TypeError, {"blocks": BLOCKS.astype(float)},
     "blocks must be an array of int8, not float64"),
    (TypeError, {"blocks": [1]}, "blocks must be an array of int8, not list"),
    (ValueError, {"blocks": BLOCKS[0]},
     "blocks must have 5 dimensions of at least 1, the third of 1, not shape (3, 1, 16, 4)"),
    (ValueError, {"four_bit": True},
     "blocks must have 5 dimensions of at least 1, the third of 2, not shape (2, 3, 1, 16, 4)"),
    (ValueError, {"blocks": BLOCKS[:, :, :, :5]},
     "lanes must be a power of two from 4 to 64, not 5"),
    (ValueError, {"blocks": np.zeros((1, 1, 1, 4, 65), np.int8)},
     "columns must be an integer from 1 to 64, not 65"),
    (ValueError, {"reuse": True}, "blocks must be of at most 65535 output blocks of 65535, with "
     "reuse of one, not shape (2, 3, 1, 16, 4)"),
    (ValueError, {"codec": "zip"},
     "codec must be one of dense, bitmask, rle, csr, huffman, not 'zip'"),
    (ValueError, {"four_bit": True, "blocks": np.full((1, 1, 2, 4, 4), -9, np.int8)},
     "weights must be -8 to 7 in 4 bits, not -9"),
    (ValueError, {"four_bit": True, "codec": "dense", "codebook": True,
                  "blocks": np.zeros((1, 1, 2, 4, 4), np.int8)},
     "codebook must not be given with dense weights of 4 bits"),
    (ValueError, {"codec": "rle", "fixed": True},
     "fixed must be given with csr without a codebook, not with rle"),
    (ValueError, {"codebook": True, "fixed": True},
     "fixed must be given with csr without a codebook, not with csr and one"),
    (ValueError, {"fixed": True, "blocks": np.ones((1, 1, 2, 64, 4), np.int8), "four_bit": True},
     "blocks must have at most 127 nonzeros of a column for fixed counts, not 128"),
    (ValueError, {"goal": "area"}, "goal must be one of bits, cycles, not 'area'"),
    (ValueError, {"word_bytes": 6}, "word_bytes must be 4, 8, 16 or 32, not 6"),
    (ValueError, {"codebook": True,
                  "blocks": np.arange(64, dtype=np.int8).reshape(1, 1, 1, 16, 4)},
     "weights must have at most 32 values for a codebook, not 63"),
    (ValueError, {"parameters": Parameters(np.zeros(2), np.zeros(3), np.zeros(2))},
     "parameters must be for 8 output channels, not 2, 3"),
    (ValueError, {"parameters": Parameters(np.zeros(8), np.full(8, 2**32), np.zeros(8))},
     "mantissa must be 0 to 4294967295, not 4294967296"),
])
def test_what_cannot_be_encoded(error, changes, text):
    with pytest.raises(error) as caught:
        encode_blocks(**{"blocks": BLOCKS, "codec": "csr"} | changes)
    assert str(caught.value) == text


WEIGHTS = torch.zeros(2, 3, 1, 1, dtype=torch.int8)


@pytest.mark.parametrize("error, changes, text", [
    (TypeError, {"weights": WEIGHTS.float()},
     "weights must be a tensor of torch.int8, not torch.float32"),
    (ValueError, {"weights": WEIGHTS[0]},
     "weights must have 4 dimensions of at least 1, not shape (3, 1, 1)"),
    (ValueError, {"bits": 5}, "bits must be 8 or 4, not 5"),
    (ValueError, {"lanes": 12}, "lanes must be a power of two from 4 to 64, not 12"),
    (ValueError, {"columns": True}, "columns must be an integer from 1 to 64, not True"),
    (ValueError, {"parameters": Parameters(np.zeros(2), np.zeros(3), np.zeros(2))},
     "parameters must be for 2 output channels, not 2, 3"),
])
def test_layers_that_cannot_be_encoded(error, changes, text):
    with pytest.raises(error) as caught:
        encode(**{"weights": WEIGHTS, "codec": "csr"} | changes)
    assert str(caught.value) == text


def test_blocks_are_no_layer():
    with pytest.raises(ValueError, match="stream must be a layer's, with its shape, not of some"):
        decode(Stream(data=b""))
