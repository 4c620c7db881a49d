"""Streams from their parts."""

import dataclasses
import zlib

import numpy as np

from sparrow.hw.spec.stream import CHECKSUM_BYTES, GRANULE

from .deal import Dealing
from .header import MOST_GRANULES, Header
from .parameters import Parameters
from .stream import PARTS, Stream

__all__ = ["Section", "sections", "stream"]

Section = tuple[int, str, np.ndarray]  # in front of which block, part, granules


def sections(header: Header, keep: np.ndarray, parameters: Parameters | None,
             columns: int) -> list[Section]:
    """What stands between the granules of the lanes.

    Parameters
    ----------
    header : Header
    keep : numpy.ndarray, bool, shape (output blocks with blocks, steps)
        Which steps are in the stream.
    parameters : Parameters or None
    columns : int
    """
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


def stream(header: Header, sections: list[Section], dealing: Dealing, lanes: int, columns: int,
           word_bytes: int) -> Stream:
    """All together; raises ``ValueError`` if it is too long."""
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
                  steps=dealing.steps(count), dealt=np.maximum(dealt, ends),
                  stalls=dealing.stalls(count) if header.lean else 0)
