"""What may be wrong with a weight stream."""

import enum

__all__ = ["StreamFault"]


class StreamFault(enum.IntEnum):
    """Codes of an error, as docs/weight-stream.md lists them; 0 is none."""
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
