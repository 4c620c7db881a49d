"""What a COMPUTE command calculates, all pixels of a step at once."""

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
import torch

from sparrow.golden.post import requantize
from sparrow.hw.spec.accelerator import AcceleratorSpec
from sparrow.hw.spec.commands import tiles
from sparrow.hw.spec.requantize import RequantizeSpec

from .addresses import Values, kernel_rows, plane_origin
from .errors import MachineError
from .weights import OutputBlock

__all__ = ["Results", "check_compute", "compute"]

SHIFTED = 8  # bits by which ``shifted`` sums count more
Read = Callable[[int, np.ndarray], np.ndarray]


@dataclasses.dataclass(frozen=True)
class Results:
    """Vectors that an output block gives, one for each pixel, int8, shape (pixels, columns)."""

    output_block: int
    vectors: np.ndarray


def check_compute(spec: AcceleratorSpec, values: Values) -> None:
    """Check fields that exclude each other, and the number of pixels.

    Raises
    ------
    MachineError
        ``ILLEGAL_COMMAND`` or ``ACCUMULATORS``.
    """
    if values["int4"]:
        if not spec.int4:
            raise MachineError("ILLEGAL_COMMAND",
                               "COMPUTE: int4 must be 0 in an accelerator of int8, not 1")
        for name in ("channel_alternate", "block_alternate", "source_bank"):
            if values[name]:
                raise MachineError("ILLEGAL_COMMAND", f"COMPUTE: {name} must be 0 with int4, not 1")
    if values["map"]:
        for name in ("reuse", "maximum", "shifted", "window"):
            if values[name]:
                raise MachineError("ILLEGAL_COMMAND", f"COMPUTE: {name} must be 0 with map, not 1")
    if values["winograd"]:
        _check_winograd(spec, values)
        return
    if values["window"]:
        _check_window(spec, values)
    elif values["down"]:
        raise MachineError("ILLEGAL_COMMAND", "COMPUTE: down must be 0 without window, not 1")
    pixels = values["out_height"] * values["out_width"]
    if pixels > spec.accumulator_depth:
        raise MachineError("ACCUMULATORS", f"COMPUTE: pixels must be at most "
                                           f"{spec.accumulator_depth}, not {pixels}")


def _check_winograd(spec: AcceleratorSpec, values: Values) -> None:
    wanted = dict.fromkeys(("kernel_height", "kernel_width"), 3) | dict.fromkeys(
        ("stride_y", "stride_x", "dilation_y", "dilation_x"), 1) | dict.fromkeys(
        ("int4", "reuse", "maximum", "shifted", "window", "down", "map", "block_alternate",
         "block_step"), 0)
    for name, value in wanted.items():
        if values[name] != value:
            raise MachineError("ILLEGAL_COMMAND", f"COMPUTE: {name} must be {value} with winograd, "
                                                  f"not {values[name]}")
    found = tiles(values, spec.winograd_tile)
    if found > spec.winograd_tiles:
        raise MachineError("ACCUMULATORS", f"COMPUTE: tiles must be at most {spec.winograd_tiles} "
                                           f"with winograd, not {found}")


def _check_window(spec: AcceleratorSpec, values: Values) -> None:
    if not spec.window:
        raise MachineError("ILLEGAL_COMMAND",
                           "COMPUTE: window must be 0 in an accelerator without one, not 1")
    for name, wanted in (("int4", 0), ("maximum", 0), ("shifted", 0), ("channel_blocks", 1)):
        if values[name] != wanted:
            raise MachineError("ILLEGAL_COMMAND", f"COMPUTE: {name} must be {wanted} with window, "
                                                  f"not {values[name]}")
    taps = values["kernel_height"] * values["kernel_width"]
    if taps > spec.window:
        raise MachineError("ILLEGAL_COMMAND", "COMPUTE: kernel positions must be at most "
                                              f"{spec.window} with window, not {taps}")


def compute(spec: AcceleratorSpec, values: Values, weights: Sequence[OutputBlock],
            read: Read) -> list[Results]:
    """The results of a COMPUTE command.

    Parameters
    ----------
    values : mapping of str to int
        The command's fields.
    weights : sequence of OutputBlock
        One for each of ``output_blocks``.
    read : function
        Of a bank and an array of rows, the vectors in them, int8.

    Raises
    ------
    MachineError
        ``MISMATCH`` if the blocks aren't as many, or not of the kind, that the command takes.
    """
    rows, inside = kernel_rows(values)
    patches: dict[tuple[int, int], np.ndarray] = {}

    def patch(bank: int, row: int) -> np.ndarray:
        """Vectors of a channel block, shape (kernel height, kernel width, pixels, lanes)."""
        if (bank, row) not in patches:
            vectors = np.full((*rows.shape, spec.lanes), values["pad_value"], np.int8)
            vectors[inside] = read(bank, (row + rows[inside]) % spec.buffer_rows)
            patches[bank, row] = vectors
        return patches[bank, row]

    results = []
    for output_block in range(values["output_blocks"]):
        own = weights[output_block]
        blocks = weights[0].blocks if values["reuse"] else own.blocks
        _check_blocks(values, own, first=output_block == 0)
        sums: np.ndarray | None = None
        for channel_block in range(values["channel_blocks"]):
            step = _step(values, output_block, channel_block, patch, blocks)
            sums = (step if sums is None
                    else np.maximum(sums, step) if values["maximum"] else sums + step)
        assert sums is not None
        results.append(Results(output_block, _finish(spec, sums, own)))
        if values["block_step"] or values["block_alternate"]:
            patches.clear()
    return results


def _check_blocks(values: Values, own: OutputBlock, *, first: bool) -> None:
    for name, found in (("int4", own.int4), ("reuse", own.reuse), ("map", own.kept is not None),
                        ("winograd", own.winograd)):
        if found != bool(values[name]):
            raise MachineError("MISMATCH", f"COMPUTE: {name} must be that of its weights, "
                                           f"{int(found)}, not {values[name]}")
    wanted = (int(first) if values["reuse"] else 1 if values["window"] else
              values["channel_blocks"] * values["kernel_height"] * values["kernel_width"])
    if len(own.blocks) != wanted:
        raise MachineError("MISMATCH", f"COMPUTE: an output block takes {wanted} weight blocks, "
                                       f"not {len(own.blocks)}")


def _step(values: Values, output_block: int, channel_block: int,
          patch: Callable[[int, int], np.ndarray], blocks: np.ndarray) -> np.ndarray:
    """Sums, or maxima, of a channel block over the kernel: int64, shape (pixels, columns)."""
    height, width = values["kernel_height"], values["kernel_width"]
    bank, row = plane_origin(values, output_block, channel_block)
    if values["window"]:
        return _window(patch(bank, row), blocks[0])
    planes = [(patch(bank, row), 0)]
    if values["int4"]:
        last = channel_block == values["channel_blocks"] - 1
        if not (values["half"] and last):
            planes.append((patch(1, row), 1))
    total: np.ndarray | None = None
    for y in range(height):
        for x in range(width):
            position = (channel_block * height + y) * width + x
            block = blocks[0 if values["reuse"] else position]
            product = sum(vectors[y, x].astype(np.float64) @ block[half].astype(np.float64)
                          for vectors, half in planes)
            if values["shifted"] and y == 0:
                product = product * (1 << SHIFTED)
            if total is None:
                total = product
            else:
                total = np.maximum(total, product) if values["maximum"] else total + product
    assert total is not None
    return total.astype(np.int64)


def _window(vectors: np.ndarray, block: np.ndarray) -> np.ndarray:
    """Sums of each channel alone; lane l holds the weights of the l-th operand before the last.

    Operands go down the columns of the kernel, one column after the other.
    """
    taps = vectors.transpose(1, 0, 2, 3)[::-1, ::-1].astype(np.int64)
    taps = taps.reshape(-1, *taps.shape[2:])
    if block[0, len(taps):].any():
        raise MachineError("MISMATCH", f"COMPUTE: weights of lanes from {len(taps)} on must be 0 "
                                       "with window")
    return np.einsum("tpc,tc->pc", taps, block[0, :len(taps)].astype(np.int64))


def _finish(spec: AcceleratorSpec, sums: np.ndarray, block: OutputBlock) -> np.ndarray:
    """Bias, scale, offset and limits; sums wrap as the hardware's registers do."""
    half = 1 << (spec.accumulator_width - 1)
    biased = (sums + block.bias + half) % (2 * half) - half
    numbers = RequantizeSpec(
        columns=spec.columns, lanes=spec.columns, accumulator_width=spec.accumulator_width,
        mantissa_width=spec.mantissa_width, rounding=spec.rounding)
    results = requantize(numbers, torch.from_numpy(biased), torch.from_numpy(block.mantissa),
                         torch.from_numpy(block.shift), block.zero_point, block.minimum,
                         block.maximum)
    return results.to(torch.int8).numpy()
