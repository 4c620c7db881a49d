"""The specification of the bus."""

import pytest

from sparrow.hw.spec.base import SpecError
from sparrow.hw.spec.bus import BusSpec


def test_defaults():
    spec = BusSpec()
    assert spec.to_mapping() == {
        "protocol": "axi4", "data_width": 64, "address_width": 32, "max_burst": 16,
        "outstanding": 8, "cache": 3, "prot": 0}
    assert BusSpec.from_mapping(spec.to_mapping()) == spec


@pytest.mark.parametrize("fields, word_bytes, size_code, burst_words, page_words, page_width", [
    ({}, 8, 3, 16, 512, 20),
    ({"data_width": 32, "max_burst": 256, "address_width": 64}, 4, 2, 256, 1024, 52),
    ({"data_width": 128, "max_burst": 31}, 16, 4, 16, 256, 20),
    ({"data_width": 256, "max_burst": 256}, 32, 5, 128, 128, 20),
    ({"max_burst": 1}, 8, 3, 1, 512, 20),
    ({"max_burst": 255}, 8, 3, 128, 512, 20),
])
def test_derived_numbers(fields, word_bytes, size_code, burst_words, page_words, page_width):
    spec = BusSpec(**fields)
    assert (spec.word_bytes, spec.size_code, spec.burst_words, spec.page_words,
            spec.page_width) == (word_bytes, size_code, burst_words, page_words, page_width)


@pytest.mark.parametrize("values, error, text", [
    ({"data_width": 16}, SpecError, "data_width must be an integer from 32 to 256, not 16"),
    ({"data_width": 96}, SpecError, "data_width must be one of 32, 64, 128, 256, not 96"),
    ({"data_width": 64.0}, TypeError, "data_width must be an integer from 32 to 256, not 64.0"),
    ({"address_width": 31}, SpecError, "address_width must be an integer from 32 to 64, not 31"),
    ({"address_width": 65}, SpecError, "address_width must be an integer from 32 to 64, not 65"),
    ({"max_burst": 0}, SpecError, "max_burst must be an integer from 1 to 256, not 0"),
    ({"max_burst": 257}, SpecError, "max_burst must be an integer from 1 to 256, not 257"),
    ({"max_burst": 17, "protocol": "axi3"}, SpecError,
     "max_burst must be at most 16 with protocol 'axi3', not 17"),
    ({"protocol": "ahb"}, SpecError, "protocol must be one of 'axi4', 'axi3', not 'ahb'"),
    ({"outstanding": 0}, SpecError, "outstanding must be an integer from 1 to 32, not 0"),
    ({"outstanding": 33}, SpecError, "outstanding must be an integer from 1 to 32, not 33"),
    ({"cache": 16}, SpecError, "cache must be an integer from 0 to 15, not 16"),
    ({"prot": 8}, SpecError, "prot must be an integer from 0 to 7, not 8"),
    ({"prot": True}, TypeError, "prot must be an integer from 0 to 7, not True"),
])
def test_refuses(values, error, text):
    with pytest.raises(error) as caught:
        BusSpec(**values)
    assert str(caught.value) == text
