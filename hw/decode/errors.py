"""What a decompressor tells of a weight stream that isn't well formed."""

import enum

__all__ = ["StreamFault"]


class StreamFault(enum.IntEnum):
    """Codes of :attr:`.decompressor.Decompressor.error`; 0 is none."""
    NONE = 0
    VERSION = 1
    FORMAT = 2
    TABLE = 3
    CODE = 4
    ENTRY = 5
    COUNT = 6
    RUN = 7
    TRUNCATED = 8
    TRAILING = 9
    CHECKSUM = 10
    SIZE = 11
