"""What a decoder's lanes are told of a stream's header."""

from itertools import zip_longest
from typing import Any

from sparrow.golden.codec import Header
from sparrow.golden.codec.prefix import PrefixCode
from sparrow.hw.spec.stream import RUN_CODE_BITS, VALUE_CODE_BITS

__all__ = ["header_fields"]


def _code_fields(code: PrefixCode, longest: int) -> dict:
    """A prefix code as :func:`sparrow.hw.decode.config.code_layout` wants it."""
    free, offsets, total, left = {}, {}, 0, 1
    for length, count in zip_longest(range(1, longest + 1), code.counts, fillvalue=0):
        if length > 1:
            offsets[f"l{length}"] = (1 << length) - 2 * left - total
        left = 2 * left - count
        if length < longest:
            free[f"l{length}"] = left
        total += count
    return {"free": free, "offsets": offsets}


def header_fields(codebook: int, header: Header) -> dict[str, Any]:
    """A header as :func:`sparrow.hw.decode.config.header_layout` wants it, all that it may have.

    Parameters
    ----------
    codebook : int
        Entries of the largest table.
    header : Header
    """
    argument = header.fixed or header.count_bits
    if header.runs is not None:
        argument = header.runs.run_bits or header.runs.escape_rank
    fields: dict[str, Any] = {
        "codec": {header.codec: 1}, "fixed": header.fixed > 0, "argument": argument,
        "four_bit": header.four_bit, "table": header.values.entries is not None,
        "escape_run": 0, "single": 0}
    if header.values.entries is not None:
        entries = [value & 0xFF for value in header.values.entries]
        fields["last_entry"] = len(entries) - 1
        fields["entries"] = entries + [0] * (codebook - len(entries))
    if header.codec == "huffman":
        assert header.runs is not None and header.runs.code is not None
        fields["escape_run"] = header.runs.limit
        fields["runs"] = _code_fields(header.runs.code, RUN_CODE_BITS)
        if header.values.code is not None:
            fields["values"] = _code_fields(header.values.code, VALUE_CODE_BITS)
            fields["single"] = not header.values.code.counts
    return fields
