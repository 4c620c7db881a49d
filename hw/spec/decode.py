"""Specification of the decompressor: which weight streams it reads, and how fast."""

import dataclasses
import enum

from .base import Spec, SpecError, require_integer
from .stream import GRANULE

__all__ = ["ALL_CODECS", "Codec", "DecompressorSpec", "LaneDecoderSpec"]

_DATA_WIDTHS = (32, 64, 128, 256)
_LANES = (4, 8, 16, 32, 64)
_BANKS = 4


class Codec(enum.Enum):
    """How a lane's weights are sent; the order is that of the numbers in a stream's header.

    Attributes
    ----------
    DENSE
        All values.
    BITMASK
        Masks, and the values of their ones.
    RLE
        Runs of zeros of a fixed width, each with the value behind it.
    CSR
        The number of a block's entries, then their indices and values.
    HUFFMAN
        Runs by a prefix code, values too if they come from a table.
    """

    DENSE = "dense"
    BITMASK = "bitmask"
    RLE = "rle"
    CSR = "csr"
    HUFFMAN = "huffman"

    @property
    def number(self) -> int:
        """The codec's number in a stream's header, 0 to 4."""
        return list(Codec).index(self)


ALL_CODECS = tuple(Codec)


@dataclasses.dataclass(frozen=True, kw_only=True)
class DecompressorSpec(Spec):
    """What decodes weight streams for an array.

    Parameters
    ----------
    lanes : int, 4, 8, 16, 32 or 64
        Lanes of the array: the values that a column has of a block, twice as many with 4-bit
        weights.
    columns : int, 1 to 64
        Columns of the array, each with a lane of the decoder.
    int4 : bool
        Whether streams may have 4-bit weights.
    codecs : tuple of Codec
        Those that it reads, at least one, each once; kept in the order of :class:`Codec`. The
        others leave no logic.
    codebook : int, 0 or 2 to 32
        Entries of the largest table of values that it takes; 0: none. Streams of huffman with
        4-bit weights need one.
    data_width : int, 32, 64, 128 or 256
        Bits of a bus word.
    fifo_bytes : int, 16 words to 65536
        Room for words that have come and aren't used up, a power of two.
    mantissa_width : int, 4 to 24
        Bits of the requantizer's mantissas; a stream has room for 24.

    Raises
    ------
    TypeError
        If a number is no integer, a flag no truth value, or ``codecs`` no sequence.
    SpecError
        If a value is out of range.
    """

    lanes: int = 16
    columns: int = 16
    int4: bool = True
    codecs: tuple[Codec, ...] = ALL_CODECS
    codebook: int = 16
    data_width: int = 64
    fifo_bytes: int = 1024
    mantissa_width: int = 16

    def __post_init__(self) -> None:
        super().__post_init__()
        _require_one_of("lanes", self.lanes, _LANES)
        require_integer("columns", self.columns, 1, 64)
        object.__setattr__(self, "codecs", _codecs(self.codecs))
        require_integer("codebook", self.codebook, 0, 32)
        if self.codebook == 1:
            raise SpecError("codebook must be 0 or an integer from 2 to 32, not 1")
        _require_one_of("data_width", self.data_width, _DATA_WIDTHS)
        require_integer("fifo_bytes", self.fifo_bytes, 16 * self.word_bytes, 1 << 16)
        if self.fifo_bytes & self.fifo_bytes - 1:
            raise SpecError(f"fifo_bytes must be a power of two, not {self.fifo_bytes!r}")
        require_integer("mantissa_width", self.mantissa_width, 4, 24)

    def to_mapping(self) -> dict[str, object]:
        """The fields as plain integers, flags and strings, in order of declaration."""
        return super().to_mapping() | {"codecs": [codec.value for codec in self.codecs]}

    def has(self, *codecs: Codec) -> bool:
        """Whether it reads any of some codecs."""
        return any(codec in self.codecs for codec in codecs)

    @property
    def word_bytes(self) -> int:
        """Bytes of a word."""
        return self.data_width // 8

    @property
    def granules(self) -> int:
        """Granules of a word, 16 bits each."""
        return self.data_width // GRANULE

    @property
    def banks(self) -> int:
        """Words that are at hand at a time, each in a memory of its own."""
        return _BANKS

    @property
    def window(self) -> int:
        """Granules that are at hand at a time."""
        return self.banks * self.granules

    @property
    def fifo_words(self) -> int:
        """Words that the memories hold together."""
        return self.fifo_bytes // self.word_bytes

    @property
    def halves(self) -> int:
        """Values of a block for each array lane: 2 with 4-bit weights, where it reads them."""
        return 2 if self.int4 else 1

    @property
    def positions(self) -> int:
        """A column's positions in the largest block: ``lanes * halves``."""
        return self.lanes * self.halves

    @property
    def lane_width(self) -> int:
        """Bits of the number of an array lane."""
        return (self.lanes - 1).bit_length()

    @property
    def position_width(self) -> int:
        """Bits of the number of a position in the largest block."""
        return (self.positions - 1).bit_length()

    @property
    def place_width(self) -> int:
        """Bits of the place of an entry in the largest table, 0 without one."""
        return max(0, self.codebook - 1).bit_length()


@dataclasses.dataclass(frozen=True, kw_only=True)
class LaneDecoderSpec(Spec):
    """A decoder of one codec for one column, on its own.

    Parameters
    ----------
    lanes : int, 4, 8, 16, 32 or 64
        Positions of a block, twice as many with 4-bit weights.
    int4 : bool
        Whether weights may have 4 bits.
    codebook : int, 0 or 2 to 32
        Entries of the largest table of values that it takes; 0: none.
    data_width : int, 16, 32, 64, 128 or 256
        Bits of a word of its input.

    Raises
    ------
    TypeError, SpecError
        As :class:`DecompressorSpec`.
    """

    lanes: int = 16
    int4: bool = True
    codebook: int = 0
    data_width: int = 16

    def __post_init__(self) -> None:
        super().__post_init__()
        _require_one_of("data_width", self.data_width, (16, *_DATA_WIDTHS))
        self.of_codec(Codec.DENSE)

    def of_codec(self, codec: Codec) -> DecompressorSpec:
        """The specification of a decompressor with such a lane."""
        return DecompressorSpec(lanes=self.lanes, columns=1, int4=self.int4, codecs=(codec,),
                                codebook=self.codebook)


def _require_one_of(subject: str, value: object, choices: tuple[int, ...]) -> None:
    require_integer(subject, value, choices[0], choices[-1])
    if value not in choices:
        raise SpecError(f"{subject} must be one of {', '.join(map(str, choices))}, not {value!r}")


def _codecs(given: object) -> tuple[Codec, ...]:
    names = ", ".join(repr(codec.value) for codec in Codec)
    wanted = f"codecs must be a sequence of {names}, each once"
    if not isinstance(given, list | tuple):
        raise TypeError(f"{wanted}, not {given!r}")
    plain = [codec.value if isinstance(codec, Codec) else codec for codec in given]
    known = [codec.value for codec in Codec]
    # a list, so that what can't be hashed is refused like all else
    if not plain:
        raise SpecError(f"{wanted}, at least one, not {given!r}")
    if any(name not in known or plain.count(name) > 1 for name in plain):
        raise SpecError(f"{wanted}, not {plain!r}")
    return tuple(codec for codec in Codec if codec.value in plain)
