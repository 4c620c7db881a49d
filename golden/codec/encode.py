"""From weights to streams."""

import dataclasses
import zlib

import numpy as np
import torch

from .arrange import Arrangement
from .bits import GRANULE, BitWriter, packed
from .deal import Deal, block_starts, deal
from .header import CODECS, Header
from .parameters import ParameterFormat, Parameters
from .runs import RunCode
from .stream import ALIGNMENT, PARTS, Stream
from .symbols import Kept, Symbols, bitmask, csr, dense, runs_of, with_runs
from .values import LARGEST_TABLE, ValueCode

__all__ = ["encode"]


def encode(weights: torch.Tensor, codec: str, *, bits: int = 8, codebook: bool = False,
           parameters: Parameters | None = None, lanes: int = 16, columns: int = 16,
           block_map: bool | None = None) -> Stream:
    """A layer's stream.

    Parameters
    ----------
    weights : torch.Tensor, int8, shape (output channels, input channels, kernel height, width)
        Input channels are those of a group. A linear layer is a convolution whose kernel is the
        whole input.
    codec : str
        ``dense``, ``bitmask``, ``rle``, ``csr`` or ``huffman``.
    bits : 8 or 4
        Of a weight.
    codebook : bool
        Whether values are sent as indices into a table of those that occur, at most 32; all but
        ``dense`` leave zero out of it. ``huffman`` with 4 bits always has one.
    parameters : Parameters or None
        To be sent with the weights.
    lanes, columns : int, 1 to 64
        Of the array.
    block_map : bool or None
        Whether steps whose weights are all zero are left out and told by a map; by default
        whichever has fewer bits.

    Returns
    -------
    Stream

    Raises
    ------
    TypeError, ValueError
        If an argument isn't as told above.
    """
    _check(weights, codec, bits, lanes, columns, parameters)
    shape = tuple(int(size) for size in weights.shape)
    arrangement = Arrangement(shape, bits == 4, lanes, columns)  # type: ignore[arg-type]
    laid = arrangement.lay(weights.detach().numpy())
    values = np.unique(laid if codec == "dense" else laid[laid != 0])
    table = codebook or (codec == "huffman" and bits == 4)
    if table and len(values) > LARGEST_TABLE:
        raise ValueError(f"weights must have at most {LARGEST_TABLE} values for a codebook, "
                         f"not {len(values)}")
    present = _present(arrangement, laid)
    choices = [present] if block_map else [np.ones_like(present)]
    if block_map is None and not present.all():
        choices.append(present)
    plans = [_plan(arrangement, laid, steps, codec, bits, table) for steps in choices]
    return _stream(min(plans, key=lambda plan: plan.bits), parameters)



def _check(weights: object, codec: object, bits: object, lanes: object, columns: object,
           parameters: Parameters | None) -> None:
    if not isinstance(weights, torch.Tensor) or weights.dtype != torch.int8:
        found = weights.dtype if isinstance(weights, torch.Tensor) else type(weights).__name__
        raise TypeError(f"weights must be a tensor of torch.int8, not {found}")
    if weights.dim() != 4 or not weights.numel():
        raise ValueError("weights must have 4 dimensions of at least 1, "
                         f"not shape {tuple(weights.shape)}")
    if codec not in CODECS:
        raise ValueError(f"codec must be one of {', '.join(CODECS)}, not {codec!r}")
    if bits not in (8, 4) or isinstance(bits, bool):
        raise ValueError(f"bits must be 8 or 4, not {bits!r}")
    for name, value in (("lanes", lanes), ("columns", columns)):
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 64:
            raise ValueError(f"{name} must be an integer from 1 to 64, not {value!r}")
    if bits == 4 and not -8 <= weights.min() <= weights.max() <= 7:
        worst = weights.min() if weights.min() < -8 else weights.max()
        raise ValueError(f"weights must be -8 to 7 in 4 bits, not {int(worst)}")
    if parameters is not None:
        counts = {len(parameters.bias), len(parameters.mantissa), len(parameters.shift)}
        if counts != {len(weights)}:
            raise ValueError(f"parameters must be for {len(weights)} output channels, "
                             f"not {', '.join(map(str, sorted(counts)))}")


def _present(arrangement: Arrangement, laid: np.ndarray) -> np.ndarray:
    """Which steps have a weight that isn't zero, bool, shape (output blocks, steps)."""
    some = laid.any(axis=0)
    starts = np.cumsum(arrangement.sizes) - arrangement.sizes
    first = np.searchsorted(arrangement.steps, np.arange(arrangement.step_count))
    return np.logical_or.reduceat(some, starts[first], axis=1)


@dataclasses.dataclass(frozen=True, eq=False)
class _Plan:
    """Symbols of a layer, and how they were made."""

    arrangement: Arrangement
    codec: str
    four_bit: bool
    steps: np.ndarray
    kept: Kept
    symbols: Symbols
    values: ValueCode
    runs: RunCode | None = None
    count_bits: int = 0

    @property
    def skips(self) -> bool:
        return not self.steps.all()

    @property
    def bits(self) -> int:
        """Bits of symbols and block map."""
        return self.symbols.bits - self.symbols.filling + (self.steps.size if self.skips else 0)


def _plan(arrangement: Arrangement, laid: np.ndarray, steps: np.ndarray, codec: str, bits: int,
          table: bool) -> _Plan:
    kept = Kept(arrangement, laid, steps)
    sent = kept.values[kept.exist] if codec == "dense" else kept.values[kept.values != 0]
    values = ValueCode.of(sent, bits, table=table, coded=codec == "huffman" and table)
    runs, count_bits = None, 0
    if codec == "dense":
        symbols = dense(kept, values)
    elif codec == "bitmask":
        symbols = bitmask(kept, values)
    elif codec == "csr":
        count_bits = max(1, _largest_count(kept).bit_length())
        symbols = csr(kept, values, count_bits, arrangement.index_bits)
    else:
        found = runs_of(kept)[2]
        runs = (RunCode.huffman(found) if codec == "huffman"
                else RunCode.fixed(found, values.width))
        symbols = with_runs(kept, values, runs)
    return _Plan(arrangement, codec, bits == 4, steps, kept, symbols, values, runs, count_bits)


def _largest_count(kept: Kept) -> int:
    """The most nonzeros that a lane has in a block."""
    if not len(kept.sizes):
        return 0
    return int(np.add.reduceat(kept.values != 0, kept.starts, axis=1, dtype=np.int64).max())


def _stream(plan: _Plan, parameters: Parameters | None) -> Stream:
    kept, symbols, arrangement = plan.kept, plan.symbols, plan.arrangement
    columns = arrangement.columns
    ends = np.cumsum(symbols.widths)
    bounds = np.searchsorted(symbols.lane, np.arange(columns + 1))
    used = np.diff(np.append(0, ends)[bounds])
    granules = -(-used // GRANULE)
    bases = np.cumsum(granules) - granules
    ends -= np.append(0, ends)[bounds[:-1]][symbols.lane]
    payload = packed(symbols.values, symbols.widths, ends + GRANULE * bases[symbols.lane])
    if plan.runs is not None:
        _fill(payload, (bases + granules - 1)[granules > 0], (used % GRANULE)[granules > 0],
              plan.runs)
    starts, steps = block_starts(symbols, len(kept.sizes), columns)
    order = deal(symbols, steps, ends, granules)
    format_ = ParameterFormat.of(parameters)
    scale = None
    if parameters is not None and format_.bias_bits and format_.shared:
        scale = int(parameters.mantissa[0]), int(parameters.shift[0])
    header = Header(
        codec=plan.codec, bits=4 if plan.four_bit else 8, shape=arrangement.shape,
        skips=plan.skips, parameters=format_, scale=scale, granules=int(granules.sum()),
        tails=order.tails, values=plan.values, runs=plan.runs, count_bits=plan.count_bits)
    writer = BitWriter()
    parts = dict.fromkeys(PARTS, 0) | header.write(writer)
    blocks = [writer.granules()]
    blocks += _interleaved(plan, parameters, format_, payload[bases[order.lane] + order.number],
                           order, starts, parts)
    data = b"".join(blocks)
    data += zlib.crc32(data).to_bytes(4, "little")
    parts["header"] += 32
    data += bytes(-len(data) % ALIGNMENT)
    parts["weights"] = symbols.bits - symbols.filling
    parts["padding"] = 8 * len(data) - sum(parts.values())
    return Stream(data=data, lanes=arrangement.lanes, columns=columns, bits=parts)


def _fill(payload: np.ndarray, last: np.ndarray, used: np.ndarray, runs: RunCode) -> None:
    """Fill the ends of some granules with escapes."""
    symbols, widths = runs.symbols
    pattern, width = int(symbols[-1]), int(widths[-1])
    while width < GRANULE:
        pattern, width = pattern | pattern << width, 2 * width
    for place, bits in zip(last.tolist(), used.tolist()):
        if bits:
            payload[place] |= pattern << bits & 0xFFFF


def _interleaved(plan: _Plan, parameters: Parameters | None, format_: ParameterFormat,
                 payload: np.ndarray, order: Deal, starts: np.ndarray,
                 parts: dict[str, int]) -> list[bytes]:
    """What stands before each output block, and between them the granules that are dealt before
    its first step; adds the bits of the former to ``parts``."""
    arrangement = plan.arrangement
    cuts = np.searchsorted(order.step, starts[plan.kept.first_block])
    result, before = [], 0
    for block, cut in enumerate(cuts.tolist()):
        result.append(payload[before:cut].tobytes())
        before = cut
        writer = BitWriter()
        if plan.skips:
            for step in plan.steps[block].tolist():
                writer.write(step, 1)
            parts["map"] += writer.bits
        if parameters is not None and format_.bias_bits:
            first = block * arrangement.columns
            channels = range(first, first + arrangement.columns_of(block))
            format_.write_channels(writer, parameters, channels)
            parts["biases"] += len(channels) * format_.bias_bits
            if not format_.shared:
                parts["scales"] += len(channels) * format_.scale_bits
        result.append(writer.granules())
    result.append(payload[before:].tobytes())
    return result
