"""What a weight stream holds: parameter sets and weight blocks."""

import dataclasses

import numpy as np

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
    int4 : bool
    blocks : numpy.ndarray, int8, shape (blocks, halves, lanes, columns)
        ``halves`` is 2 with ``int4``, else 1. No blocks where those of an earlier one are used.
    """

    bias: np.ndarray
    mantissa: np.ndarray
    shift: np.ndarray
    zero_point: int
    minimum: int
    maximum: int
    int4: bool
    blocks: np.ndarray


def stream_bytes(spec: AcceleratorSpec, values: Values) -> int:
    """Bytes of the stream of a WEIGHTS command."""
    served = 1 if values["reuse"] else values["output_blocks"]
    return (values["output_blocks"] * spec.columns * PARAMETER_BYTES
            + served * values["blocks"] * spec.lanes * spec.columns)


def read_weights(spec: AcceleratorSpec, values: Values, stream: bytes) -> list[OutputBlock]:
    """The output blocks in a stream.

    Raises
    ------
    MachineError
        ``STREAM`` if the length isn't right, or a parameter sets bits that it doesn't have or
        a value that the hardware can't hold.
    """
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
        if shift.max() >= 1 << SHIFT_BITS or mantissa.max() >= 1 << spec.mantissa_width:
            raise MachineError("STREAM", "WEIGHTS: a scale must have a mantissa of "
                                         f"{spec.mantissa_width} bits and a shift of {SHIFT_BITS}")
        blocks = np.zeros((0, 1, spec.lanes, spec.columns), np.int8)
        if number == 0 or not values["reuse"]:
            cells = take(values["blocks"] * spec.lanes * spec.columns).reshape(
                -1, 1, spec.lanes, spec.columns)
            blocks = _nibbles(cells) if values["int4"] else cells.view(np.int8)
        result.append(OutputBlock(
            bias=records[:, 0].view("<i4").astype(np.int64), mantissa=mantissa, shift=shift,
            zero_point=values["zero_point"], minimum=values["minimum"],
            maximum=values["maximum_value"], int4=bool(values["int4"]), blocks=blocks))
    return result


def _nibbles(cells: np.ndarray) -> np.ndarray:
    """Both signed nibbles of each byte, low ones first, along the second axis."""
    signed = cells.view(np.int8)
    return np.concatenate([(signed << 4).astype(np.int8) >> 4, signed >> 4], axis=1)
