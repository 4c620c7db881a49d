"""Numbers of the format of weight streams (docs/weight-stream.md), for hardware and software."""

__all__ = ["CHECKSUM_BYTES", "CODE_COUNT_BITS", "FIRST_WORD", "GRANULE", "GRANULES_BITS",
           "MOST_RUN_CODES", "RUN_BITS", "RUN_CODE_BITS", "STREAM_VERSION", "VALUE_CODE_BITS",
           "first_word", "first_word_fields"]

STREAM_VERSION = 4
GRANULE = 16  # bits that are dealt at a time, and steps that a granule of a map tells of
CHECKSUM_BYTES = 4

FIRST_WORD = {
    "version": 4, "codec": 3, "four_bit": 1, "table": 1, "map": 1, "parameters": 1, "wide": 1,
    "each": 1, "reuse": 1, "fixed": 1, "long": 1, "argument": 7, "lean": 1, "last_entry": 5,
    "spare": 3}
"""Bits of the first word's fields, from the lowest one on."""

GRANULES_BITS = 26  # of the second word; above is the last column of the last output block
RUN_BITS = 6  # of rle's runs at most, and of the rank of a prefix code of runs
MOST_RUN_CODES = (1 << RUN_BITS) - 1  # the escape's among them
RUN_CODE_BITS = 8  # of the longest prefix codes of runs
VALUE_CODE_BITS = 7  # and of values
CODE_COUNT_BITS = 2, 3, 4, 5, 6, 6, 6  # of the numbers of prefix codes of 1, 2 ... bits


def first_word(**values: int) -> int:
    """The first word with these fields, 0 for all others."""
    word, low = 0, 0
    for name, width in FIRST_WORD.items():
        value = int(values.pop(name, 0))
        assert 0 <= value < 1 << width
        word |= value << low
        low += width
    assert not values
    return word


def first_word_fields(word: int) -> dict[str, int]:
    """The counterpart: all fields of the first word."""
    fields, low = {}, 0
    for name, width in FIRST_WORD.items():
        fields[name] = word >> low & (1 << width) - 1
        low += width
    return fields
