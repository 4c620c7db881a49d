"""The commands of a pass, in an order in which each could be executed after the other."""

import itertools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from sparrow.hw.spec.accelerator import AcceleratorSpec
from sparrow.hw.spec.commands import Opcode

from ..footprint import MEMORY, Footprint, Instruction
from ..layout import TensorLayout
from ..passes import Pass, Region, Span
from ..place import Place
from .codecs import PLAIN, Coded, Coder
from .cuts import Part, Tile, Tiling
from .unfold_loads import unfolding_loads

__all__ = ["schedule"]

RUN = (1 << 16) - 1
ROWS = 1 << 16


def schedule(work: Pass, tiling: Tiling, spec: AcceleratorSpec,
             coder: Coder | None = None) -> list[Instruction]:
    """The commands of a pass: loads one tile ahead where there is room for it.

    ``coder`` makes the weight streams; without it they are plain.
    """
    return list(_Schedule(work, tiling, spec, coder or Coder(spec, PLAIN)).instructions())


class _Group(NamedTuple):
    """Output blocks of a tile: its job, what is loaded for that, and where results go."""

    number: int
    part: Part
    tile: Tile
    span: Span
    target: tuple[Place, int, int]


class _Schedule:
    def __init__(self, work: Pass, tiling: Tiling, spec: AcceleratorSpec, coder: Coder):
        self._work, self._tiling, self._spec, self._coder = work, tiling, spec, coder
        self._streams: dict[tuple[int, int, int], Coded] = {}
        self._loaded = 0  # resident: rows that are loaded
        # What is added to the next group's results can be loaded before this one's are stored.
        self._early = tiling.target_areas > 1 or work.room.target is not None
        behind = work.room.first + tiling.source_areas * tiling.source_rows
        self._targets = itertools.cycle(behind + area * tiling.target_rows
                                        for area in range(max(1, tiling.target_areas)))

    def instructions(self) -> Iterator[Instruction]:
        jobs = list(itertools.product(self._tiling.parts, self._tiling.tiles(self._work)))
        ahead = self._tiling.resident or self._tiling.source_areas > 1
        groups = [list(self._groups(number, *job)) for number, job in enumerate(jobs)]
        operands = self._operands([group for own in groups for group in own])
        yield from self._loads(0, *jobs[0])
        yield from next(operands)
        for number in range(len(jobs)):
            following = ([] if number + 1 == len(jobs)
                         else list(self._loads(number + 1, *jobs[number + 1])))
            # More loads than the queue holds would keep the commands behind them from going out.
            early = min(len(following), self._spec.queue_depth) if ahead else 0
            yield from following[:early]
            for group in groups[number]:
                if self._early:
                    yield from next(operands)
                yield from self._results(group)
                if not self._early:
                    yield from next(operands)
            yield from following[early:]

    def _groups(self, number: int, part: Part, tile: Tile) -> Iterator[_Group]:
        """What a COMPUTE each calculates, or one for each region."""
        for whole in part.spans:
            for start in range(0, whole.count, self._tiling.group):
                span = whole.part(start, min(self._tiling.group, whole.count - start))
                yield _Group(number, part, tile, span, self._target(part, tile, span))

    def _operands(self, groups: list[_Group]) -> Iterator[list[Instruction]]:
        """For each group, and behind the last one, the LOAD of what is added to its results."""
        for group in groups:
            loaded = self._work.operand is not None and not self._work.room.operand
            yield [self._copy(Opcode.LOAD, group)] if loaded else []
        yield []

    def _copy(self, opcode: Opcode, group: _Group) -> Instruction:
        """A LOAD to where a group's results go, or a STORE of them."""
        work, tile, span = self._work, group.tile, group.span
        layout = work.operand if opcode is Opcode.LOAD else work.target
        assert layout is not None
        return self._transfer(
            opcode, layout, span.first + (0 if opcode is Opcode.LOAD else work.target_block),
            span.count, (tile.top, tile.bottom), (tile.left, tile.right), *group.target)

    def _sources(self, number: int, part: Part,
                 tile: Tile) -> tuple[list[Place], int, int, int]:
        """Where a job's sources are; the row and column that is first there, and the width."""
        room, source = self._work.room, self._work.sources[0]
        if room.sources:
            return list(room.sources), 0, 0, source.width
        top, left, height, width = (
            tile.source_top, tile.source_left, tile.source_bottom - tile.source_top,
            tile.source_right - tile.source_left)
        base = room.first
        if self._tiling.resident:
            top, left, height, width = 0, 0, source.height, source.width
        else:
            base += number % self._tiling.source_areas * self._tiling.source_rows
        plane = height * width
        return ([Place(base + index * -(-part.channels // 2) * plane, plane, -part.channel)
                 for index in range(len(self._work.sources))], top, left, width)

    def _loads(self, number: int, part: Part, tile: Tile) -> Iterator[Instruction]:
        if self._work.room.sources:
            return
        places, top, left, width = self._sources(number, part, tile)
        first, last = tile.source_top, tile.source_bottom
        columns = tile.source_left, tile.source_right
        if self._tiling.resident:
            columns = 0, width  # whole rows, each once
            first = max(first, self._loaded)
            self._loaded = max(last, self._loaded)
        if first >= last:
            return
        if self._work.unfolding is not None:
            yield from unfolding_loads(self._work.unfolding, self._work.layer, (first, last),
                                       columns, row=places[0].row + (first - top) * width
                                       + columns[0] - left, pitch=width,
                                       word=self._spec.bus.word_bytes)
            return
        for place, source in zip(places, self._work.sources, strict=True):
            yield self._transfer(
                Opcode.LOAD, source, part.channel, part.channels, (first, last), columns,
                place.after(part.channel), (first - top) * width + columns[0] - left, width)

    def _transfer(self, opcode: Opcode, layout: TensorLayout, block: int, blocks: int,
                  rows: tuple[int, int], columns: tuple[int, int], place: Place, corner: int,
                  pitch: int) -> Instruction:
        """A LOAD or STORE of a rectangle of some channel blocks, the first of them at a place.

        ``corner``: buffer rows from there to the first vector; ``pitch``: to the next line.
        """
        lanes, count, width = layout.lanes, rows[1] - rows[0], columns[1] - columns[0]
        bank, row = place.at(0)
        row += corner
        offset = (layout.offset + block * layout.plane_bytes
                  + (rows[0] * layout.width + columns[0]) * lanes)
        values = {"offset": offset, "bank": bank, "alternate": 1, "row": row, "planes": blocks,
                  "plane_step": place.plane if bank + blocks > 2 else 0}
        if width == layout.width == pitch and count * width <= RUN:
            values |= {"run": count * width, "runs": 1}
        else:
            values |= {"run": width, "runs": count, "run_stride": layout.width * lanes,
                       "run_step": pitch}
        if blocks > 1:
            values["plane_stride"] = (layout.plane_bytes
                                      - (values["runs"] - 1) * values.get("run_stride", 0))
        memory, buffer = [], []
        for plane in range(blocks):
            start = offset + plane * layout.plane_bytes
            memory.append((MEMORY, start, start + ((count - 1) * layout.width + width) * lanes))
            own, start = place.at(plane)
            buffer.append((own, start + corner, start + corner + (count - 1) * pitch + width))
        touched = Footprint(memory), Footprint(buffer)
        reads, writes = touched if opcode is Opcode.LOAD else touched[::-1]
        return Instruction(opcode, values, self._work.layer, reads, writes)

    def _results(self, group: _Group) -> Iterator[Instruction]:
        number, part, tile, span, target = group
        for region in self._work.regions:
            window = Region(max(region.top, tile.top), max(region.left, tile.left),
                            min(region.bottom, tile.bottom), min(region.right, tile.right),
                            region.key)
            if window.top < window.bottom and window.left < window.right:
                weights = self._weights(span, region.key)
                yield weights
                compute = self._compute(number, part, tile, span, window, target)
                compute.decoding = weights.decoding
                compute.values["map"] = weights.values["map"]
                yield compute
        if self._work.room.stored:
            store = self._copy(Opcode.STORE, group)
            store.values["patience"] = self._work.patience(span)
            yield store

    def _target(self, part: Part, tile: Tile, span: Span) -> tuple[Place, int, int]:
        """Where a span's results go; buffer rows to the tile's first one, and to the next line."""
        stays, width = self._work.room.target, self._work.target.width
        if stays is not None:
            return (stays.after(self._work.target_block + span.first),
                    tile.top * width + tile.left, width)
        width = tile.right - tile.left
        return Place(next(self._targets), (tile.bottom - tile.top) * width,
                     self._target_bank(part, span)), 0, width

    def _weights(self, span: Span, key: int) -> Instruction:
        name = span.first, span.count, key
        if name not in self._streams:
            self._streams[name] = self._coder.stream(
                self._work, span, key, (self._tiling.height, self._tiling.width))
        coded, work = self._streams[name], self._work
        blocks = 1 if work.reuse else work.steps(span)
        return Instruction(Opcode.WEIGHTS, {
            "int4": work.int4, "reuse": work.reuse, "winograd": work.winograd > 0,
            "compressed": coded.decoding is not None,
            "map": coded.decoding is not None and coded.decoding.map,
            "zero_point": work.zero_point,
            "words": len(coded.data) // self._spec.bus.word_bytes, "output_blocks": span.count,
            "blocks": blocks, "minimum": work.minimum, "maximum_value": work.maximum_value},
            work.layer, stream=coded.data, decoding=coded.decoding)

    def _compute(self, number: int, part: Part, tile: Tile, span: Span, window: Region,
                 target: tuple[Place, int, int]) -> Instruction:
        work = self._work
        places, top, left, pitch = self._sources(number, part, tile)
        rows = work.source_range(0, window.top, window.bottom)
        columns = work.source_range(1, window.left, window.right)
        pad_top = work.padding_before(0, window.top, window.bottom)
        pad_left = work.padding_before(1, window.left, window.right)
        inside = (rows[0] - top) * pitch + columns[0] - left
        corner = places[0].at(span.channel)[1] + inside
        results, line = target[0], target[2]
        own = target[1] + (window.top - tile.top) * line + window.left - tile.left
        bank, start = results.at(0)
        values = {
            "int4": work.int4, "reuse": work.reuse, "maximum": work.maximum,
            "window": work.window, "down": work.down, "winograd": work.winograd > 0,
            "half": work.int4 and span.channels % 2,
            "source": (corner - pad_top * pitch - pad_left) % ROWS,
            "height": rows[1] - rows[0], "width": columns[1] - columns[0],
            "row_step": work.stride[0] * pitch % ROWS,
            "kernel_step": work.dilation[0] * pitch % ROWS,
            "out_height": window.bottom - window.top, "out_width": window.right - window.left,
            "output_blocks": span.count, "destination_bank": bank,
            "destination": start + own, "destination_step": results.plane % ROWS,
            "destination_row": line, "pad_top": pad_top, "pad_left": pad_left,
            "stride_y": work.stride[0], "stride_x": work.stride[1],
            "dilation_y": work.dilation[0], "dilation_x": work.dilation[1],
            "kernel_height": work.kernel[0], "kernel_width": work.kernel[1],
            "pad_value": work.pad_value}
        values |= self._channels(span, places, bank)
        values |= work.addition
        if work.window:
            values |= self._window(values, pitch)
        size = (rows[1] - rows[0] - 1) * pitch + columns[1] - columns[0]
        reads = [(bank, row + inside, row + inside + size) for place in places
                 for bank, row in map(place.at, range(span.channel, span.end_channel))]
        size = (window.bottom - window.top - 1) * line + window.right - window.left
        writes = [(bank, row + own, row + own + size)
                  for bank, row in map(results.at, range(span.count))]
        return Instruction(Opcode.COMPUTE, values, work.layer, Footprint(reads),
                           Footprint(writes))

    def _target_bank(self, part: Part, span: Span) -> int:
        """Bank of the first result: the other one if all sources are in one.

        Results leave the buffer only in cycles in which no source is read from their bank. More
        than one block of results begins in bank 0, for which areas are made.
        """
        if self._work.int4 or span.channels > 1 or span.count > 1:
            return 0
        stays = self._work.room.sources
        bank = stays[0].at(span.channel)[0] if stays else span.channel - part.channel
        return 1 - bank % 2

    def _channels(self, span: Span, places: Sequence[Place], target_bank: int) -> dict[str, int]:
        """Fields that say how a COMPUTE moves from one channel block to another."""
        plane, (bank, row) = places[0].plane, places[0].at(span.channel)
        if len(places) == 2:
            return {"source_bank": bank, "channel_blocks": 2, "block_alternate": 1,
                    "channel_step": (places[1].at(span.channel)[1] - row) % ROWS,
                    "block_step": plane, "kernel_height": 2, "dilation_y": 0, "kernel_step": 0,
                    "shifted": 1}
        if self._work.turns:  # both channel blocks begin in the same row
            return {"source_bank": target_bank, "channel_alternate": 1, "channel_blocks": 2,
                    "block_alternate": 1}
        if self._work.int4:
            return {"channel_blocks": -(-span.channels // 2), "channel_step": plane,
                    "block_step": span.move // 2 * plane % ROWS}
        one = {"source_bank": bank, "channel_alternate": 1, "channel_blocks": span.channels,
               "channel_step": plane}
        return one if self._work.winograd else one | {
            "block_alternate": span.move == 1,
            "block_step": plane if span.move == 1 else span.move // 2 * plane % ROWS}

    def _window(self, values: dict[str, int], pitch: int) -> dict[str, int]:
        """Fields of a COMPUTE that are others if a window slides along rows, or down columns."""
        if not self._work.down:
            return {"channel_step": 1}
        pairs = [("height", "width"), ("out_height", "out_width"), ("pad_top", "pad_left"),
                 ("stride_y", "stride_x"), ("dilation_y", "dilation_x"),
                 ("kernel_height", "kernel_width")]
        exchanged = {own: values[other] for pair in pairs for own, other in (pair, pair[::-1])}
        return exchanged | {"channel_step": pitch % ROWS, "row_step": values["stride_x"],
                            "kernel_step": values["dilation_x"]}
