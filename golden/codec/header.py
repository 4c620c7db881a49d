"""What stands at the beginning of a stream."""

import dataclasses
from collections.abc import Callable

import numpy as np

from sparrow.hw.spec.stream import (
    GRANULES_BITS,
    MOST_RUN_CODES,
    RUN_BITS,
    RUN_CODE_BITS,
    STREAM_VERSION,
    VALUE_CODE_BITS,
    first_word,
    first_word_fields,
)

from .bits import words
from .errors import StreamError
from .parameters import ParameterFormat
from .prefix import PrefixCode
from .runs import LIMITS, RunCode
from .values import ValueCode

__all__ = ["CODECS", "MOST_COLUMNS", "MOST_GRANULES", "Header", "largest_count_bits"]

CODECS = "dense", "bitmask", "rle", "csr", "huffman"
FLAGS = "four_bit", "table", "map", "parameters", "wide", "each", "reuse", "fixed", "long", "lean"
MOST_FIXED = 127
MOST_GRANULES = (1 << GRANULES_BITS) - 1
MOST_COLUMNS = 64
NO_PARAMETERS = ParameterFormat()


def largest_count_bits(positions: int) -> int:
    """Bits that a count of csr may have at most."""
    return max(7, positions.bit_length())


@dataclasses.dataclass(frozen=True, kw_only=True)
class Header:
    """All that a decoder has to know besides lanes and columns.

    Parameters
    ----------
    codec : str
        One of ``CODECS``.
    four_bit : bool
        Whether weights have 4 bits, not 8.
    map : bool
        Whether there is a block map.
    reuse : bool
        Whether there are blocks for the first output block only.
    lean : bool
        Whether lanes get a granule only when they need it, and those of ``rle`` and ``huffman``
        rest in the last output block where their columns have no channels.
    parameters : ParameterFormat
    scale : (int, int) or None
        Mantissa and shift that all channels share.
    granules : int, below 2^26
        Of the stream, the header's among them.
    last_columns : int, 1 to 64
        Columns of the last output block that have channels: the others have no parameters.
    output_blocks, steps : int, 1 to 65535
        And blocks of an output block.
    values : ValueCode
    runs : RunCode or None
        With ``rle`` and ``huffman``.
    count_bits, fixed : int
        With ``csr``: bits of a block's number of entries; or, if 0, the number that all have.
    """

    codec: str
    four_bit: bool
    map: bool = False
    reuse: bool = False
    lean: bool = False
    parameters: ParameterFormat = NO_PARAMETERS
    scale: tuple[int, int] | None = None
    granules: int = 0
    last_columns: int = 1
    output_blocks: int
    steps: int
    values: ValueCode
    runs: RunCode | None = None
    count_bits: int = 0
    fixed: int = 0

    @property
    def rests(self) -> bool:
        """Whether lanes of columns without channels rest in the last output block."""
        return self.lean and self.runs is not None

    def parts(self) -> dict[str, np.ndarray]:
        """Granules, uint16, in the order of the stream: header, scales, tables."""
        flags = {"four_bit": self.four_bit, "table": self.values.entries is not None,
                 "map": self.map, "parameters": self.parameters.bias_bits > 0,
                 "wide": self.parameters.bias_bits == 32, "reuse": self.reuse,
                 "each": self.parameters.bias_bits > 0 and not self.parameters.shared,
                 "fixed": self.fixed > 0, "long": self.parameters.long, "lean": self.lean}
        argument = self.fixed or self.count_bits
        if self.runs is not None:
            argument = self.runs.run_bits or self.runs.escape_rank
        entries = self.values.entries or ()
        first = first_word(version=STREAM_VERSION, codec=CODECS.index(self.codec), **flags,
                           argument=argument, last_entry=max(0, len(entries) - 1))
        tables = [np.array(entries + (0,) * (-len(entries) % 4), np.int8).view("<u2")]
        if self.runs is not None and self.runs.code is not None:
            tables.append(self.runs.code.to_granules(RUN_CODE_BITS))
        if self.values.code is not None:
            tables.append(self.values.code.to_granules(VALUE_CODE_BITS))
        scale = np.zeros(0, "<u2")
        if self.scale is not None:
            mantissa, shift = np.array(self.scale, np.int64).reshape(2, 1)
            scale = self.parameters.scale_words(mantissa, shift)[0]
            scale = scale[:4 if self.parameters.long else 2]
        second = self.granules | self.last_columns - 1 << GRANULES_BITS
        return {"header": words(first, second, self.output_blocks | self.steps << 16),
                "scales": scale, "tables": np.concatenate(tables)}

    @classmethod
    def read(cls, word: Callable[[], int], positions: int, columns: int) -> "Header":
        """The counterpart, from words of 32 bits.

        Parameters
        ----------
        word : callable
            Gives the next word.
        positions : int
            Of a block, for each column, with weights of 8 bits.
        columns : int

        Raises
        ------
        StreamError
            By the first thing in it that can't be.
        """
        first = first_word_fields(word())
        codec, flags = _check_flags(first)
        if flags["four_bit"]:
            positions *= 2
        entries = first["last_entry"] + 1
        argument = _argument(codec, flags, first, positions)
        shared = flags["parameters"] and not flags["each"]
        scale_words = (1 + flags["long"]) * shared
        size = 3 + scale_words + (-(-entries // 4) if flags["table"] else 0)
        if codec == "huffman":
            size += 1 + flags["table"]
        second = word()
        last_columns = (second >> GRANULES_BITS) + 1
        if last_columns > columns:
            raise StreamError("FORMAT", f"Stream must have at most {columns} columns with channels "
                              f"in the last output block, not {last_columns}")
        granules = second & MOST_GRANULES
        if granules < 2 * size:
            raise StreamError("SIZE", f"Stream must have at least the {2 * size} granules of its "
                              f"header, not {granules}")
        sizes = word()
        if not sizes & 0xFFFF or not sizes >> 16:
            raise StreamError("SIZE", "Stream must have at least one output block and one block "
                              f"of it, not {sizes & 0xFFFF} and {sizes >> 16}")
        bias_bits = (32 if flags["wide"] else 16) if flags["parameters"] else 0
        parameters = ParameterFormat(bias_bits, not flags["each"], flags["long"])
        scale = [half for _ in range(scale_words) for half in _halves(word())]
        table, code = None, None
        if flags["table"]:
            data = b"".join(word().to_bytes(4, "little") for _ in range(-(-entries // 4)))
            found = np.frombuffer(data, np.int8)
            if flags["four_bit"] and (found != found << 4 >> 4).any():
                raise StreamError("TABLE", "Table of 4-bit values must have only such from -8 to "
                                  f"7, not {found.tolist()}")
            table = tuple(found[:entries].tolist())
        runs = RunCode(argument) if codec == "rle" else None
        if codec == "huffman":
            runs = _runs(word(), argument)
            if flags["table"]:
                code = PrefixCode.from_word(word(), "values", entries, VALUE_CODE_BITS)
        csr = argument if codec == "csr" else 0
        return cls(
            codec=codec, four_bit=flags["four_bit"], map=flags["map"], reuse=flags["reuse"],
            lean=flags["lean"], parameters=parameters,
            scale=parameters.scale(scale) if shared else None,
            granules=granules, last_columns=last_columns,
            output_blocks=sizes & 0xFFFF, steps=sizes >> 16,
            values=ValueCode(4 if flags["four_bit"] else 8, table, code), runs=runs,
            count_bits=0 if flags["fixed"] else csr, fixed=csr if flags["fixed"] else 0)


def _check_flags(first: dict[str, int]) -> tuple[str, dict[str, bool]]:
    """Codec and flags of the first word."""
    if first["version"] != STREAM_VERSION:
        raise StreamError("VERSION", f"Stream must be of version {STREAM_VERSION}, "
                          f"not {first['version']}")
    number = first["codec"]
    if number >= len(CODECS):
        raise StreamError("FORMAT", f"Codec must be 0 to {len(CODECS) - 1}, not {number}")
    codec = CODECS[number]
    flags = {name: bool(first[name]) for name in FLAGS}
    if first["spare"]:
        raise StreamError("FORMAT", "Stream must have 0 in the spare bits of its first word, "
                          f"not {first['spare']}")
    if (flags["wide"] or flags["each"] or flags["long"]) and not flags["parameters"]:
        raise StreamError("FORMAT", "Stream must have parameters if it tells their format, "
                          "but hasn't")
    if flags["fixed"] and codec != "csr":
        raise StreamError("FORMAT", f"Codec of fixed counts must be csr, not {codec}")
    if flags["four_bit"] and codec in ("dense", "huffman") and flags["table"] != (
            codec == "huffman"):
        raise StreamError("FORMAT", f"Stream of 4 bits by {codec} must have "
                          f"{'a table, but has none' if codec == 'huffman' else 'no table'}")
    return codec, flags


def _argument(codec: str, flags: dict[str, bool], first: dict[str, int],
              positions: int) -> int:
    """The codec's argument."""
    argument = first["argument"]
    low, high = {
        "dense": (0, 0), "bitmask": (0, 0), "rle": (1, RUN_BITS),
        "csr": (1, min(positions, MOST_FIXED) if flags["fixed"] else largest_count_bits(positions)),
        "huffman": (0, LIMITS[-1])}[codec]
    if not low <= argument <= high:
        raise StreamError("TABLE", f"Argument of {codec} must be {low} to {high}, not {argument}")
    if first["last_entry"] and not flags["table"]:
        raise StreamError("TABLE", "Stream without a table must have no entries, "
                          f"not {first['last_entry'] + 1}")
    return argument


def _halves(word: int) -> tuple[int, int]:
    return word & 0xFFFF, word >> 16


def _runs(word: int, rank: int) -> RunCode:
    code = PrefixCode.from_word(word, "runs", MOST_RUN_CODES, RUN_CODE_BITS)
    if not code.counts:
        raise StreamError("CODE", f"Table of runs must have 2 to {MOST_RUN_CODES} codes, not none "
                          f"of less than {RUN_CODE_BITS} bits")
    if rank >= code.size:
        raise StreamError("TABLE", "Table of runs must have the escape among its codes, of which "
                          f"there are {code.size}, not in place {rank}")
    return RunCode(code=code, escape_rank=rank)
