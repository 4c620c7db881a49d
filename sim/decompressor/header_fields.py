"""What a decoder's lanes are told of a stream's header."""

from typing import Any

from sparrow.golden.codec import Header

__all__ = ["header_fields"]

_LENGTHS = range(1, 9)  # of prefix codes


def _code_fields(counts: list[int]) -> dict:
    """A prefix code as :func:`sparrow.hw.decode.config.code_layout` wants it."""
    free, offsets, total, left = {}, {}, 0, 1
    for length, count in zip(_LENGTHS, counts, strict=True):
        if length > 1:
            offsets[f"l{length}"] = (1 << length) - 2 * left - total
        left = free[f"l{length}"] = 2 * left - count
        total += count
    return {"free": free, "offsets": offsets}


def header_fields(codebook: int, header: Header, data: bytes) -> dict[str, Any]:
    """A header as :func:`sparrow.hw.decode.config.header_layout` wants it, all that it may have.

    Parameters
    ----------
    codebook : int
        Entries of the largest table.
    header : Header
    data : bytes
        The stream that it is of.
    """
    argument = header.fixed or header.count_bits
    if header.runs is not None:
        argument = header.runs.run_bits or header.runs.escape_rank
    fields: dict[str, Any] = {
        "codec": {header.codec: 1}, "fixed": header.fixed > 0, "argument": argument,
        "four_bit": header.four_bit, "table": header.values.entries is not None,
        "escape_run": 0, "single": 0}
    place = 12 + 4 * (header.scale is not None)
    if header.values.entries is not None:
        entries = [value & 0xFF for value in header.values.entries]
        fields["last_entry"] = len(entries) - 1
        fields["entries"] = entries + [0] * (codebook - len(entries))
        place += -(-len(entries) // 4) * 4
    if header.codec == "huffman":
        assert header.runs is not None
        fields["escape_run"] = header.runs.limit
        fields["runs"] = _code_fields(list(data[place:place + 8]))
        if header.values.code is not None:
            fields["values"] = _code_fields(list(data[place + 8:place + 16]))
            fields["single"] = not header.values.code.counts
    return fields
