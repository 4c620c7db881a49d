"""From weights to streams."""

import dataclasses
import zlib

import numpy as np

from .bits import GRANULE
from .choose import Choice, choices
from .deal import Dealing
from .header import CODECS, MOST_GRANULES, Header
from .parameters import ParameterFormat, Parameters
from .stream import PARTS, Stream

__all__ = ["check_array", "encode_blocks"]

GOALS = "bits", "cycles"
CHECKSUM_BYTES = 4
MOST = 65535  # output blocks, and blocks of one
Section = tuple[int, str, np.ndarray]  # in front of which block, part, granules


def encode_blocks(blocks: np.ndarray, codec: str, *, four_bit: bool = False,
                  codebook: bool = False, parameters: Parameters | None = None,
                  reuse: bool = False, block_map: bool | None = None, fixed: bool | None = None,
                  goal: str = "bits", word_bytes: int = 8) -> Stream:
    """The stream of some output blocks.

    Parameters
    ----------
    blocks : numpy.ndarray, int8, shape (output blocks, steps, halves, lanes, columns)
        One half with 8 bits, two with 4. With ``reuse`` those of the first output block.
    codec : str
        ``dense``, ``bitmask``, ``rle``, ``csr`` or ``huffman``.
    four_bit : bool
        Whether weights have 4 bits, not 8.
    codebook : bool
        Whether values are sent as indices into a table of those that occur, at most 32; all but
        ``dense`` leave zero out of it. ``huffman`` with 4 bits always has one, ``dense`` with 4
        bits never.
    parameters : Parameters or None
        Of all output channels, to be sent with the weights. The last output block may have fewer
        channels than columns.
    reuse : bool
        Whether the blocks serve all output blocks; ``parameters`` tell how many there are.
    block_map : bool or None
        Whether steps whose weights are all zero are left out and told by a map; by default
        whichever is better.
    fixed : bool or None
        With ``csr``: whether all blocks have as many entries as the fullest, and no number of
        them is sent (N:M patterns); by default whichever is better.
    goal : str
        ``bits``: the fewest bits. ``cycles``: the least of what takes longer, the steps of the
        decoder or the words of the stream.
    word_bytes : 4, 8, 16 or 32

    Returns
    -------
    Stream

    Raises
    ------
    TypeError, ValueError
        If an argument isn't as told above.
    """
    _check(blocks, codec, four_bit, codebook, fixed, goal, word_bytes)
    output_blocks, steps, _, lanes, columns = blocks.shape
    last_columns = columns
    if parameters is not None:
        channels = len(parameters.bias)
        if reuse:
            output_blocks = max(1, -(-channels // columns))
        last_columns = channels - (output_blocks - 1) * columns
        parameters.check(channels if 0 < last_columns <= columns else output_blocks * columns)
    if not 1 <= output_blocks <= MOST or steps > MOST or (reuse and len(blocks) > 1):
        raise ValueError("blocks must be of at most 65535 output blocks of 65535, with reuse of "
                         f"one, not shape {blocks.shape}")
    # positions: array lane, then half
    laid = np.ascontiguousarray(blocks.transpose(4, 0, 1, 3, 2)).reshape(
        columns, len(blocks) * steps, -1)
    present: np.ndarray = (blocks != 0).any(axis=(2, 3, 4))
    present[:, -1] = True
    maps = [present] if block_map else [np.ones_like(present)]
    if block_map is None and not present.all():
        maps.append(present)
    table = codebook or (codec == "huffman" and four_bit)
    best: tuple[tuple[float, ...], Choice, np.ndarray] | None = None
    for number, keep in enumerate(maps):
        weights = laid if keep.all() else laid[:, keep.ravel()]
        skips = bool(block_map or number)
        own = len(keep) * -(-steps // GRANULE) * GRANULE if skips else 0
        for choice in choices(weights, codec, four_bit=four_bit, table=table, fixed=fixed,
                              steps=goal == "cycles"):
            bits = choice.bits + own
            score: tuple[float, ...] = (bits, choice.steps or 0)
            if goal == "cycles":
                score = max(choice.steps or 0, bits / 8 / word_bytes), bits
            if best is None or score <= best[0]:
                best = score, choice, keep
    assert best is not None
    _, choice, keep = best
    format_ = ParameterFormat.of(parameters)
    scale = None
    if parameters is not None and format_.shared:
        scale = int(parameters.mantissa[0]), int(parameters.shift[0])
    header = Header(
        codec=codec, four_bit=four_bit, map=bool(block_map or (block_map is None
                                                               and not keep.all())),
        reuse=reuse, parameters=format_, scale=scale, last_columns=last_columns,
        output_blocks=output_blocks, steps=steps, values=choice.values, runs=choice.runs,
        count_bits=choice.count_bits, fixed=choice.fixed)
    dealing = Dealing(choice.symbols(blocks.shape[2]), columns, int(keep.sum()))
    return _stream(header, _sections(header, keep, parameters, columns), dealing,
                   lanes, columns, word_bytes)


def check_array(lanes: object, columns: object) -> None:
    """Raise ``ValueError`` if an array can't be of this size."""
    if isinstance(lanes, bool) or lanes not in (4, 8, 16, 32, 64):
        raise ValueError(f"lanes must be a power of two from 4 to 64, not {lanes!r}")
    if isinstance(columns, bool) or not isinstance(columns, int) or not 1 <= columns <= 64:
        raise ValueError(f"columns must be an integer from 1 to 64, not {columns!r}")


def _check(blocks: object, codec: object, four_bit: bool, codebook: bool, fixed: bool | None,
           goal: object, word_bytes: object) -> None:
    if not isinstance(blocks, np.ndarray) or blocks.dtype != np.int8:
        found = blocks.dtype if isinstance(blocks, np.ndarray) else type(blocks).__name__
        raise TypeError(f"blocks must be an array of int8, not {found}")
    if blocks.ndim != 5 or not blocks.size or blocks.shape[2] != 1 + four_bit:
        raise ValueError(f"blocks must have 5 dimensions of at least 1, the third of "
                         f"{1 + four_bit}, not shape {blocks.shape}")
    check_array(*map(int, blocks.shape[3:]))
    if codec not in CODECS:
        raise ValueError(f"codec must be one of {', '.join(CODECS)}, not {codec!r}")
    if four_bit and not -8 <= blocks.min() <= blocks.max() <= 7:
        worst = blocks.min() if blocks.min() < -8 else blocks.max()
        raise ValueError(f"weights must be -8 to 7 in 4 bits, not {int(worst)}")
    if codebook and four_bit and codec == "dense":
        raise ValueError("codebook must not be given with dense weights of 4 bits")
    if fixed and (codec != "csr" or codebook):
        raise ValueError("fixed must be given with csr without a codebook, "
                         f"not with {codec}{' and one' if codebook else ''}")
    if goal not in GOALS:
        raise ValueError(f"goal must be one of {', '.join(GOALS)}, not {goal!r}")
    if word_bytes not in (4, 8, 16, 32):
        raise ValueError(f"word_bytes must be 4, 8, 16 or 32, not {word_bytes!r}")


def _sections(header: Header, keep: np.ndarray, parameters: Parameters | None,
              columns: int) -> list[Section]:
    """What stands between the granules of the lanes."""
    kept = np.append(0, np.cumsum(keep))
    groups = np.pad(keep, ((0, 0), (0, -header.steps % GRANULE))).reshape(len(keep), -1, GRANULE)
    maps = (groups @ (1 << np.arange(GRANULE))).astype("<u2")
    result: list[Section] = []
    for block in range(header.output_blocks):
        here = int(kept[block * header.steps if block < len(keep) else -1])
        if parameters is not None:
            own = slice(block * columns, (block + 1) * columns)
            result.append((here, "biases", header.parameters.granules_of(parameters, own)))
        if header.map and block < len(keep):
            for group in range(maps.shape[1]):
                place = int(kept[block * header.steps + group * GRANULE])
                result.append((place, "map", maps[block, group:group + 1]))
    return result


def _stream(header: Header, sections: list[Section], dealing: Dealing, lanes: int, columns: int,
            word_bytes: int) -> Stream:
    at = dealing.before(np.array([place for place, _, _ in sections], np.int64))
    sizes = np.array([len(data) for _, _, data in sections], np.int64)
    count = max(dealing.cut, int(at.max(initial=0)))
    payload = dealing.payload(count)
    merged, before = [], 0
    for place, (_, _, data) in zip(at.tolist(), sections):
        merged += [payload[before:place], data]
        before = place
    granules = np.concatenate([*merged, payload[before:]]).astype("<u2")
    parts = header.parts()
    size = sum(map(len, parts.values()))
    if size + len(granules) > MOST_GRANULES:
        raise ValueError(f"stream must have at most {MOST_GRANULES} granules of {GRANULE} bits, "
                         f"not {size + len(granules)}")
    header = dataclasses.replace(header, granules=size + len(granules))
    result = np.concatenate([*header.parts().values(), granules]).astype("<u2").tobytes()
    result += bytes(-(len(result) + CHECKSUM_BYTES) % word_bytes)
    result += zlib.crc32(result).to_bytes(CHECKSUM_BYTES, "little")

    bits = dict.fromkeys(PARTS, 0) | {name: GRANULE * len(part) for name, part in parts.items()}
    bits["header"] += 8 * CHECKSUM_BYTES
    for _, name, section in sections:
        bits[name] += GRANULE * len(section)
    if not header.parameters.shared:
        each = header.parameters.granules
        scales = bits["biases"] * header.parameters.scale_granules // each
        bits["scales"] += scales
        bits["biases"] -= scales
    bits["weights"] = dealing.bits
    bits["padding"] = 8 * len(result) - sum(bits.values())

    # where in the stream the granules of lanes end, and the sections in front of a block
    total = np.append(0, np.cumsum(sizes))
    last = dealing.last(count)
    dealt = size + last + total[np.searchsorted(at, last - 1, "right")] * (last > 0)
    control = np.searchsorted([place for place, _, _ in sections], np.arange(len(last)), "right")
    ends = size + np.append(0, at)[control] + total[control]
    return Stream(data=result, lanes=lanes, columns=columns, word_bytes=word_bytes, bits=bits,
                  steps=dealing.steps(count), dealt=np.maximum(dealt, ends))

