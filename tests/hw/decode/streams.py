"""Weight streams with random contents, and what a decoder makes of them."""

import dataclasses
import zlib

import numpy as np

from sparrow.golden.codec import Parameters, Stream, StreamError, decode_blocks, encode_blocks

__all__ = ["Case", "random_case", "resealed", "verdict"]


@dataclasses.dataclass
class Case:
    """A stream, and what is in it.

    ``blocks``: int8, (output blocks, steps, halves, lanes, columns).
    """
    stream: Stream
    blocks: np.ndarray
    parameters: Parameters | None
    kept: np.ndarray
    mapped: bool

    @classmethod
    def of(cls, stream: Stream) -> "Case":
        """By the golden decoder."""
        contents = decode_blocks(stream.data, lanes=stream.lanes, columns=stream.columns,
                                 word_bytes=stream.word_bytes)
        return cls(stream, contents.blocks, contents.parameters, contents.kept,
                   contents.header.map)

    def check(self, taken_blocks, records, maps) -> None:
        """Compare with what came out of the hardware."""
        wanted = self.blocks[self.kept]
        assert len(taken_blocks) == len(wanted)
        for number, (block, other) in enumerate(zip(taken_blocks, wanted)):
            assert np.array_equal(block, other), f"block {number}"
        columns = self.blocks.shape[-1]
        expected = []
        if self.parameters is not None:
            each = zip(*(part.tolist() for part in (self.parameters.bias, self.parameters.mantissa,
                                                    self.parameters.shift)))
            expected = [(number % columns, *values, number % columns == columns - 1)
                        for number, values in enumerate(each)]
        assert records == expected
        bits = []
        if self.mapped:
            for output in self.kept:
                padded = np.pad(output, (0, -len(output) % 16)).reshape(-1, 16)
                bits += (padded << np.arange(16)).sum(axis=1).tolist()
        assert maps == bits


def random_parameters(generator, channels, wide, each):
    """Parameters that make a stream with such a format."""
    limit = 2**31 if wide else 2**15
    count = channels if each else 1
    scales = [np.resize(generator.integers(0, high, count), channels) for high in (2**16, 2**6)]
    return Parameters(generator.integers(-limit, limit, channels), *scales)


def random_case(generator, codec, *, lanes=8, columns=3, four_bit=False, codebook=False,
                outputs=2, absent=0, steps=5, density=0.3, block_map=False, parameters=None,
                reuse=False, word_bytes=8, **options) -> Case:
    """A stream of random blocks; ``parameters``: their format, (wide, each); ``absent``:
    columns of the last output block without a channel."""
    shape = (1 if reuse else outputs, steps, 1 + four_bit, lanes, columns)
    values = generator.integers(-8, 8, shape) if four_bit else generator.integers(-128, 128, shape)
    if codebook or (codec == "huffman" and four_bit):
        values = generator.choice([-7, -3, -2, 1, 2, 5], shape, p=[.05, .05, .2, .4, .2, .1])
    blocks = (values * (generator.random(shape) < density)).astype(np.int8)
    if block_map:
        blocks *= generator.random(shape[:2] + (1, 1, 1)) < 0.5
    if options.get("lean") and not reuse:
        blocks[-1, ..., columns - absent:] = 0
        if parameters is None:
            options["channels"] = outputs * columns - absent
    given = None
    if parameters is not None:
        given = random_parameters(generator, outputs * columns - absent, *parameters)
    stream = encode_blocks(blocks, codec, four_bit=four_bit, codebook=codebook, parameters=given,
                           reuse=reuse, block_map=block_map, word_bytes=word_bytes, **options)
    case = Case.of(stream)
    assert np.array_equal(case.blocks, blocks)
    return case


def resealed(data: bytes) -> bytes:
    """With a new checksum in the place of the old one."""
    return data[:-4] + zlib.crc32(data[:-4]).to_bytes(4, "little")


def verdict(data: bytes, lanes: int, columns: int, word_bytes: int):
    """The golden decoder's error, 0 if there is none."""
    try:
        decode_blocks(data, lanes=lanes, columns=columns, word_bytes=word_bytes)
    except StreamError as error:
        return error.code
    return 0
