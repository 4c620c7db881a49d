"""What is in weight streams: headers, sizes, tables, symbols, steps."""

import dataclasses
import itertools
from pathlib import Path
from typing import Any

import numpy as np

from sparrow.compiler.streams import MAGIC, Container, ContainerError, Part
from sparrow.flow.errors import UserError
from sparrow.golden.codec import PARTS, Contents, Header, StreamError, SymbolCounts, decode_blocks
from sparrow.golden.codec.arrange import Arrangement
from sparrow.golden.codec.prefix import PrefixCode
from sparrow.golden.codec.symbols import Gaps
from sparrow.hw.spec.stream import CHECKSUM_BYTES, GRANULE, STREAM_VERSION

__all__ = ["inspect_file"]



def inspect_file(path: Path, *, lanes: int | None = None, columns: int | None = None,
                 word_bytes: int | None = None) -> dict[str, Any]:
    """Everything about a file of streams, ready for JSON.

    Parameters
    ----------
    path
        A container, or one stream alone.
    lanes, columns, word_bytes
        What a stream alone is for, by default 16, 16 and 8. A container tells that itself, and is
        refused if it is for another array.

    Returns
    -------
    dict
        ``container`` (its version, or null), ``lanes``, ``columns``, ``word_bytes``, ``shape`` of
        the layer's weights (null for a stream alone), ``weights``, ``bytes``, ``streams``. A
        stream has ``first`` (output block), ``offset``, ``bytes``, ``checksum``, ``header``,
        ``weights`` (where the shape isn't known, all positions), ``nonzeros``, ``bits`` of each
        part, ``blocks`` in the stream, ``skipped`` ones, ``steps`` (total, mean and max of a
        block), ``cycles``, ``values`` and ``runs`` (the tables, null without) and ``histogram``:
        pairs, ascending, of a length and how many runs have it (rle, huffman), or of a number of
        nonzeros and how many columns of blocks have that.

    Raises
    ------
    UserError
        If the file is damaged: with the first fault. Or if it is for another array.
    OSError
        If it can't be read.
    """
    data = path.read_bytes()
    try:
        if data.startswith(MAGIC):
            container = Container.from_bytes(data)
            for name, wanted in (("lanes", lanes), ("columns", columns),
                                 ("word_bytes", word_bytes)):
                if wanted not in (None, found := getattr(container, name)):
                    raise UserError(f"{path}: --{name.replace('_', '-')} must be {found}, as the "
                                    f"container has it, not {wanted}")
            streams = [_stream(part, container, offset, f"{path}: stream {number}")
                       for number, (part, offset) in enumerate(zip(container.parts,
                                                                   container.offsets))]
            return {"container": 1, "lanes": container.lanes, "columns": container.columns,
                    "word_bytes": container.word_bytes, "shape": list(container.shape),
                    "weights": container.weights, "bytes": len(data), "streams": streams}
    except ContainerError as error:
        raise UserError(f"{path}: {error}") from None
    array = _Array(*(default if wanted is None else wanted for wanted, default in
                     ((lanes, 16), (columns, 16), (word_bytes, 8))))
    stream = _stream(Part(0, 0, data), array, 0, str(path))
    return {"container": None, **dataclasses.asdict(array),
            "shape": None, "weights": stream["weights"], "bytes": len(data), "streams": [stream]}


@dataclasses.dataclass(frozen=True)
class _Array:
    """What a stream alone is for."""

    lanes: int
    columns: int
    word_bytes: int


def _stream(part: Part, of: Container | _Array, offset: int, subject: str) -> dict[str, Any]:
    try:
        contents = decode_blocks(part.data, lanes=of.lanes, columns=of.columns,
                                 word_bytes=of.word_bytes)
    except StreamError as error:
        neither = ("; nor is the file a container, which begins with "
                   f"{MAGIC.decode()}") * (error.before is None and isinstance(of, _Array))
        raise UserError(f"{subject}: {error.name}: {error}{neither}") from None
    header, steps = contents.header, contents.steps
    weights = contents.blocks.size
    if isinstance(of, Container):
        weights = _channels(part, of, contents, subject) * (of.weights // of.shape[0])
    kept = np.flatnonzero(contents.kept.ravel())
    laid = contents.blocks.transpose(4, 0, 1, 2, 3).reshape(of.columns, contents.kept.size, -1)
    laid = np.ascontiguousarray(laid[:, kept])
    total = int(steps.sum())
    return {
        "first": part.first, "offset": offset, "bytes": len(part.data),
        "checksum": f"{int.from_bytes(part.data[-4:], 'little'):08x}",
        "header": _header(header), "weights": weights,
        "nonzeros": int(np.count_nonzero(contents.blocks)),
        "bits": _bits(contents, of.columns, len(part.data)),
        "blocks": len(steps), "skipped": contents.kept.size - len(kept),
        "steps": {"total": total, "mean": round(total / len(steps), 4), "max": int(steps.max())},
        "cycles": max(total + contents.stalls, len(part.data) // of.word_bytes),
        "values": _values(header, contents.symbols), "runs": _runs(header, contents.symbols),
        "histogram": _histogram(header, laid)}


def _channels(part: Part, container: Container, contents: Contents, subject: str) -> int:
    """The output channels of a part; raises ``UserError`` if its stream has other ones, or
    weights outside of the shape."""
    header = contents.header
    arrangement = Arrangement(container.shape, header.four_bit, container.lanes, container.columns)
    wanted, found = (part.count, arrangement.steps), (header.output_blocks, header.steps)
    if wanted != found:
        raise UserError(f"{subject}: must have {wanted[0]} output blocks of {wanted[1]} blocks, as "
                        f"the directory and the shape tell, not {found[0]} of {found[1]}")
    channels = min(container.shape[0] - part.first * container.columns,
                   part.count * container.columns)
    last = channels - (part.count - 1) * container.columns
    if header.last_columns != last:
        raise UserError(f"{subject}: must have {last} columns with channels in its last output "
                        f"block, as the shape tells, not {header.last_columns}")
    try:
        Arrangement((channels, *container.shape[1:]), header.four_bit, container.lanes,
                    container.columns).gather(contents.blocks)
    except ValueError as error:
        raise UserError(f"{subject}: {error}") from None
    return channels


def _header(header: Header) -> dict[str, Any]:
    parameters = header.parameters
    result = {"version": STREAM_VERSION, "codec": header.codec,
              "weight_bits": 4 if header.four_bit else 8,
              "output_blocks": header.output_blocks, "blocks_of_each": header.steps,
              "granules": header.granules, "last_columns": header.last_columns, "map": header.map,
              "reuse": header.reuse, "lean": header.lean,
              "table": None if header.values.entries is None else len(header.values.entries),
              "bias_bits": parameters.bias_bits or None, "scales": None}
    if parameters.bias_bits:
        result["scales"] = "shared" if parameters.shared else "each"
    if header.runs is not None:
        result["longest_run"] = header.runs.limit - 1
    if header.codec == "csr":
        result |= {"fixed": header.fixed} if header.fixed else {"count_bits": header.count_bits}
    return result


def _bits(contents: Contents, columns: int, size: int) -> dict[str, int]:
    """Bits by part; padding is all that the others aren't."""
    header = contents.header
    bits = dict.fromkeys(PARTS, 0) | {name: GRANULE * len(part)
                                      for name, part in header.parts().items()}
    bits["header"] += 8 * CHECKSUM_BYTES
    channels = (header.output_blocks - 1) * columns + header.last_columns
    bits["biases"] = channels * header.parameters.bias_bits
    if header.parameters.bias_bits and not header.parameters.shared:
        bits["scales"] += channels * header.parameters.scale_granules * GRANULE
    if header.map:
        bits["map"] = len(contents.kept) * -(-header.steps // GRANULE) * GRANULE
    bits["weights"] = contents.symbols.bits
    bits["padding"] = 8 * size - sum(bits.values())
    return bits


def _codes(code: PrefixCode | None, width: int, number: int) -> list[str]:
    """Symbols as bits in the order of sending, by place."""
    if code is None:  # numbers have their lowest bit first
        return [format(place, f"0{width}b")[::-1] if width else "" for place in range(number)]
    return [format(bits, f"0{size}b")[::-1] if size else ""
            for bits, size in zip(code.codes.tolist(), code.widths.tolist())]


def _values(header: Header, symbols: SymbolCounts) -> list[dict[str, Any]] | None:
    """The table of values: each with its code, and how often it is sent."""
    entries = header.values.entries
    if entries is None:
        return None
    codes = _codes(header.values.code, header.values.width, len(entries))
    return [{"value": value, "code": code, "count": symbols.values[place]}
            for place, (value, code) in enumerate(itertools.zip_longest(entries, codes))]


def _runs(header: Header, symbols: SymbolCounts) -> list[dict[str, Any]] | None:
    """The symbols of runs, the escape last (null): each with its code, and how often it is sent
    in front of a value."""
    if header.runs is None:
        return None
    limit = header.runs.limit
    sent, widths = header.runs.symbols
    counts = [*(symbols.runs[run] for run in range(limit)), symbols.escapes]
    return [{"run": None if run == limit else run, "count": count,
             "code": format(int(bits), f"0{width}b")[::-1] if width else ""}
            for run, (bits, width, count) in enumerate(zip(sent.tolist(), widths.tolist(),
                                                           counts))]


def _histogram(header: Header, laid: np.ndarray) -> list[list[int]]:
    found = (Gaps(laid).run if header.runs is not None
             else np.count_nonzero(laid, axis=2).ravel())
    return np.stack(np.unique(found, return_counts=True), axis=1).tolist()
