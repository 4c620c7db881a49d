"""Weight streams: lossless codecs of a layer's integer weights."""

from .decode import Contents, SymbolCounts, decode_blocks, read_header
from .encode import encode_blocks
from .errors import ERRORS, StreamError
from .header import CODECS, Header
from .layer import decode, encode
from .parameters import Parameters
from .stream import PARTS, Stream
from .values import LARGEST_TABLE

__all__ = ["CODECS", "ERRORS", "LARGEST_TABLE", "PARTS", "Contents", "Header", "Parameters",
           "Stream", "StreamError", "SymbolCounts", "decode", "decode_blocks", "encode",
           "encode_blocks", "read_header"]
