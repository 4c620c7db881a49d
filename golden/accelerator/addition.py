"""What a COMPUTE command adds to its results on their way to the buffer."""

import numpy as np
import torch

from sparrow.golden.post import requantize
from sparrow.hw.spec.accelerator import AcceleratorSpec
from sparrow.hw.spec.commands import ADD_FRACTION
from sparrow.hw.spec.requantize import RequantizeSpec

from .addresses import Values
from .errors import MachineError

__all__ = ["Addition"]

FIELDS = ("scale_result", "add_factor", "add_offset", "add_mantissa", "add_shift",
          "add_zero_point", "add_minimum", "add_maximum")


class Addition:
    """Additions of successive commands, whose results may still be on their way."""

    def __init__(self, spec: AcceleratorSpec):
        self._spec = spec
        self._pending: dict[str, int] | None = None  # fields that results on their way need

    def begin(self, values: Values) -> None:
        """Check the fields of a command.

        Raises
        ------
        MachineError
            ``ILLEGAL_COMMAND`` if limits are the wrong way round; ``RACE`` if the command before
            it adds, with other fields than this one has, and doesn't drain.
        """
        fields = {name: values[name] for name in FIELDS}
        if self._pending is not None:
            for name, value in self._pending.items():
                if fields[name] != value:
                    raise MachineError(
                        "RACE", f"COMPUTE: {name} must be {value}, since the command before it "
                                f"adds to its results and doesn't drain, not {fields[name]}")
        if values["add"] and values["add_minimum"] > values["add_maximum"]:
            raise MachineError("ILLEGAL_COMMAND",
                               "COMPUTE: add_minimum must be at most add_maximum "
                               f"({values['add_maximum']}), not {values['add_minimum']}")
        self._pending = fields if values["add"] and not values["drain"] else None

    def add(self, values: Values, results: np.ndarray, operands: np.ndarray) -> np.ndarray:
        """Results with operands added, all int8, shape (pixels, columns)."""
        spec = self._spec
        pair = results.astype(np.int64), operands.astype(np.int64)
        multiplied, other = pair if values["scale_result"] else pair[::-1]
        sums = (multiplied * values["add_factor"] + (other << ADD_FRACTION) + values["add_offset"])
        numbers = RequantizeSpec(
            columns=spec.columns, lanes=spec.columns, accumulator_width=spec.accumulator_width,
            mantissa_width=spec.mantissa_width, rounding=spec.rounding)
        found = requantize(numbers, torch.from_numpy(sums),
                           torch.full((spec.columns,), values["add_mantissa"]),
                           torch.full((spec.columns,), values["add_shift"]),
                           values["add_zero_point"], values["add_minimum"],
                           values["add_maximum"])
        return found.to(torch.int8).numpy()
