"""The loops of commands as nested loops in Python, tokens as counters, and what to ask of them."""

import dataclasses
import random
from collections.abc import Iterator, Sequence
from typing import Any

from sparrow.hw.spec.commands import COORDINATE_WIDTH, TOKEN_MAXIMUM, TOKENS, Opcode, command

__all__ = ["Command", "TokenRequest", "TokenTable", "at_edges", "map_granules",
           "memory_requests", "random_compute", "random_copy", "random_mapped", "random_tiled",
           "random_token_request", "random_transfer", "random_unfold", "random_window",
           "result_rows", "steps", "transfer_rows", "whole_command"]

Command = dict[str, Any]
"""The fields of a command, and ``kept`` with ``map``: whether each step of each output block is in
the stream, the last one always."""
_GRANULE = 16  # steps


def whole_command(opcode: Opcode, values: Command) -> Command:
    """All fields of a command; those that aren't given are as small as they can be."""
    kind = command(opcode)
    return {field.name: field.minimum for field in kind.fields} | {"opcode": int(opcode)} | values


def _random_row(source: random.Random, rows: int) -> int:
    """A buffer row, or a distance: every other time any, to be taken modulo the buffer."""
    return source.randrange(source.choice((rows, 1 << 16)))


def random_compute(source: random.Random, rows: int) -> dict[str, int]:
    """A COMPUTE command of short loops, for buffers of ``rows`` rows."""
    def small(high):
        return source.randint(1, high)

    def flag():
        return source.getrandbits(1)

    def row():
        return _random_row(source, rows)

    return {
        "reuse": flag(), "half": flag(), "source_bank": flag(), "channel_alternate": flag(),
        "block_alternate": flag(), "destination_bank": flag(), "source": source.randrange(1 << 16),
        "height": small(6), "width": small(6), "row_step": row(), "kernel_step": row(),
        "channel_blocks": small(3), "channel_step": row(), "output_blocks": small(3),
        "block_step": row(), "out_height": small(4), "out_width": small(4), "destination": row(),
        "destination_step": row(), "destination_row": row(), "pad_top": source.randint(0, 3),
        "pad_left": source.randint(0, 3), "stride_y": small(3), "stride_x": small(3),
        "dilation_y": source.randint(0, 3), "dilation_x": source.randint(0, 3),
        "kernel_height": small(3), "kernel_width": small(3)}


def random_window(source: random.Random, rows: int) -> dict[str, int]:
    """A COMPUTE command of short loops with a window."""
    return random_compute(source, rows) | {"window": 1, "channel_blocks": 1,
                                           "down": source.getrandbits(1)}


def random_tiled(source: random.Random, rows: int) -> dict[str, int]:
    """A COMPUTE command of short loops with ``winograd``, of up to 12 × 12 pixels."""
    return random_compute(source, rows) | {"winograd": 1, "out_height": source.randint(1, 12),
                                           "out_width": source.randint(1, 12)}


def random_mapped(source: random.Random, rows: int) -> Command:
    """A COMPUTE command of short loops whose weights have a block map."""
    values = random_compute(source, rows) | {"map": 1, "reuse": 0}
    share = source.choice((0.1, 0.5, 0.9))
    # up to 5 x 5 x 3 steps of an output block, counted again where a field is changed
    return values | {"kept": [[source.random() < share for _ in range(75)] for _ in range(3)],
                     "kernel_height": source.randint(1, 5), "kernel_width": source.randint(1, 5)}


def _kept(c: Command) -> list[list[bool]]:
    """Whether each step of each output block is in the stream."""
    steps = c["channel_blocks"] * c["kernel_height"] * c["kernel_width"]
    return [[bits[step % len(bits)] for step in range(steps - 1)] + [True]
            for block in range(c["output_blocks"])
            for bits in [c["kept"][block % len(c["kept"])]]]


def map_granules(c: Command) -> Iterator[int]:
    """What the hardware gets of a command's block map."""
    for bits in _kept(c) if c["map"] else []:
        for first in range(0, len(bits), _GRANULE):
            yield sum(bit << place for place, bit in enumerate(bits[first:first + _GRANULE]))


def at_edges(source: random.Random, values: dict[str, int]) -> dict[str, int]:
    """A COMPUTE command with the edges of its source beside one of the vectors that it reads.

    So a coordinate that is off by any distance, in one direction, is on the wrong side of an edge.
    Some sources have their largest size, so that only what lies above or left of them is padding;
    most have vectors that aren't padding.
    """
    c = values
    rows = sorted({kernel * c["dilation_y"] + pixel * c["stride_y"]
                   for kernel in range(c["kernel_height"]) for pixel in range(c["out_height"])})
    columns = range(_columns(c)) if c["window"] else sorted({
        kernel * c["dilation_x"] + pixel * c["stride_x"]
        for kernel in range(c["kernel_width"]) for pixel in range(c["out_width"])})
    largest = (1 << (COORDINATE_WIDTH - 1)) - 1

    def axis(padding, size, places):
        pad = c[padding] if source.random() < 0.2 else min(c[padding], source.choice(places))
        place = source.choice([place - pad for place in places if place >= pad] or [0])
        chosen = source.choice((place, place + 1, place + 1, largest))
        return {padding: pad, size: min(max(1, chosen), largest)}

    return values | axis("pad_top", "height", rows) | axis("pad_left", "width", columns)


def random_transfer(source: random.Random, rows: int, vector: int) -> dict[str, int]:
    """A LOAD or STORE command of short loops, for vectors of ``vector`` bytes."""
    def place():
        return source.randrange(0, 1 << 32, vector)

    return {
        "bank": source.getrandbits(1), "alternate": source.getrandbits(1), "offset": place(),
        "run_stride": place(), "plane_stride": place(), "run": source.randint(1, 5),
        "runs": source.randint(1, 4), "planes": source.randint(1, 5),
        "row": _random_row(source, rows), "run_step": _random_row(source, rows),
        "plane_step": _random_row(source, rows)}


def random_copy(source: random.Random, rows: int, vector: int) -> dict[str, int]:
    """A LOAD command of short loops that copies; what only unfolding needs is noise."""
    noise = {field.name: source.randint(field.minimum, field.maximum)
             for field in command(Opcode.LOAD).fields if field.doc.startswith("unfold:")}
    return noise | random_transfer(source, rows, vector) | {"unfold": 0}


def random_unfold(source: random.Random, rows: int, vector: int) -> dict[str, int]:
    """A LOAD command of short loops that unfolds."""
    return random_copy(source, rows, vector) | {"unfold": 1}


def _blocks(bank: int, alternate: int, step: int, count: int) -> Iterator[tuple[int, int]]:
    """Bank and row of successive blocks."""
    row = 0
    for _ in range(count):
        yield bank, row
        row += step if bank or not alternate else 0
        bank ^= alternate


def steps(c: Command, rows: int) -> Iterator[dict[str, int]]:
    """The steps of a COMPUTE command, as :func:`sparrow.hw.engines.steps.step_layout`."""
    if c["window"]:
        yield from _window_steps(c, rows)
        return
    kept = _kept(c) if c["map"] else None
    for output, (output_bank, output_row) in enumerate(_blocks(
            c["source_bank"], c["block_alternate"], c["block_step"], c["output_blocks"])):
        for channel, (bank, channel_row) in enumerate(_blocks(
                output_bank, c["channel_alternate"], c["channel_step"], c["channel_blocks"])):
            last_channel = channel == c["channel_blocks"] - 1
            before = channel * c["kernel_height"] * c["kernel_width"]
            for kernel_y in range(c["kernel_height"]):
                for kernel_x in range(c["kernel_width"]):
                    step = before + kernel_y * c["kernel_width"] + kernel_x
                    if kept is not None and not kept[output][step]:
                        continue
                    start = not (step if kept is None else any(kept[output][:step]))
                    finish = last_channel and (kernel_y, kernel_x) == (
                        c["kernel_height"] - 1, c["kernel_width"] - 1)
                    row = (c["source"] + output_row + channel_row + kernel_y * c["kernel_step"]
                           + kernel_x * c["dilation_x"])
                    at_y = kernel_y * c["dilation_y"] - c["pad_top"]
                    at_x = kernel_x * c["dilation_x"] - c["pad_left"]
                    for y, x in _pixels(c):
                        inside = (0 <= at_y + y * c["stride_y"] < c["height"]
                                  and 0 <= at_x + x * c["stride_x"] < c["width"])
                        swaps = not c["reuse"] or (start and output == 0)
                        yield {
                            "row": (row + y * c["row_step"] + x * c["stride_x"]) % rows,
                            "bank": bank, "outside": int(not inside),
                            "alone": c["half"] & last_channel,
                            "swap": int(y == x == 0 and swaps),
                            "last": int((y, x) == (c["out_height"] - 1, c["out_width"] - 1)),
                            "start": int(start), "finish": int(finish), "silent": 0}


def _columns(c: dict[str, int]) -> int:
    """Columns of the source that a window takes for a row of pixels."""
    return (c["out_width"] - 1) * c["stride_x"] + c["kernel_width"]


def _window_steps(c: dict[str, int], rows: int) -> Iterator[dict[str, int]]:
    columns = _columns(c)
    for output, (bank, row) in enumerate(_blocks(
            c["source_bank"], c["block_alternate"], c["block_step"], c["output_blocks"])):
        for out_y in range(c["out_height"]):
            for column in range(columns):
                ahead = columns - 1 - column  # until the row's last pixel is complete
                for kernel_y in range(c["kernel_height"]):
                    last_row = kernel_y == c["kernel_height"] - 1
                    y = out_y * c["stride_y"] + kernel_y * c["dilation_y"] - c["pad_top"]
                    x = column - c["pad_left"]
                    yield {
                        "row": (c["source"] + row + out_y * c["row_step"]
                                + column * c["channel_step"] + kernel_y * c["kernel_step"]) % rows,
                        "bank": bank, "alone": c["half"],
                        "outside": int(not (0 <= y < c["height"] and 0 <= x < c["width"])),
                        "swap": int(out_y == column == kernel_y == 0
                                    and not (c["reuse"] and output)),
                        "last": int(last_row and out_y == c["out_height"] - 1 and ahead == 0),
                        "start": 1, "finish": 1,
                        "silent": int(not last_row or column < c["kernel_width"] - 1
                                      or ahead % c["stride_x"] > 0)}


def _pixels(c):
    return ((y, x) for y in range(c["out_height"]) for x in range(c["out_width"]))


def _tiled_pixels(c, tile):
    """Even columns of even rows, odd ones, both of odd rows; or four rows, column by column."""
    height, width = c["out_height"], c["out_width"]
    if tile == 2:
        return ((y, x) for top in range(2) for left in range(2)
                for y in range(top, height, 2) for x in range(left, width, 2))
    return ((y, x) for top in range(0, height, 4) for x in range(width)
            for y in range(top, min(top + 4, height)))


def result_rows(c: dict[str, int], rows: int, tile: int = 0) -> Iterator[dict[str, int]]:
    """Bank and row of each result vector of a COMPUTE command; ``tile``: with ``winograd``."""
    for bank, row in _blocks(c["destination_bank"], 1, c["destination_step"], c["output_blocks"]):
        for y, x in _tiled_pixels(c, tile) if c.get("winograd") else _pixels(c):
            line, place = (x, y) if c["down"] else (y, x)
            yield {"bank": bank,
                   "row": (c["destination"] + row + line * c["destination_row"] + place) % rows}


def memory_requests(c: dict[str, int], words: int) -> Iterator[dict[str, int]]:
    """The linear requests of a LOAD or STORE command, with ``words`` bus words to a vector."""
    unfold = c.get("unfold", 0)
    runs = 1 if unfold and c["joined"] else c["runs"]
    pitch = (runs - 1) * c["run_stride"] + c["plane_stride"]
    for plane in range(c["planes"]):
        for run in range(runs):
            offset = c["offset"] + plane * pitch + run * c["run_stride"]
            yield {"window": 1, "offset": offset % (1 << 32),
                   "words": c["words"] if unfold else c["run"] * words}


def transfer_rows(c: dict[str, int], rows: int) -> Iterator[dict[str, int]]:
    """Bank and row of each vector of a LOAD or STORE command, and whether it ends its run."""
    for plane in range(c["planes"]):
        place = c["bank"] + plane
        bank, number = (place & 1, place >> 1) if c["alternate"] else (c["bank"], plane)
        for run in range(c["runs"]):
            row = c["row"] + number * c["plane_step"] + run * c["run_step"]
            for vector in range(c["run"]):
                yield {"bank": bank, "row": (row + vector) % rows,
                       "last": int(vector == c["run"] - 1)}


@dataclasses.dataclass(frozen=True)
class TokenRequest:
    """What an engine asks for: to ``take`` or to ``give`` one of each token of a mask."""
    kind: str
    mask: int

    @property
    def tokens(self) -> list[int]:
        """Their numbers."""
        return [token for token in range(TOKENS) if self.mask >> token & 1]


def random_token_request(source: random.Random, gives: float) -> TokenRequest:
    """A request for one token or for any set of them, which gives with probability ``gives``."""
    kind = "give" if source.random() < gives else "take"
    return TokenRequest(kind, source.choice([1 << source.randrange(TOKENS),
                                             source.randrange(1, 1 << TOKENS)]))


class TokenTable:
    """The counters of tokens; ``before`` are those before the last cycle."""

    def __init__(self) -> None:
        self.counts = [0] * TOKENS
        self.before = list(self.counts)

    def _possible(self, request: TokenRequest) -> bool:
        limit = 0 if request.kind == "take" else TOKEN_MAXIMUM
        return all(self.counts[token] != limit for token in request.tokens)

    def serve(self, requests: Sequence[TokenRequest | None]) -> int | None:
        """Serve the first request that is possible, and say whose it is."""
        self.before = list(self.counts)
        for engine, request in enumerate(requests):
            if request is not None and self._possible(request):
                for token in request.tokens:
                    self.counts[token] += 1 if request.kind == "give" else -1
                return engine
        return None
