"""What stands at the beginning of a layer's stream."""

import dataclasses

from .bits import BitReader, BitWriter
from .errors import StreamError
from .parameters import ParameterFormat
from .runs import RunCode
from .values import ValueCode

__all__ = ["CODECS", "VERSION", "Header"]

VERSION = 1
CODECS = "dense", "bitmask", "rle", "csr", "huffman"
BIAS_BITS = 0, 16, 32
WIDTH_FIELD, COUNT_FIELD = 5, 3


@dataclasses.dataclass(frozen=True, kw_only=True)
class Header:
    """All that a decoder has to know besides lanes and columns.

    Parameters
    ----------
    codec : str
        One of ``CODECS``.
    bits : 8 or 4
        Of a weight.
    shape : (int, int, int, int)
        Output channels, input channels (of a group), kernel height, kernel width.
    skips : bool
        Whether there is a block map.
    parameters : ParameterFormat
    scale : (int, int) or None
        Mantissa and shift that all channels share.
    granules : int
        That the lanes get.
    tails : tuple of int
        See :class:`sparrow.golden.codec.deal.Deal`.
    values : ValueCode
    runs : RunCode or None
        With ``rle`` and ``huffman``.
    count_bits : int, 1 to 7
        With ``csr``: bits of the number of nonzeros.
    """

    codec: str
    bits: int
    shape: tuple[int, int, int, int]
    skips: bool
    parameters: ParameterFormat
    scale: tuple[int, int] | None
    granules: int
    tails: tuple[int, ...]
    values: ValueCode
    runs: RunCode | None = None
    count_bits: int = 0

    def write(self, writer: BitWriter) -> dict[str, int]:
        """Append the header; gives the bits of its parts."""
        start = writer.bits
        for value, width in ((VERSION, 4), (CODECS.index(self.codec), 3), (self.bits == 4, 1),
                             (self.values.entries is not None, 1), (self.skips, 1),
                             (BIAS_BITS.index(self.parameters.bias_bits), 2),
                             (self.parameters.mantissa_bits == 32, 1),
                             (not self.parameters.shared, 1), (0, 2)):
            writer.write(int(value), width)
        for size in (*self.shape, self.granules):
            writer.write_size(size)
        width = max(self.tails).bit_length()
        writer.write(width, WIDTH_FIELD)
        for tail in self.tails:
            writer.write(tail, width)
        scale = writer.bits
        if self.scale is not None:
            writer.write(self.scale[0], self.parameters.mantissa_bits)
            writer.write(self.scale[1], self.parameters.scale_bits - self.parameters.mantissa_bits)
        tables = writer.bits
        if self.runs is not None:
            self.runs.write(writer)
        if self.codec == "csr":
            writer.write(self.count_bits, COUNT_FIELD)
        self.values.write(writer)
        return {"header": scale - start, "scales": tables - scale, "tables": writer.bits - tables}

    @classmethod
    def read(cls, reader: BitReader, columns: int) -> "Header":
        """The counterpart; raises ``StreamError`` if something in it can't be."""
        version = reader.read(4)
        if version != VERSION:
            raise StreamError(f"Stream must be of version {VERSION}, not {version}")
        number = reader.read(3)
        if number >= len(CODECS):
            raise StreamError(f"Codec must be 0 to {len(CODECS) - 1}, not {number}")
        codec, bits = CODECS[number], 4 if reader.read(1) else 8
        table, skips, bias = bool(reader.read(1)), bool(reader.read(1)), reader.read(2)
        wide, each, spare = reader.read(1), reader.read(1), reader.read(2)
        if bias >= len(BIAS_BITS) or spare:
            raise StreamError(f"Stream must have format bits of biases 0 to 2 and spare bits 0, "
                              f"not {bias} and {spare}")
        parameters = ParameterFormat(BIAS_BITS[bias], 32 if wide else 16, not each)
        shape = (reader.read_size(), reader.read_size(), reader.read_size(), reader.read_size())
        granules = reader.read_size()
        width = reader.read(WIDTH_FIELD)
        tails = tuple(reader.read(width) for _ in range(columns))
        scale = (parameters.read_scale(reader) if parameters.bias_bits and parameters.shared
                 else None)
        coded = codec == "huffman"
        runs = RunCode.read(reader, coded=coded) if codec in ("rle", "huffman") else None
        count_bits = reader.read(COUNT_FIELD) if codec == "csr" else 0
        return cls(codec=codec, bits=bits, shape=shape, skips=skips, parameters=parameters,
                   scale=scale, granules=granules, tails=tails, runs=runs, count_bits=count_bits,
                   values=ValueCode.read(reader, bits, table=table, coded=coded and table))
