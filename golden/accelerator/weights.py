"""What a weight stream holds: parameter sets and weight blocks."""

import dataclasses

import numpy as np

from sparrow.golden.codec import ERRORS, Contents, StreamError, decode_blocks, read_header
from sparrow.hw.spec.accelerator import AcceleratorSpec

from .addresses import Values
from .errors import MachineError

__all__ = ["PARAMETER_BYTES", "OutputBlock", "read_weights", "stream_bytes"]

PARAMETER_BYTES = 8  # of a column: bias, then mantissa and shift
MANTISSA_BITS, SHIFT_BITS = 24, 6


@dataclasses.dataclass(frozen=True, kw_only=True)
class OutputBlock:
    """Parameters of ``columns`` output channels, and their weights.

    Parameters
    ----------
    bias, mantissa, shift : numpy.ndarray, int64, shape (columns,)
    zero_point, minimum, maximum : int
    int4, reuse : bool
        Of their WEIGHTS.
    blocks : numpy.ndarray, int8, shape (blocks, halves, lanes, columns)
        ``halves`` is 2 with ``int4``, else 1. No blocks where those of an earlier one are used.
    kept : numpy.ndarray, bool, shape (blocks,), or None
        Which of them are in the stream, if it has a block map; the others are zero.
    winograd : bool
        They are taps, which are transformed.
    """

    bias: np.ndarray
    mantissa: np.ndarray
    shift: np.ndarray
    zero_point: int
    minimum: int
    maximum: int
    int4: bool
    reuse: bool
    blocks: np.ndarray
    kept: np.ndarray | None = None
    winograd: bool = False


def stream_bytes(spec: AcceleratorSpec, values: Values) -> int:
    """Bytes of the stream of a WEIGHTS command that isn't compressed."""
    served = 1 if values["reuse"] else values["output_blocks"]
    return (values["output_blocks"] * spec.columns * PARAMETER_BYTES
            + served * values["blocks"] * spec.lanes * spec.columns)


def read_weights(spec: AcceleratorSpec, values: Values, stream: bytes) -> list[OutputBlock]:
    """The output blocks in a stream.

    Raises
    ------
    MachineError
        ``STREAM`` if the length isn't right, a compressed stream isn't well formed, its header
        says something else than the command, it needs a decoder that the accelerator hasn't, or
        a parameter sets bits that it doesn't have or a value that the hardware can't hold.
    """
    if values["compressed"]:
        return _output_blocks(spec, values, _decoded(spec, values, stream))
    wanted = stream_bytes(spec, values)
    if len(stream) != wanted:
        raise MachineError("STREAM", f"WEIGHTS: the stream must have {wanted} bytes, "
                                     f"not {len(stream)}")
    position, result = 0, []

    def take(count: int) -> np.ndarray:
        nonlocal position
        position += count
        return np.frombuffer(stream, np.uint8, count, position - count)

    for number in range(values["output_blocks"]):
        records = take(spec.columns * PARAMETER_BYTES).view("<u4").reshape(-1, 2)
        scales = records[:, 1].astype(np.int64)
        mantissa = scales & ((1 << MANTISSA_BITS) - 1)
        shift = scales >> MANTISSA_BITS
        _check_scales(spec, mantissa, shift)
        blocks = np.zeros((0, 1, spec.lanes, spec.columns), np.int8)
        if number == 0 or not values["reuse"]:
            cells = take(values["blocks"] * spec.lanes * spec.columns).reshape(
                -1, 1, spec.lanes, spec.columns)
            blocks = _nibbles(cells) if values["int4"] else cells.view(np.int8)
        result.append(OutputBlock(
            bias=records[:, 0].view("<i4").astype(np.int64), mantissa=mantissa, shift=shift,
            zero_point=values["zero_point"], minimum=values["minimum"],
            maximum=values["maximum_value"], int4=bool(values["int4"]),
            reuse=bool(values["reuse"]), blocks=blocks,
            winograd=bool(values["winograd"])))
    return result


def _check_scales(spec: AcceleratorSpec, mantissa: np.ndarray, shift: np.ndarray,
                  stream_error: int = 0) -> None:
    if shift.max() >= 1 << SHIFT_BITS or mantissa.max() >= 1 << spec.mantissa_width:
        raise MachineError("STREAM", "WEIGHTS: a scale must have a mantissa of "
                           f"{spec.mantissa_width} bits and a shift of {SHIFT_BITS}", stream_error)


def _decoded(spec: AcceleratorSpec, values: Values, stream: bytes) -> Contents:
    """What is in a compressed stream, which the command and the accelerator must agree with."""
    def require(name: str, wanted: object, found: object, code: str = "SIZE") -> None:
        if wanted != found:
            raise MachineError("STREAM", f"WEIGHTS: {name} of the stream must be {wanted}, "
                                         f"not {found}", ERRORS[code])

    try:
        header = read_header(stream, lanes=spec.lanes)
        codecs = [codec.value for codec in spec.codecs]
        if header.codec not in codecs:
            raise StreamError("FORMAT", f"Codec of the stream must be one of {', '.join(codecs)}, "
                                        f"not {header.codec}")
        entries = len(header.values.entries or ())
        if entries > spec.codebook:
            raise StreamError("FORMAT", f"Table of the stream must have at most {spec.codebook} "
                                        f"entries, not {entries}")
        for name, wanted, found in (
                ("output_blocks", values["output_blocks"], header.output_blocks),
                ("blocks", values["blocks"], header.steps),
                ("int4", values["int4"], int(header.four_bit)),
                ("reuse", values["reuse"], int(header.reuse)),
                ("map", values["map"], int(header.map)),
                ("parameters", 1, int(header.parameters.bias_bits > 0))):
            require(name, wanted, found)
        return decode_blocks(stream, lanes=spec.lanes, columns=spec.columns,
                             word_bytes=spec.bus.word_bytes)
    except StreamError as error:
        raise MachineError("STREAM", f"WEIGHTS: {error}", error.code) from None


def _output_blocks(spec: AcceleratorSpec, values: Values, contents: Contents) -> list[OutputBlock]:
    """The output blocks of a compressed stream."""
    parameters, result = contents.parameters, []
    assert parameters is not None
    _check_scales(spec, parameters.mantissa, parameters.shift, ERRORS["FORMAT"])
    for number in range(values["output_blocks"]):
        own = slice(number * spec.columns, (number + 1) * spec.columns)
        there = number < len(contents.blocks)
        result.append(OutputBlock(
            bias=parameters.bias[own], mantissa=parameters.mantissa[own],
            shift=parameters.shift[own], zero_point=values["zero_point"],
            minimum=values["minimum"], maximum=values["maximum_value"],
            int4=bool(values["int4"]), reuse=bool(values["reuse"]),
            winograd=bool(values["winograd"]),
            blocks=contents.blocks[number] if there else contents.blocks[0, :0],
            kept=contents.kept[number] if there and contents.header.map else None))
    return result


def _nibbles(cells: np.ndarray) -> np.ndarray:
    """Both signed nibbles of each byte, low ones first, along the second axis."""
    signed = cells.view(np.int8)
    return np.concatenate([(signed << 4).astype(np.int8) >> 4, signed >> 4], axis=1)
