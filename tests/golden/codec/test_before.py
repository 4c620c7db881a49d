"""What golden had decoded before a fault."""

import numpy as np
import pytest

from sparrow.golden.codec import StreamError, decode_blocks, encode_blocks

BLOCKS = (np.arange(6 * 4 * 2, dtype=np.int8) + 1).reshape(2, 3, 1, 4, 2)


def refused(data):
    with pytest.raises(StreamError) as error:
        decode_blocks(data, lanes=4, columns=2)
    return error.value


def test_all_of_a_stream_with_a_wrong_checksum():
    data = bytearray(encode_blocks(BLOCKS, "dense").data)
    data[-1] ^= 1
    error = refused(bytes(data))
    assert error.name == "CHECKSUM"
    assert np.array_equal(error.before.blocks, BLOCKS)
    assert error.before.steps.tolist() == [4] * 6


def test_whole_blocks_of_a_stream_that_ends_too_early():
    error = refused(encode_blocks(BLOCKS, "dense").data[:48])
    assert error.name == "TRUNCATED"
    complete = len(error.before.steps)
    assert 1 <= complete < 6
    blocks = error.before.blocks.reshape(6, 1, 4, 2)
    assert np.array_equal(blocks[:complete], BLOCKS.reshape(6, 1, 4, 2)[:complete])


def test_nothing_of_a_bad_header():
    assert refused(bytes(16)).before is None
