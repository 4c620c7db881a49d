"""A rough estimate of a pass's cycles, by which tilings are compared."""

from sparrow.hw.spec.accelerator import AcceleratorSpec

from ..passes import Pass, Span
from ..predict import post_cycles
from .cuts import Part, Tile, Tiling

__all__ = ["Rates", "estimate"]

COMMAND_CYCLES = 20  # of a COMPUTE that nothing hides
BURST = 8  # cycles of a row that is unfolded and read alone, however short
BUS_SHARE = 0.05  # cycles that a word is worth even if it is hidden


class Rates:
    """Cycles that an accelerator's parts take.

    Attributes
    ----------
    vector, block, parameters : int
        To move a vector, a weight block, a parameter set.
    post, added : int
        Of the requantizer, for each pixel of an output block; with something added to it.
    room : int
        Pixels whose sums can wait for the requantizer.
    lanes : int
        Of the array, and cycles in which a block of transformed weights is loaded.
    """

    def __init__(self, spec: AcceleratorSpec):
        word = spec.bus.word_bytes
        self.vector = spec.lanes // word
        self.block = spec.lanes * spec.columns // word
        self.parameters = spec.columns * max(1, 8 // word)
        self.post = spec.columns // spec.post_lanes
        self.added = post_cycles(spec, added=True)
        self.room = spec.result_fifo_depth
        self.lanes = spec.lanes

    def array(self, work: Pass, span: Span, height: int, width: int) -> int:
        """Of the array, for an output block of a tile."""
        vectors = work.vectors(span, height, width)
        if not work.winograd:
            return vectors
        return max(vectors, (work.winograd + 2) ** 2 * self.lanes * span.channels)

    def results(self, work: Pass) -> int:
        """Of the requantizer, for each pixel of an output block of a pass."""
        return self.post if work.operand is None else self.added

    def kept(self, work: Pass, pixels: int) -> int:
        """Cycles for which the results of an output block keep the array, the FIFO being full."""
        if work.window or work.winograd == 4:  # with tiles of 4 × 4 an output block can wait
            return 0
        over = (pixels - self.room) * self.results(work)
        # with tiles of 2 × 2 they come in six of sixteen positions
        return max(0, over - (3 * pixels // 2 if work.winograd else pixels))

    def row(self, work: Pass, columns: int, channels: int) -> int:
        """Cycles to load some columns of a row of a pass's sources."""
        vectors = columns * channels * len(work.sources)
        if work.unfolding is None:
            return vectors * self.vector
        joined = work.unfolding.base_step == 1 and columns == work.sources[0].width
        return work.unfolding.rows * (vectors if joined else max(vectors, BURST))


def estimate(work: Pass, tiling: Tiling, rates: Rates) -> float:
    """Estimated cycles: the busiest of reads, writes and array, and what nothing overlaps with."""
    tiles, room = list(tiling.tiles(work)), work.room
    loads = [_load(work, part, tile, rates) for part in tiling.parts for tile in tiles]
    first, loaded = loads[0], sum(loads)
    if tiling.resident:  # whole rows, each once
        source = work.sources[0]
        row = rates.row(work, source.width, tiling.parts[0].channels)
        first, loaded = tiles[0].source_bottom * row, source.height * row
    if room.sources:
        first = loaded = 0
    results = work.target.height * work.target.width * sum(span.count for span in work.spans)
    stored = room.stored * results * rates.vector
    added = results * rates.vector if work.operand is not None and not room.operand else 0
    busy = streamed = commands = 0
    sizes = [(tile.bottom - tile.top, tile.right - tile.left) for tile in tiles]
    pixels = [height * width for height, width in sizes]
    for part in tiling.parts:
        for span in part.spans:
            steps = work.steps(span)
            blocks = 1 if work.reuse else steps
            streamed += len(tiles) * span.count * (blocks * rates.block + rates.parameters)
            commands += len(tiles) * -(-span.count // tiling.group) * len(work.regions)
            busy += span.count * sum(
                max(rates.array(work, span, *size) + rates.kept(work, pixel),
                    rates.block * max(1, blocks), pixel * rates.results(work))
                + int(pixel * _taken(work, span))
                for size, pixel in zip(sizes, pixels, strict=True))
    last = pixels[-1] * rates.results(work)
    if room.stored:
        last = min(tiling.parts[-1].spans[-1].count, tiling.group) * pixels[-1] * rates.vector
    serial = 0 if tiling.resident or tiling.source_areas > 1 else loaded - first
    serial += 0 if tiling.target_areas > 1 or room.target else stored - last
    if tiling.group > 1 and all(span.channels == 1 and span.move == 0
                                for part in tiling.parts for span in part.spans):
        serial += stored // 2  # results in the bank that the source is read from have to wait
    serial += 0 if tiling.target_areas > 1 or room.target else added
    bus = max(loaded + added + streamed, stored)
    return (max(busy + serial, bus) + first + last + COMMAND_CYCLES * commands
            + BUS_SHARE * bus)


def _taken(work: Pass, span: Span) -> float:
    """Cycles for each result in which others read the bank that the array reads."""
    share = _shared(work)
    cycles = _added(work, span, share) if work.operand is not None else 0.0
    if work.room.stored:
        cycles += 1 / (2 + work.patience(span)) if work.alternates(span) else share
    return cycles


def _added(work: Pass, span: Span, share: float) -> float:
    """The share of the results that what is added to lies where the array reads meanwhile.

    That is the first channel block of the next output block, or, behind the last one, who knows.
    """
    target = work.room.target
    if work.turns:
        return 0.0
    if not (work.alternates(span) and span.move == 0 and work.room.sources and target):
        return share
    first = work.room.sources[0].at(span.channel)[0]
    banks = [target.at(work.target_block + span.first + block)[0] for block in range(span.count)]
    return (sum(bank == first for bank in banks[:-1]) + 0.5) / span.count


def _shared(work: Pass) -> float:
    """The share of the results that lie where the array reads while they are stored."""
    room = work.room
    if work.int4:
        return 1.0
    if not room.sources or room.target is None:
        return 0.5
    banks = [place.at(block)[0] for place, source in zip(room.sources, work.sources)
             for block in range(source.blocks)]
    odd = sum(banks) / len(banks)
    target = room.target.after(work.target_block)
    banks = [target.at(block)[0] for span in work.spans
             for block in range(span.first, span.first + span.count)]
    own = sum(banks) / len(banks)
    return odd * own + (1 - odd) * (1 - own)


def _load(work: Pass, part: Part, tile: Tile, rates: Rates) -> int:
    """Cycles to load a tile's source."""
    return (tile.source_bottom - tile.source_top) * rates.row(
        work, tile.source_right - tile.source_left, part.channels)
