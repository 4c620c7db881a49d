"""How a pass is cut so that it fits the buffers and accumulators."""

from collections.abc import Iterator

from sparrow.hw.spec.accelerator import AcceleratorSpec

from ..errors import CompileError
from ..passes import Pass, Span
from .cost import Rates, estimate
from .cuts import Part, Tiling

__all__ = ["choose_tilings"]

COORDINATES = 1 << 13
# Tilings with more tiles than that, and than so many times the fewest that fit, aren't tried.
FEW, MORE = 16, 8


def choose_tilings(work: Pass, spec: AcceleratorSpec, count: int) -> list[tuple[float, Tiling]]:
    """The tilings with the fewest cycles by a rough estimate, with it, the best first.

    Parameters
    ----------
    count : int
        How many at most, at least 1.

    Raises
    ------
    CompileError
        If a single output pixel doesn't fit.
    """
    best: list[tuple[float, Tiling]] = []
    rates, fewest = Rates(spec), 0
    for parts in _partitions(work):
        for width in _sizes(min(work.target.width, spec.accumulator_depth)):
            for height in _sizes(min(work.target.height, spec.accumulator_depth // width)):
                jobs = (len(parts) * -(-work.target.height // height)
                        * -(-work.target.width // width))
                if best and jobs > max(FEW, MORE * fewest):
                    continue
                if work.winograd and (-(-height // work.winograd) * -(-width // work.winograd)
                                      > spec.winograd_tiles):
                    continue
                for tiling in _fitting(work, spec, parts, height, width, jobs):
                    fewest = min(jobs, fewest) if best else jobs
                    best.append((estimate(work, tiling, rates), tiling))
                best = sorted(best, key=lambda one: one[0])[:count]
    if not best:
        part = _partitions(work)[-1][0]
        rows, columns = (min(reach, size) for reach, size in
                         zip(work.reach, (work.sources[0].height, work.sources[0].width)))
        wanted = len(work.sources) * -(-part.channels // 2) * rows * columns + 1
        raise CompileError(
            f"Layer {work.layer!r}: source and result of one output pixel must take at most "
            f"{spec.buffer_rows} rows of a bank and coordinates below {COORDINATES}, "
            f"not {wanted} rows")
    return best


def _sizes(largest: int) -> list[int]:
    """Sizes to try: the largest, and such that divide it evenly into ever more pieces."""
    sizes = {-(-largest // pieces) for pieces in (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)}
    size = largest
    while size > 1:
        size = -(-size // 2)
        sizes.add(size)
    return sorted(sizes, reverse=True)


def _partitions(work: Pass) -> list[tuple[Part, ...]]:
    """All output blocks at once, then in ever more parts if that saves channel blocks."""
    def part(spans: list[Span]) -> Part:
        return Part(tuple(spans), min(span.channel for span in spans),
                    max(span.end_channel for span in spans))

    result: list[tuple[Part, ...]] = [(part(list(work.spans)),)]
    total = sum(span.count for span in work.spans)
    if all(span.move == 0 and span.channels == result[0][0].channels for span in work.spans):
        return result
    size = total
    while size > 1:
        size = -(-size // 2)
        pieces = [list(_pieces(work.spans, start, min(start + size, total)))
                  for start in range(0, total, size)]
        result.append(tuple(part(spans) for spans in pieces))
    return result


def _pieces(spans: tuple[Span, ...], start: int, stop: int) -> Iterator[Span]:
    """The parts of spans in a range of output blocks, counted from the first."""
    position = 0
    for span in spans:
        low, high = max(start - position, 0), min(stop - position, span.count)
        if low < high:
            yield span.part(low, high - low)
        position += span.count


def _fitting(work: Pass, spec: AcceleratorSpec, parts: tuple[Part, ...], height: int,
             width: int, jobs: int) -> Iterator[Tiling]:
    """Tilings of one tile size that fit, with as many areas as there is room for.

    ``jobs`` is the number of tiles times the number of parts.
    """
    source = work.sources[0]
    rows = _extent(work, 0, height)
    columns = _extent(work, 1, width)
    if max(rows[1], columns[1]) >= COORDINATES:
        return
    room = work.room
    planes = len(work.sources) * max(-(-part.channels // 2) for part in parts)
    blocks = max(span.count for part in parts for span in part.spans)
    options = [(False, areas, planes * rows[0] * columns[0]) for areas in (2, 1)
               if areas <= jobs]
    if len(parts) == 1:
        options.append((True, 1, planes * source.height * source.width))
    if room.sources:
        options = [(False, 0, 0)] if len(parts) == 1 else []
    pixels = height * width
    for resident, areas, size in options:
        free = (spec.buffer_rows if room.end is None else room.end) - room.first - areas * size
        for group in sorted({blocks, *(2 * -(-blocks // (2 * cuts)) for cuts in (2, 4, 8)),
                             min(2, blocks), 1}):
            result = 0 if room.target else -(-group // 2) * pixels
            outputs = 2 if jobs * -(-blocks // group) > 1 else 1
            for targets in [0] if room.target else range(outputs, 0, -1):
                if targets * result <= free:
                    yield Tiling(height=height, width=width, parts=parts, group=group,
                                 resident=resident, source_areas=areas, source_rows=size,
                                 target_areas=targets, target_rows=result)
                    break


def _extent(work: Pass, axis: int, size: int) -> tuple[int, int]:
    """Most source rows (columns) of a tile, and the largest coordinate that occurs."""
    whole = (work.sources[0].height, work.sources[0].width)[axis]
    reach = (size - 1) * work.stride[axis] + work.reach[axis]
    return min(reach, whole), max(reach, min(reach, whole))
