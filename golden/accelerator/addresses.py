"""Which rows of the activation buffer and bytes of memory a command touches."""

from collections.abc import Mapping

import numpy as np

from sparrow.hw.spec.accelerator import AcceleratorSpec

from .errors import MachineError

__all__ = ["Transfer", "destination_rows", "kernel_rows", "plane_origin", "transfer"]

COORDINATES = 1 << 13
Values = Mapping[str, int]


class Transfer:
    """Where the vectors of a LOAD or STORE lie.

    Attributes
    ----------
    bytes, banks, rows : numpy.ndarray, int64, shape (planes, runs, run)
        Of each vector: its first byte in the data window, its bank, its row.
    """

    def __init__(self, spec: AcceleratorSpec, values: Values):
        shape = values["planes"], values["runs"], values["run"]
        plane, run, vector = np.ogrid[:shape[0], :shape[1], :shape[2]]
        joined = values.get("unfold") and values["joined"]
        last = 0 if joined else (shape[1] - 1) * values["run_stride"]
        self.bytes = np.broadcast_to(
            values["offset"] + plane * (last + values["plane_stride"])
            + run * values["run_stride"] + vector * spec.lanes, shape)
        moved = values["bank"] + plane
        bank = moved & 1 if values["alternate"] else np.full_like(plane, values["bank"])
        turn = moved >> 1 if values["alternate"] else plane
        self.banks = np.broadcast_to(bank, shape)
        self.rows = np.broadcast_to(
            (values["row"] + turn * values["plane_step"] + run * values["run_step"] + vector)
            % spec.buffer_rows, shape)


def transfer(spec: AcceleratorSpec, values: Values) -> Transfer:
    """Where the vectors of a LOAD or STORE lie."""
    return Transfer(spec, values)


def plane_origin(values: Values, output_block: int, channel_block: int) -> tuple[int, int]:
    """Bank and row (not reduced) at which a step's channel block begins.

    With ``int4`` it is the row of both banks.
    """
    bank, row = values["source_bank"], values["source"]
    for index, alternate, step in ((output_block, "block_alternate", "block_step"),
                                   (channel_block, "channel_alternate", "channel_step")):
        if values[alternate]:
            moved = bank + index
            bank, row = moved & 1, row + (moved >> 1) * values[step]
        else:
            row += index * values[step]
    return bank, row


def kernel_rows(values: Values) -> tuple[np.ndarray, np.ndarray]:
    """Rows that the pixels of a COMPUTE meet, relative to ``plane_origin``.

    Returns
    -------
    rows : numpy.ndarray, int64, shape (kernel height, kernel width, pixels)
    inside : numpy.ndarray, bool, of the same shape
        Whether there is source, not padding.

    Raises
    ------
    MachineError
        ``RANGE`` if a coordinate isn't below 8192 in magnitude.
    """
    ky, kx, oy, ox = np.ogrid[:values["kernel_height"], :values["kernel_width"],
                              :values["out_height"], :values["out_width"]]
    column = ox * values["stride_x"] + kx * (1 if values["window"] else values["dilation_x"])
    rows = (oy * values["row_step"] + ky * values["kernel_step"]
            + column * (values["channel_step"] if values["window"] else 1))
    y = oy * values["stride_y"] + ky * values["dilation_y"] - values["pad_top"]
    x = column - values["pad_left"]
    for name, place, size in (("row", y, values["height"]), ("column", x, values["width"])):
        largest = max(int(place.max()), size)
        if largest >= COORDINATES:
            raise MachineError("RANGE", f"COMPUTE: a {name} of the source must be below "
                                        f"{COORDINATES}, not {largest}")
    inside = (y >= 0) & (y < values["height"]) & (x >= 0) & (x < values["width"])
    shape = values["kernel_height"], values["kernel_width"], -1
    return rows.reshape(shape), np.broadcast_to(inside, rows.shape).reshape(shape)


def destination_rows(spec: AcceleratorSpec, values: Values,
                     output_block: int) -> tuple[int, np.ndarray]:
    """Bank and rows, one for each pixel, of an output block's results."""
    moved = values["destination_bank"] + output_block
    oy, ox = np.ogrid[:values["out_height"], :values["out_width"]]
    line, place = (ox, oy) if values["down"] else (oy, ox)
    rows = (values["destination"] + (moved >> 1) * values["destination_step"]
            + line * values["destination_row"] + place)
    return moved & 1, rows.reshape(-1) % spec.buffer_rows
