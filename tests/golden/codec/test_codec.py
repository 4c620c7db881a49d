"""Streams hold all that was put in, in few bits."""

import math
import re
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
    StreamError,
    decode,
    encode,
    read,
    read_header,
)

DENSITIES = 0.0, 0.02, 0.2, 0.6, 1.0


def tensor(shape, density, values, seed):
    """Weights of some of ``values``, none of them 0, at random positions."""
    generator = torch.Generator().manual_seed(seed)
    chosen = torch.tensor(values, dtype=torch.int8)[
        torch.randint(len(values), shape, generator=generator)]
    return chosen * (torch.rand(shape, generator=generator) < density)


def values_of(bits, codebook):
    if bits == 4:
        return [value for value in range(-8, 8) if value]
    return [-128, -9, 5, 77, 127, *range(-60, -33)][:31] if codebook else [
        value for value in range(-128, 128) if value]


SIZE = st.one_of(st.just(1), st.integers(1, 40))


@settings(max_examples=100, deadline=None)
@given(st.tuples(SIZE, SIZE, st.integers(1, 3), st.integers(1, 3)), st.sampled_from(DENSITIES),
       st.sampled_from(CODECS), st.sampled_from((8, 4)), st.booleans(), st.integers(1, 31),
       st.sampled_from(((16, 16), (4, 8), (1, 1), (64, 3), (5, 2))),
       st.sampled_from((None, True, False)), st.integers(0, 1000))
def test_round_trip(shape, density, codec, bits, codebook, count, array, block_map, seed):
    weights = tensor(shape, density, values_of(bits, codebook)[:count], seed)
    lanes, columns = array
    stream = encode(weights, codec, bits=bits, codebook=codebook, lanes=lanes, columns=columns,
                    block_map=block_map)
    assert torch.equal(decode(stream), weights)
    assert len(stream) % 8 == 0
    assert sum(stream.bits.values()) == 8 * len(stream)


@pytest.mark.parametrize("codebook", [False, True])
@pytest.mark.parametrize("bits", [8, 4])
@pytest.mark.parametrize("codec", CODECS)
def test_every_kind_of_stream(codec, bits, codebook):
    for number, density in enumerate(DENSITIES):
        weights = tensor((35, 21, 2, 3), density, values_of(bits, codebook), number)
        stream = encode(weights, codec, bits=bits, codebook=codebook)
        assert torch.equal(decode(stream), weights)
        header = read_header(stream)
        assert (header.codec, header.bits) == (codec, bits)
        has_table = codebook or (codec == "huffman" and bits == 4)
        assert (header.values.entries is not None) == has_table


@pytest.mark.parametrize("entries", [1, 2, 3, 4, 5, 16, 17, 32])
@pytest.mark.parametrize("codec", CODECS)
def test_every_size_of_codebook(codec, entries):
    values = list(range(1, entries + (codec != "dense")))
    weights = tensor((20, 40, 1, 1), 0.5, values or [1], entries) if values else (
        torch.zeros(20, 40, 1, 1, dtype=torch.int8))
    stream = encode(weights, codec, codebook=True)
    assert torch.equal(decode(stream), weights)
    found = read_header(stream).values
    assert len(found.entries) == entries
    if codec != "huffman":
        assert found.width == max(1, math.ceil(math.log2(entries)))


@pytest.mark.parametrize("bias, mantissa, shift", [
    ([-2**15, 0, 2**15 - 1], [5, 5, 5], [3, 3, 3]),
    ([-2**31, 0, 2**31 - 1], [65535, 0, 7], [63, 0, 5]),
    ([1, 2, 3], [2**31 - 1, 2**31 - 1, 1], [1, 1, 1]),
])
@pytest.mark.parametrize("columns", [2, 16])
def test_parameters(bias, mantissa, shift, columns):
    given = Parameters(*map(np.array, (bias, mantissa, shift)))
    weights = tensor((3, 8, 3, 3), 0.3, [1, 2], 0)
    for codec in CODECS:
        found = read(encode(weights, codec, parameters=given, columns=columns))
        assert torch.equal(found.weights, weights)
        assert found.parameters.bias.tolist() == bias
        assert found.parameters.mantissa.tolist() == mantissa
        assert found.parameters.shift.tolist() == shift
    assert read(encode(weights, "csr")).parameters is None


@pytest.mark.parametrize("density, huffman, within_blocks", [
    (0.1, 4.73, 6.5), (0.018, 7.27, 17.9), (0.0093, 8.20, 30.7),
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


def test_empty_steps_cost_a_bit():
    weights = tensor((64, 256, 3, 3), 1.0, [1, 2, 3], 0)
    kept = torch.rand(4, 1, 16, 1, 3, 3, generator=torch.Generator().manual_seed(0)) < 0.2
    weights = (weights.view(4, 16, 16, 16, 3, 3) * kept).view(weights.shape)
    for codec in CODECS:
        stream = encode(weights, codec)
        assert stream.bits["map"] == 4 * 144
        assert torch.equal(decode(stream), weights)
        everything = encode(weights, codec, block_map=False)
        assert everything.bits["map"] == 0
        assert len(stream) < len(everything)
        if codec == "dense":
            assert stream.bits["weights"] == int(kept.sum()) * 256 * 8


def test_positions_that_are_not_there_cost_nothing():
    """Neither channels past a layer's own, nor columns without an output channel."""
    for shape in ((1, 1, 1, 1), (17, 17, 1, 1), (3, 33, 2, 2), (20, 1, 5, 5)):
        weights = tensor(shape, 1.0, [7], 0)
        assert encode(weights, "dense").bits["weights"] == 8 * weights.numel()
        assert encode(weights, "bitmask").bits["weights"] == 9 * weights.numel()
        assert encode(weights, "dense", bits=4).bits["weights"] == 4 * weights.numel()


def test_fillings_are_padding():
    weights = torch.zeros(16, 64, 1, 1, dtype=torch.int8)
    weights[3, 0] = 5
    stream = encode(weights, "rle", block_map=False)
    assert (stream.bits["weights"], read_header(stream).granules) == (1 + 8, 1)


def test_lanes_of_very_different_loads():
    weights = torch.zeros(48, 300, 3, 3, dtype=torch.int8)
    weights[5::16] = tensor((3, 300, 3, 3), 0.9, [1, -1, 2], 3)
    weights[7, 5, 1, 1] = 3
    for codec in CODECS:
        stream = encode(weights, codec, block_map=False)
        assert torch.equal(decode(stream), weights)
    # nobody but lane 5 gets more than a granule
    header = read_header(encode(weights, "huffman"))
    assert header.granules <= encode(weights, "huffman").bits["weights"] // 16 + 2


def test_streams_of_the_documentation():
    """docs/weight-stream.md: anyone's decoder can be tried on them."""
    page = Path(__file__).resolve().parents[3] / "docs" / "weight-stream.md"
    weights = torch.tensor([0, 0, 3, 0, 0, 0, 0, 0, -1, 0, 0, 2], dtype=torch.int8)
    found = dict(re.findall(r"^(\w+) +((?:[0-9a-f]{2} ?){16,})$", page.read_text(), re.M))
    assert tuple(found) == CODECS
    for codec, text in found.items():
        stream = Stream(data=bytes.fromhex(text), lanes=4, columns=1)
        assert torch.equal(decode(stream).flatten(), weights)
        assert encode(weights.view(1, 12, 1, 1), codec, codebook=codec == "huffman", lanes=4,
                      columns=1, block_map=False).data == stream.data



WEIGHTS = torch.zeros(2, 3, 1, 1, dtype=torch.int8)


@pytest.mark.parametrize("error, changes, text", [
    (TypeError, {"weights": WEIGHTS.float()},
     "weights must be a tensor of torch.int8, not torch.float32"),
    (TypeError, {"weights": [1]}, "weights must be a tensor of torch.int8, not list"),
    (ValueError, {"weights": WEIGHTS[0]},
     "weights must have 4 dimensions of at least 1, not shape (3, 1, 1)"),
    (ValueError, {"weights": WEIGHTS[:0]},
     "weights must have 4 dimensions of at least 1, not shape (0, 3, 1, 1)"),
    (ValueError, {"codec": "zip"},
     "codec must be one of dense, bitmask, rle, csr, huffman, not 'zip'"),
    (ValueError, {"bits": 5}, "bits must be 8 or 4, not 5"),
    (ValueError, {"bits": 4, "weights": WEIGHTS + 8}, "weights must be -8 to 7 in 4 bits, not 8"),
    (ValueError, {"bits": 4, "weights": WEIGHTS - 9}, "weights must be -8 to 7 in 4 bits, not -9"),
    (ValueError, {"lanes": 65}, "lanes must be an integer from 1 to 64, not 65"),
    (ValueError, {"columns": True}, "columns must be an integer from 1 to 64, not True"),
    (ValueError, {"codebook": True, "weights": torch.arange(36, dtype=torch.int8).view(6, 6, 1, 1)},
     "weights must have at most 32 values for a codebook, not 35"),
    (ValueError, {"parameters": Parameters(np.zeros(2), np.zeros(3), np.zeros(2))},
     "parameters must be for 2 output channels, not 2, 3"),
])
def test_what_cannot_be_encoded(error, changes, text):
    with pytest.raises(error) as caught:
        encode(**{"weights": WEIGHTS, "codec": "csr"} | changes)
    assert str(caught.value) == text
    assert not isinstance(caught.value, StreamError)
