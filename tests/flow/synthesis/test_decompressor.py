"""What isn't in a decompressor's specification costs no gates."""

import pytest

from sparrow.flow.blocks import block
from sparrow.flow.synthesis import estimate
from sparrow.hw.spec import DecompressorSpec

SMALL = {"lanes": 4, "columns": 2, "codebook": 4, "data_width": 32, "fifo_bytes": 64}
CODECS = ["dense", "bitmask", "rle", "csr", "huffman"]


def cost(**changes):
    found = block("decompressor")
    return estimate(found.verilog(DecompressorSpec(**{**SMALL, **changes})), found.top_name)


@pytest.fixture(scope="module")
def everything():
    return cost()


@pytest.mark.parametrize("codec", [
    "huffman", *(pytest.param(codec, marks=pytest.mark.heavy) for codec in CODECS[1:-1])])
def test_codec_left_out(codec, everything):
    less = cost(codecs=[other for other in CODECS if other != codec])
    assert less.nand2_equivalents < everything.nand2_equivalents
    assert less.flip_flops <= everything.flip_flops


@pytest.mark.heavy
@pytest.mark.parametrize("other", ["bitmask", "rle", "csr"])
def test_dense_left_out(other):
    """Of two codecs: it takes 35 to 100 gates, less than mapping scatters with all codecs."""
    less, both = cost(codecs=[other]), cost(codecs=["dense", other])
    assert less.nand2_equivalents < both.nand2_equivalents
    assert less.flip_flops < both.flip_flops


def test_dense_alone_has_no_tables(everything):
    """No registers for entries, codes, masks or counts: nothing but words and a header."""
    dense = cost(codecs=["dense"], codebook=0, int4=False)
    assert dense.nand2_equivalents < 0.6 * everything.nand2_equivalents
    with_table = cost(codecs=["dense"], codebook=4, int4=False)
    assert with_table.flip_flops - dense.flip_flops >= 4 * 8
    assert dense.memory_bits == with_table.memory_bits == everything.memory_bits
    text = block("decompressor").verilog(DecompressorSpec(
        **SMALL | {"codecs": ["dense"], "codebook": 0}))
    for table in ("entries", "limits", "offsets", "codes"):
        assert table not in text, table
