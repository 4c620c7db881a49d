"""Weight streams: lossless codecs of a layer's integer weights."""

from .decode import Contents, decode, read
from .encode import encode, stored_size
from .errors import StreamError
from .header import CODECS
from .parameters import Parameters
from .stream import Stream

__all__ = ["CODECS", "Contents", "Parameters", "Stream", "StreamError", "decode", "encode", "read",
           "stored_size"]
