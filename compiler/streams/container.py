"""A layer's weight streams in one file: which output blocks each has, and where it lies."""

import dataclasses
import struct
import zlib

__all__ = ["MAGIC", "Container", "ContainerError", "Part"]

MAGIC = b"SPWS"
VERSION = 1
HEAD = struct.Struct("<4s4B5I")  # magic, version, word, lanes, columns, shape, streams
ENTRY = struct.Struct("<4I")  # first output block, output blocks, offset, bytes
CHECKSUM = struct.Struct("<I")
WORD_BYTES = 4, 8, 16, 32
LANES = 4, 8, 16, 32, 64
MOST_COLUMNS = 64
LARGEST_WEIGHTS = 2**28
LARGEST_STREAMS = 2**16


class ContainerError(ValueError):
    """A file is no container, or a damaged one; or a container can't be made."""


@dataclasses.dataclass(frozen=True)
class Part:
    """One of the streams.

    Parameters
    ----------
    first, count : int
        Output blocks that it has.
    data : bytes
        Whole bus words.
    """

    first: int
    count: int
    data: bytes


@dataclasses.dataclass(frozen=True)
class Container:
    """A layer's streams.

    Parameters
    ----------
    shape : (int, int, int, int)
        Of the weights: output channels, input channels (of a group), kernel height, kernel width.
    lanes : int, a power of two from 4 to 64
    columns : int, 1 to 64
        Of the array.
    word_bytes : int
        Of a bus word: 4, 8, 16 or 32.
    parts : tuple of Part
        In the order of their output blocks, which are together all those of the layer.

    Raises
    ------
    ContainerError
        If a value isn't as told above.
    """

    shape: tuple[int, int, int, int]
    lanes: int
    columns: int
    word_bytes: int
    parts: tuple[Part, ...]

    def __post_init__(self) -> None:
        for name, value, known in (("bytes of a bus word", self.word_bytes, WORD_BYTES),
                                   ("lanes", self.lanes, LANES)):
            if value not in known:
                raise ContainerError(f"{name} must be {', '.join(map(str, known))}, not {value}")
        if not 1 <= self.columns <= MOST_COLUMNS:
            raise ContainerError(f"columns must be 1 to {MOST_COLUMNS}, not {self.columns}")
        if min(self.shape) < 1 or self.weights > LARGEST_WEIGHTS:
            raise ContainerError(f"weights must be 1 to {LARGEST_WEIGHTS}, not "
                                 f"{' × '.join(map(str, self.shape))}")
        expected = 0
        for number, part in enumerate(self.parts):
            if part.first != expected or part.count < 1:
                raise ContainerError(f"stream {number} must begin with output block {expected} and "
                                     f"have at least 1, not {part.count} from {part.first} on")
            if len(part.data) % self.word_bytes or not part.data:
                raise ContainerError(f"stream {number} must be whole words of {self.word_bytes} "
                                     f"bytes, not {len(part.data)} bytes")
            expected += part.count
        if expected != self.output_blocks:
            raise ContainerError(f"streams must have the layer's {self.output_blocks} output "
                                 f"blocks, not {expected}")

    @property
    def weights(self) -> int:
        """Weights of the layer."""
        outputs, inputs, height, width = self.shape
        return outputs * inputs * height * width

    @property
    def output_blocks(self) -> int:
        """Output blocks of the layer."""
        return -(-self.shape[0] // self.columns)

    @property
    def offsets(self) -> tuple[int, ...]:
        """Of each stream in the file, and of its end: bytes, multiples of a bus word."""
        head = HEAD.size + ENTRY.size * len(self.parts) + CHECKSUM.size
        places = [-(-head // self.word_bytes) * self.word_bytes]
        for part in self.parts:
            places.append(places[-1] + len(part.data))
        return tuple(places)

    def to_bytes(self) -> bytes:
        """The file: head, directory, their checksum, zeros up to a bus word, streams."""
        *offsets, _ = self.offsets
        data = HEAD.pack(MAGIC, VERSION, self.word_bytes, self.lanes, self.columns, *self.shape,
                         len(self.parts))
        data += b"".join(ENTRY.pack(part.first, part.count, offset, len(part.data))
                         for part, offset in zip(self.parts, offsets))
        data += CHECKSUM.pack(zlib.crc32(data))
        return b"".join([data, bytes(offsets[0] - len(data)), *(part.data for part in self.parts)])

    @classmethod
    def from_bytes(cls, data: bytes) -> "Container":
        """The counterpart; raises ``ContainerError`` if the file is damaged or isn't one.

        Streams aren't looked into; they have checksums of their own.
        """
        if not data.startswith(MAGIC):
            raise ContainerError(f"container must begin with {MAGIC.decode()}, not {data[:4]!r}")
        if len(data) < HEAD.size:
            raise _truncated(HEAD.size, data)
        _, version, word_bytes, lanes, columns, *rest = HEAD.unpack_from(data)
        if version != VERSION:
            raise ContainerError(f"container must be of version {VERSION}, not {version}")
        count = rest.pop()
        if not 1 <= count <= LARGEST_STREAMS:
            raise ContainerError(f"container must have 1 to {LARGEST_STREAMS} streams, "
                                 f"not {count}")
        end = HEAD.size + ENTRY.size * count
        if len(data) < end + CHECKSUM.size:
            raise _truncated(end + CHECKSUM.size, data)
        stored, found = CHECKSUM.unpack_from(data, end)[0], zlib.crc32(data[:end])
        if stored != found:
            raise ContainerError(f"checksum of the directory must be {found:08x}, "
                                 f"not {stored:08x}")
        entries = list(ENTRY.iter_unpack(data[HEAD.size:end]))
        size = max(offset + length for _, _, offset, length in entries)
        if len(data) < size:
            raise _truncated(size, data)
        container = cls(tuple(rest), lanes, columns, word_bytes, tuple(
            Part(first, blocks, data[offset:offset + length])
            for first, blocks, offset, length in entries))
        if container.to_bytes() != data:
            raise ContainerError(
                f"streams must lie one after the other from byte {container.offsets[0]} to "
                f"{container.offsets[-1]}, zeros before and nothing behind them, but don't")
        return container


def _truncated(size: int, data: bytes) -> ContainerError:
    return ContainerError(f"container must have at least {size} bytes, not {len(data)}: it is "
                          "truncated")
