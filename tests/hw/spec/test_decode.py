"""The specification of the decompressor."""

import pytest

from sparrow.hw.spec import Codec, DecompressorSpec, SpecError


def test_defaults():
    spec = DecompressorSpec()
    assert spec.to_mapping() == {
        "lanes": 16, "columns": 16, "int4": True,
        "codecs": ["dense", "bitmask", "rle", "csr", "huffman"], "codebook": 16,
        "data_width": 64, "fifo_bytes": 1024, "mantissa_width": 16}
    assert DecompressorSpec.from_mapping(spec.to_mapping()) == spec
    assert hash(spec) == hash(DecompressorSpec())


def test_reads_its_own_toml(tmp_path):
    spec = DecompressorSpec(codecs=("csr", Codec.DENSE), codebook=0)
    path = tmp_path / "spec.toml"
    path.write_text(spec.to_toml(), encoding="utf-8")
    assert DecompressorSpec.from_toml(path) == spec
    assert spec.codecs == (Codec.DENSE, Codec.CSR)
    assert spec.has(Codec.CSR, Codec.RLE)
    assert not spec.has(Codec.RLE)


def test_numbers_of_codecs():
    assert [codec.number for codec in Codec] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("data_width, granules, banks, window, words", [
    (32, 2, 4, 8, 256), (64, 4, 4, 16, 128), (128, 8, 4, 32, 64), (256, 16, 4, 64, 32)])
def test_granules_at_hand(data_width, granules, banks, window, words):
    spec = DecompressorSpec(data_width=data_width)
    assert (spec.granules, spec.banks, spec.window, spec.fifo_words) == (
        granules, banks, window, words)


@pytest.mark.parametrize("fields, positions, lane_width, position_width", [
    ({}, 32, 4, 5), ({"int4": False}, 16, 4, 4), ({"lanes": 4}, 8, 2, 3),
    ({"lanes": 64}, 128, 6, 7)])
def test_positions(fields, positions, lane_width, position_width):
    spec = DecompressorSpec(**fields)
    assert (spec.positions, spec.lane_width, spec.position_width) == (
        positions, lane_width, position_width)


_CODECS = ("codecs must be a sequence of 'dense', 'bitmask', 'rle', 'csr', 'huffman', each once, ")


@pytest.mark.parametrize("values, error, text", [
    ({"lanes": 2}, SpecError, "lanes must be an integer from 4 to 64, not 2"),
    ({"lanes": 24}, SpecError, "lanes must be one of 4, 8, 16, 32, 64, not 24"),
    ({"columns": 65}, SpecError, "columns must be an integer from 1 to 64, not 65"),
    ({"int4": 1}, TypeError, "int4 must be true or false, not 1"),
    ({"codecs": []}, SpecError, _CODECS + "at least one, not []"),
    ({"codecs": "rle"}, TypeError, _CODECS + "not 'rle'"),
    ({"codecs": ["rle", "rle"]}, SpecError, _CODECS + "not ['rle', 'rle']"),
    ({"codecs": ["lz4"]}, SpecError, _CODECS + "not ['lz4']"),
    ({"codecs": [["rle"]]}, SpecError, _CODECS + "not [['rle']]"),
    ({"codebook": 33}, SpecError, "codebook must be an integer from 0 to 32, not 33"),
    ({"codebook": 1}, SpecError, "codebook must be 0 or an integer from 2 to 32, not 1"),
    ({"data_width": 48}, SpecError, "data_width must be one of 32, 64, 128, 256, not 48"),
    ({"fifo_bytes": 64}, SpecError, "fifo_bytes must be an integer from 128 to 65536, not 64"),
    ({"fifo_bytes": 192}, SpecError, "fifo_bytes must be a power of two, not 192"),
    ({"mantissa_width": 25}, SpecError,
     "mantissa_width must be an integer from 4 to 24, not 25"),
])
def test_refuses(values, error, text):
    with pytest.raises(error) as caught:
        DecompressorSpec(**values)
    assert str(caught.value) == text
