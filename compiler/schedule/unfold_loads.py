"""LOAD commands that unfold an image."""

import itertools
from collections.abc import Iterator

from sparrow.hw.spec.commands import Opcode

from ..footprint import MEMORY, Footprint, Instruction
from ..unfold import Unfolding

__all__ = ["unfolding_loads"]


def unfolding_loads(unfolding: Unfolding, layer: str, rows: tuple[int, int],
                    columns: tuple[int, int], *, row: int, pitch: int,
                    word: int) -> Iterator[Instruction]:
    """The commands that make a rectangle of the source, ends left out.

    Parameters
    ----------
    layer : str
    rows, columns : (int, int)
        Of the source.
    row : int
        Of the buffer, for the first position.
    pitch : int
        Buffer rows from one row of the source to the next.
    word : int
        Bytes of the bus.
    """
    height = unfolding.image.height
    for group in range(unfolding.rows):
        # Image rows of the source's rows are those above the image, in it, and below it.
        above = _first(unfolding, group, 0)
        below = _first(unfolding, group, height)
        cuts = [rows[0], *(min(max(cut, rows[0]), rows[1]) for cut in (above, below)), rows[1]]
        for number, (first, last) in enumerate(itertools.pairwise(cuts)):
            if first < last:
                yield _load(unfolding, layer, group, (first, last), columns, number == 1,
                            row=row + (first - rows[0]) * pitch, pitch=pitch, word=word)


def _first(unfolding: Unfolding, group: int, row: int) -> int:
    """The first source row whose lane group takes an image row of ``row`` or beyond."""
    return -(-(row - group * unfolding.group_step + unfolding.top) // unfolding.base_step)


def _load(unfolding: Unfolding, layer: str, group: int, rows: tuple[int, int],
          columns: tuple[int, int], inside: bool, *, row: int, pitch: int,
          word: int) -> Instruction:
    image, count, width = unfolding.image, rows[1] - rows[0], columns[1] - columns[0]
    begin = columns[0] * unfolding.pixel_step - unfolding.left
    end = begin + (width - 1) * unfolding.pixel_step + unfolding.window
    skipped = max(begin, 0) // image.lanes * image.lanes  # bytes of a row that aren't read
    values = {"unfold": 1, "pair": unfolding.vectors - 1, "run": width, "runs": count, "planes": 1,
              "row": row, "run_step": pitch, "first": begin - group * unfolding.window,
              "pixel_step": unfolding.pixel_step, "lane": group * unfolding.window,
              "fill_value": unfolding.fill_value}
    memory = []
    size = min(end, image.width * image.channels) - skipped
    if inside and size > 0:  # else all is padding
        place = (rows[0] * unfolding.base_step + group * unfolding.group_step - unfolding.top)
        start = image.offset + place * image.row_bytes + skipped
        stride = unfolding.base_step * image.row_bytes
        vectors = -(-size // image.lanes) * image.lanes
        joined = vectors == stride
        words = vectors * count // word if joined else -(-size // word)
        values |= {"offset": start, "run_stride": stride, "row_bytes": size, "joined": joined,
                   "words": words, "first": values["first"] - skipped}
        memory.append((MEMORY, start, start + (count - 1) * stride + size))
    writes = Footprint((bank, row, row + (count - 1) * pitch + width)
                       for bank in range(unfolding.vectors))
    return Instruction(Opcode.LOAD, values, layer, Footprint(memory), writes)
