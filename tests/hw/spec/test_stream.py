"""Numbers of the streams' format: as the document has them."""

import re
from pathlib import Path

import pytest

from sparrow.hw.spec import stream
from sparrow.hw.spec.stream import FIRST_WORD, first_word, first_word_fields

TEXT = (Path(__file__).resolve().parents[3] / "docs" / "weight-stream.md").read_text()


def test_the_document_has_the_fields_of_the_first_word():
    table = TEXT[TEXT.index("| word | bits | what |"):TEXT.index("| 1 | 0–25 |")]
    told = [tuple(map(int, place.split("–"))) for place in
            re.findall(r"^\| (?:0 )?\| ?(\d+(?:–\d+)?) \|", table, re.M)]
    low, found = 0, []
    for width in FIRST_WORD.values():
        found.append((low, low + width - 1) if width > 1 else (low,))
        low += width
    assert told == found
    assert low == 32


@pytest.mark.parametrize("text", [
    f"| version, {stream.STREAM_VERSION} |",
    f"A *granule* is {stream.GRANULE} bits",
    f"| 1 | 0–{stream.GRANULES_BITS - 1} | granules",
    f"rle: r, 1 to {stream.RUN_BITS}.",
    f"L bits, {stream.RUN_CODE_BITS} of runs and {stream.VALUE_CODE_BITS} of values",
    "in {}, {}, {}, {}, {}, {} and {} bits".format(*stream.CODE_COUNT_BITS),
])
def test_the_document_has_the_numbers(text):
    assert text in " ".join(TEXT.split())


def test_fields_of_the_first_word():
    word = first_word(version=4, codec=3, fixed=1, argument=77, last_entry=31)
    assert word == 4 | 3 << 4 | 1 << 14 | 77 << 16 | 31 << 24
    fields = first_word_fields(word)
    assert list(fields) == list(FIRST_WORD)
    assert first_word(**fields) == word
    assert first_word_fields((1 << 32) - 1) == {
        name: (1 << width) - 1 for name, width in FIRST_WORD.items()}
