"""Weight streams: lossless codecs of a layer's integer weights."""

from .decode import Contents, decode, read, read_header
from .encode import encode
from .errors import StreamError
from .header import CODECS, Header
from .parameters import Parameters
from .stream import PARTS, Stream
from .values import LARGEST_TABLE

__all__ = ["CODECS", "LARGEST_TABLE", "PARTS", "Contents", "Header", "Parameters", "Stream",
           "StreamError", "decode", "encode", "read", "read_header"]
