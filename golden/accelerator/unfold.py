"""Rows of an image as a LOAD unfolds them."""

import numpy as np

from sparrow.hw.spec.accelerator import AcceleratorSpec

from .addresses import Values
from .errors import MachineError

__all__ = ["check_unfold", "unfold"]

POSITIONS = 1 << 15


def check_unfold(spec: AcceleratorSpec, values: Values) -> None:
    """Check what the hardware's counters can't hold, and fields that belong together.

    Raises
    ------
    MachineError
        ``RANGE``.
    """
    words = -(-values["row_bytes"] // spec.bus.word_bytes)
    if values["joined"]:
        vectors = -(-values["row_bytes"] // spec.lanes)
        words = values["runs"] * vectors * spec.lanes // spec.bus.word_bytes
        if values["runs"] > 1 and values["run_stride"] != vectors * spec.lanes:
            raise MachineError("RANGE", f"LOAD: run_stride of joined rows must be "
                                        f"{vectors * spec.lanes}, not {values['run_stride']}")
    if values["words"] != words:
        raise MachineError("RANGE", f"LOAD: words of unfolded rows must be {words}, "
                                    f"not {values['words']}")
    end = (values["first"] + (values["run"] - 1) * values["pixel_step"]
           + (1 + values["pair"]) * spec.lanes)
    if end >= POSITIONS:
        raise MachineError("RANGE", f"LOAD: bytes of unfolded rows must be below {POSITIONS}, "
                                    f"not {end}")
    if values["lane"] >= spec.lanes:
        raise MachineError("RANGE", f"LOAD: lane must be below {spec.lanes}, "
                                    f"not {values['lane']}")


def unfold(spec: AcceleratorSpec, values: Values, rows: np.ndarray) -> np.ndarray:
    """The windows of some image rows, whatever ``lane`` says.

    Parameters
    ----------
    rows : numpy.ndarray, int8, shape (rows, at least ``row_bytes``)

    Returns
    -------
    numpy.ndarray, int8, shape (rows, positions, 1 or 2 vectors, lanes)
    """
    position, vector, lane = np.ogrid[:values["run"], :1 + values["pair"], :spec.lanes]
    places = (values["first"] + position * values["pixel_step"] + vector * spec.lanes + lane)
    outside = (places < 0) | (places >= values["row_bytes"])
    if not values["row_bytes"]:
        return np.full((len(rows), *places.shape), values["fill_value"], np.int8)
    windows = rows[:, np.where(outside, 0, places)]
    return np.where(outside, np.int8(values["fill_value"]), windows)
