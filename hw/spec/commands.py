"""The command set of the accelerator: the one description that all others are made from.

A command is 64 bytes, little-endian, at a multiple of 64 in the program window. The sequencer reads
commands in order and hands each to the queue of its engine; engines run side by side, each its
commands in order. What must wait for something else says so with *tokens*: a command starts once
each token in its ``wait`` mask has been given, and takes one of each; when it is complete it gives
one of each in its ``signal`` mask. A token count is 0 to 15; a command isn't complete before all
that it signals fit.
"""

import dataclasses
import enum
from collections.abc import Mapping

from .base import SpecError

__all__ = ["COMMANDS", "COMMANDS_AHEAD", "COMMAND_BYTES", "COORDINATE_WIDTH", "HEADER", "TOKENS",
           "TOKEN_MAXIMUM", "Command", "Engine", "Field", "Opcode", "command", "compute_vectors",
           "decode", "encode", "implemented_width"]

COMMAND_BYTES = 64
COMMANDS_AHEAD = 4  # bursts of commands for which the sequencer has room
COORDINATE_WIDTH = 14  # bits in which coordinates of the source wrap
TOKENS = 8
TOKEN_MAXIMUM = 15


class Opcode(enum.IntEnum):
    """What a command does; 0 is none, so that empty memory is refused."""
    END = 1
    LOAD = 2
    STORE = 3
    WEIGHTS = 4
    COMPUTE = 5


class Engine(enum.Enum):
    """Who executes a command."""
    SEQUENCER = "sequencer"
    LOAD = "load"
    STORE = "store"
    WEIGHTS = "weights"
    COMPUTE = "compute"


@dataclasses.dataclass(frozen=True)
class Field:
    """A field of a command.

    Parameters
    ----------
    name : str
    low : int
        Its lowest bit, counted from the command's first byte on.
    width : int
        Bits.
    doc : str
        Meaning and unit, one line.
    signed : bool
        Two's complement.
    count : bool
        A number of things, at least 1; 0 is an illegal command.
    """
    name: str
    low: int
    width: int
    doc: str
    signed: bool = False
    count: bool = False

    @property
    def minimum(self) -> int:
        """The smallest value."""
        return -1 << (self.width - 1) if self.signed else int(self.count)

    @property
    def maximum(self) -> int:
        """The largest value."""
        return (1 << (self.width - self.signed)) - 1


@dataclasses.dataclass(frozen=True)
class Command:
    """A kind of command: its opcode, its engine, and the fields beside those of the header."""
    opcode: Opcode
    engine: Engine
    doc: str
    own_fields: tuple[Field, ...]

    @property
    def name(self) -> str:
        """The opcode's name."""
        return self.opcode.name

    @property
    def fields(self) -> tuple[Field, ...]:
        """All fields, those of the header first."""
        return HEADER + self.own_fields

    @property
    def mask(self) -> int:
        """The 512 bits that belong to a field; the others must be 0."""
        return sum(((1 << field.width) - 1) << field.low for field in self.fields)


def _fields(*lines: str, start: int = 32) -> tuple[Field, ...]:
    """Fields one after the other, each ``name width kind: doc``, ``-`` as name for a gap."""
    fields, low = [], start
    for line in lines:
        head, _, doc = line.partition(": ")
        name, width, *kinds = head.split()
        if name != "-":
            fields.append(Field(name, low, int(width), doc, "signed" in kinds, "count" in kinds))
        low += int(width)
    return tuple(fields)


HEADER = _fields(
    "opcode 8: the kind of command",
    "wait 8: tokens that must have been given, a bit each",
    "signal 8: tokens that are given at the end, a bit each",
    "retire 1: a layer is complete with this command",
    start=0)

_COPY = (
    "offset 32: first byte in the data window, a multiple of the vector's bytes",
    "run_stride 32: bytes from one run of a plane to the next",
    "plane_stride 32: bytes from one plane to the next",
    "run 16 count: vectors of a run, which lie side by side in memory and in the buffer",
    "runs 16 count: runs of a plane",
    "planes 16 count: planes, one for each channel block",
    "row 16: buffer row of the first vector",
    "run_step 16: buffer rows from one run to the next",
    "plane_step 16: buffer rows from one plane to the next one in the same bank")

_STORE = _fields(
    "bank 1: bank of the first plane",
    "alternate 1: successive planes lie in alternating banks",
    "- 30: ",
    *_COPY)

_LOAD = _fields(
    "bank 1: bank of the first plane",
    "alternate 1: successive planes lie in alternating banks",
    "unfold 1: a run is a row of an image in memory, and windows of it in the buffer, one for each "
    "of run positions",
    "pair 1: unfold: a position is two vectors of the same row, the second in the other bank",
    "joined 1: unfold: the rows of a plane, whole vectors, lie side by side and are read at once",
    "- 27: ",
    *_COPY,
    "words 24: unfold: bus words of a row, those that its bytes are in; joined: of all rows",
    "lane 8: unfold: first lane that is written; those below keep what they have",
    "row_bytes 16: unfold: bytes of an image row; with 0 nothing is read",
    "first 16 signed: unfold: byte of the row that lane 0 of the first position takes",
    "pixel_step 8: unfold: bytes from one position to the next",
    "fill_value 8 signed: unfold: what bytes outside a row read as")

_WEIGHTS = _fields(
    "int4 1: blocks hold 4-bit weights, two channel blocks each",
    "reuse 1: there are blocks for the first output block only, and they serve all",
    "- 30: ",
    "offset 32: first byte in the program window, a multiple of the bus word",
    "words 24 count: bus words of the stream",
    "zero_point 8 signed: zero point of the output, the same for all parameter sets",
    "output_blocks 16 count: parameter sets, each followed by its blocks",
    "blocks 16 count: weight blocks of an output block",
    "minimum 8 signed: smallest output",
    "maximum_value 8 signed: largest output")

_COMPUTE = _fields(
    "int4 1: a step takes two channel blocks, of the same row in both banks",
    "reuse 1: the weights of the first output block serve all",
    "maximum 1: accumulators keep the maximum instead of the sum",
    "shifted 1: sums of the kernel's first row count 256 times",
    "half 1: int4: there is no second channel block in the last step",
    "source_bank 1: bank of the first channel block",
    "channel_alternate 1: successive channel blocks lie in alternating banks",
    "block_alternate 1: each output block begins in the other bank of the source",
    "destination_bank 1: bank of the first output block; they alternate",
    "window 1: depthwise: each column takes its own channel and all kernel positions in one step",
    "down 1: window: rows and columns exchange their parts in all fields but destination_row",
    "ordered 1: begins when all COMPUTE commands before it are complete, as it reads their results",
    "- 20: ",
    "source 16: buffer row that output pixel (0, 0) meets at kernel position (0, 0), modulo 2^16",
    "height 16 count: rows of the source; what lies above or below is padding",
    "width 16 count: columns of the source; what lies left or right is padding",
    "row_step 16: buffer rows from an output row to the next: stride_y times the source's width",
    "kernel_step 16: buffer rows from a kernel row to the next: dilation_y times that width",
    "channel_blocks 16 count: steps over channel blocks",
    "channel_step 16: buffer rows from a channel block to the next one in the same bank; window: "
    "from a source column to the next",
    "output_blocks 16 count: blocks of output channels",
    "block_step 16: buffer rows that the source moves on for an output block, in the same bank",
    "out_height 16 count: rows of output pixels",
    "out_width 16 count: columns of output pixels",
    "destination 16: buffer row of output pixel (0, 0) of the first output block",
    "destination_step 16: buffer rows from an output block to the next one in the same bank",
    "destination_row 16: buffer rows from an output row to the next",
    "pad_top 8: rows of padding above the source",
    "pad_left 8: columns of padding left of the source",
    "stride_y 8 count: source rows from an output row to the next",
    "stride_x 8 count: source columns from an output pixel to the next",
    "dilation_y 8: source rows from a kernel row to the next",
    "dilation_x 8: source columns from a kernel column to the next",
    "kernel_height 8 count: rows of the kernel",
    "kernel_width 8 count: columns of the kernel",
    "pad_value 8 signed: what padding reads as")

COMMANDS = (
    Command(Opcode.END, Engine.SEQUENCER,
            "Waits until all engines are idle and all that was written has arrived; ends the run.",
            ()),
    Command(Opcode.LOAD, Engine.LOAD,
            "Copies vectors, or unfolds rows of an image, from the data window into the "
            "activation buffer.", _LOAD),
    Command(Opcode.STORE, Engine.STORE,
            "Copies vectors from the activation buffer into the data window; complete when the "
            "memory has answered.", _STORE),
    Command(Opcode.WEIGHTS, Engine.WEIGHTS,
            "Sends parameters (scales, zero point, limits) and weight blocks from the program "
            "window to the array; the parameter sets of successive commands meet successive "
            "output blocks of the COMPUTE commands.", _WEIGHTS),
    Command(Opcode.COMPUTE, Engine.COMPUTE,
            "Multiplies, accumulates and requantizes the pixels of a tile; complete when its last "
            "result is in the buffer.", _COMPUTE),
)


def command(opcode: int) -> Command:
    """The kind of command of an opcode; raises ``SpecError`` if there is none."""
    for kind in COMMANDS:
        if kind.opcode == opcode:
            return kind
    raise SpecError(f"opcode must be one of {', '.join(str(int(o)) for o in Opcode)}, "
                    f"not {opcode!r}")


_BY_ROWS = frozenset({"run", "runs", "planes", "channel_blocks", "output_blocks"})
_BY_DEPTH = frozenset({"out_height", "out_width"})
_BY_COORDINATE = frozenset({"height", "width"})
_UNFOLDING = frozenset({"unfold", "pair", "joined", "words", "row_bytes", "first", "pixel_step",
                        "lane", "fill_value"})


def implemented_width(field: Field, *, buffer_rows: int, accumulator_depth: int,
                      line_bytes: int) -> int:
    """Bits of a field that an accelerator has; the upper ones must be 0.

    Counts of what lies in the buffer have a bit more than its rows need, those of pixels as many
    as the number of accumulators needs, sizes of the source one less than coordinates, those of
    image rows as many as the number of bytes of the line memory; without it there is no unfolding.
    """
    if field.name in _UNFOLDING and not field.count and not line_bytes:
        return 0
    if field.name == "row_bytes":
        return (line_bytes - 1).bit_length()
    if field.name in _BY_ROWS and field.count:
        return min(field.width, (buffer_rows - 1).bit_length() + 1)
    if field.name in _BY_DEPTH:
        return min(field.width, accumulator_depth.bit_length())
    return COORDINATE_WIDTH - 1 if field.name in _BY_COORDINATE else field.width


def compute_vectors(values: Mapping[str, int]) -> int:
    """Vectors that the array takes for an output block of a COMPUTE command."""
    height, width = values["kernel_height"], values["kernel_width"]
    if values["window"]:
        columns = (values["out_width"] - 1) * values["stride_x"] + width
        return values["out_height"] * columns * height
    return (values["out_height"] * values["out_width"] * values["channel_blocks"]
            * height * width)


def encode(opcode: Opcode, **values: int) -> bytes:
    """The 64 bytes of a command; fields that aren't named are 0.

    Raises
    ------
    SpecError
        On an unknown field, or a value that its field can't hold.
    """
    kind = command(opcode)
    known = {field.name: field for field in kind.fields}
    for name in values:
        if name not in known or name == "opcode":
            raise SpecError(f"{kind.name} has no field {name!r} to set")
    word = 0
    for field in kind.fields:
        value = int(kind.opcode) if field.name == "opcode" else int(values.get(field.name, 0))
        if not field.minimum <= value <= field.maximum:
            raise SpecError(f"{field.name} of {kind.name} must be {field.minimum} to "
                            f"{field.maximum}, not {value!r}")
        word |= (value & ((1 << field.width) - 1)) << field.low
    return word.to_bytes(COMMAND_BYTES, "little")


def decode(data: bytes, **sizes: int) -> tuple[Command, dict[str, int]]:
    """The kind and the field values of a command.

    Parameters
    ----------
    data : bytes
    sizes : int
        ``buffer_rows``, ``accumulator_depth`` and ``line_bytes``, to refuse also what these
        exclude, see :func:`implemented_width`.

    Raises
    ------
    SpecError
        If it isn't 64 bytes long, its opcode is unknown, a bit outside its fields is set, or a
        count is 0: what the sequencer answers with ``ILLEGAL_COMMAND``.
    """
    if len(data) != COMMAND_BYTES:
        raise SpecError(f"A command must be {COMMAND_BYTES} bytes, not {len(data)}")
    word = int.from_bytes(data, "little")
    kind = command(data[0])
    if word & ~kind.mask:
        raise SpecError(f"Bits of {kind.name} outside its fields must be 0, not "
                        f"{word & ~kind.mask:#x}")
    values = {}
    for field in kind.fields:
        value = word >> field.low & ((1 << field.width) - 1)
        if field.count and value == 0:
            raise SpecError(f"{field.name} of {kind.name} must be at least 1, not 0")
        if sizes and value >> implemented_width(field, **sizes):
            raise SpecError(f"{field.name} of {kind.name} must be below "
                            f"{1 << implemented_width(field, **sizes)}, not {value!r}")
        if field.signed and value >> (field.width - 1):
            value -= 1 << field.width
        values[field.name] = value
    return kind, values
