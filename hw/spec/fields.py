"""The fields of commands: where they lie, what they mean, how much of them an accelerator has."""

import dataclasses

__all__ = ["COMPUTE", "COORDINATE_WIDTH", "HEADER", "LOAD", "STORE", "WEIGHTS", "Field",
           "implemented_width"]

COORDINATE_WIDTH = 14  # bits in which coordinates of the source wrap


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
    "plane_stride 32: bytes from the last run of a plane to the first of the next",
    "run 16 count: vectors of a run, which lie side by side in memory and in the buffer",
    "runs 16 count: runs of a plane",
    "planes 16 count: planes, one for each channel block",
    "row 16: buffer row of the first vector",
    "run_step 16: buffer rows from one run to the next",
    "plane_step 16: buffer rows from one plane to the next one in the same bank")

STORE = _fields(
    "bank 1: bank of the first plane",
    "alternate 1: successive planes lie in alternating banks",
    "patience 8: cycles that a vector waits at most while the array reads its bank",
    "- 22: ",
    *_COPY)

LOAD = _fields(
    "bank 1: bank of the first plane",
    "alternate 1: successive planes lie in alternating banks",
    "unfold 1: a run is a row of an image in memory, and windows of it in the buffer, one for each "
    "of run positions",
    "pair 1: unfold: a position is two vectors of the same row, the second in the other bank",
    "joined 1: unfold: the rows of a plane, whole vectors, lie side by side and are read as one "
    "run",
    "- 27: ",
    *_COPY,
    "words 24: unfold: bus words of a row, those that its bytes are in; joined: of all rows",
    "lane 8: unfold: first lane that is written; those below keep what they have",
    "row_bytes 16: unfold: bytes of an image row; with 0 nothing is read",
    "first 16 signed: unfold: byte of the row that lane 0 of the first position takes",
    "pixel_step 8: unfold: bytes from one position to the next",
    "fill_value 8 signed: unfold: what bytes outside a row read as")

WEIGHTS = _fields(
    "int4 1: blocks hold 4-bit weights, two channel blocks each",
    "reuse 1: there are blocks for the first output block only, and they serve all",
    "compressed 1: the stream has a header, see docs/weight-stream.md, that says the same as "
    "output_blocks, blocks, int4, reuse and map",
    "map 1: compressed: the stream has a block map, which COMPUTE takes with it",
    "winograd 1: blocks are the taps of 3×3 kernels, which are transformed in front of the array",
    "- 27: ",
    "offset 32: first byte in the program window, a multiple of the bus word",
    "words 24 count: bus words of the stream",
    "zero_point 8 signed: zero point of the output, the same for all parameter sets",
    "output_blocks 16 count: parameter sets, each followed by its blocks",
    "blocks 16 count: weight blocks of an output block",
    "minimum 8 signed: smallest output",
    "maximum_value 8 signed: largest output")

COMPUTE = _fields(
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
    "add 1: to each result the vector is added that lies where it goes",
    "scale_result 1: add: factor is that of results, not that of what is added",
    "drain 1: the next command is begun when all results are in the buffer: if this one adds, and "
    "the next one, adding or not, hasn't the same fields for it",
    "map 1: weights have a block map: steps that aren't in the stream take no vectors; not with "
    "reuse, maximum, shifted, window or winograd",
    "winograd 1: a 3×3 kernel, strides and dilations of 1, by Winograd's algorithm; results come "
    "in tiles, at most winograd_tiles of them; not with reuse, maximum, shifted, window, "
    "block_alternate or block_step",
    "- 15: ",
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
    "pad_value 8 signed: what padding reads as",
    "add_factor 16: add: factor of one of both, 2^15 - 1 at most; that of the other is 2^14",
    "add_offset 24 signed: add: added to both products",
    "add_mantissa 24: add: mantissa of the sum's scale",
    "add_shift 8: add: shift of the sum's scale",
    "add_zero_point 8 signed: add: zero point of the output",
    "add_minimum 8 signed: add: smallest output",
    "add_maximum 8 signed: add: largest output")


_BY_ROWS = frozenset({"run", "runs", "planes", "channel_blocks", "output_blocks"})
_BY_DEPTH = frozenset({"out_height", "out_width"})
_BY_COORDINATE = frozenset({"height", "width"})
_ADDING = {"add": 1, "scale_result": 1, "drain": 1, "add_factor": 15, "add_offset": 24,
           "add_mantissa": None, "add_shift": 6, "add_zero_point": 8, "add_minimum": 8,
           "add_maximum": 8}  # bits, those of a mantissa for None
_UNFOLDING = frozenset({"unfold", "pair", "joined", "words", "row_bytes", "first", "pixel_step",
                        "lane", "fill_value"})

_DECODING = frozenset({"compressed", "map"})


def implemented_width(field: Field, *, buffer_rows: int, accumulator_depth: int,
                      line_bytes: int, residual_add: int, mantissa_width: int,
                      compressed: int, winograd: int) -> int:
    """Bits of a field that an accelerator has; the upper ones must be 0.

    Counts of what lies in the buffer have a bit more than its rows need, those of pixels as many
    as the number of accumulators needs, sizes of the source one less than coordinates, those of
    image rows as many as the number of bytes of the line memory; without it there is no unfolding,
    without ``residual_add`` nothing is added to results, without codecs no stream is compressed.
    """
    if field.name == "winograd":
        return int(bool(winograd))
    if field.name in _DECODING:
        return int(bool(compressed))
    if field.name in _UNFOLDING and not field.count and not line_bytes:
        return 0
    if field.name in _ADDING:
        return min(field.width, _ADDING[field.name] or mantissa_width) if residual_add else 0
    if field.name == "row_bytes":
        return (line_bytes - 1).bit_length()
    if field.name in _BY_ROWS and field.count:
        return min(field.width, (buffer_rows - 1).bit_length() + 1)
    if field.name in _BY_DEPTH:
        return min(field.width, accumulator_depth.bit_length())
    return COORDINATE_WIDTH - 1 if field.name in _BY_COORDINATE else field.width
