"""Pieces of a pass: tiles of pixels, parts of its output blocks."""

import dataclasses
from collections.abc import Iterator

from ..passes import Pass, Span

__all__ = ["Part", "Tile", "Tiling"]


@dataclasses.dataclass(frozen=True)
class Tile:
    """A rectangle of output pixels and of the source pixels they take; ends are left out."""

    top: int
    left: int
    bottom: int
    right: int
    source_top: int
    source_left: int
    source_bottom: int
    source_right: int


@dataclasses.dataclass(frozen=True)
class Part:
    """Output blocks whose channel blocks, ``channel`` to ``end_channel``, are loaded together."""

    spans: tuple[Span, ...]
    channel: int
    end_channel: int

    @property
    def channels(self) -> int:
        """Channel blocks."""
        return self.end_channel - self.channel


@dataclasses.dataclass(frozen=True, kw_only=True)
class Tiling:
    """How a pass is cut.

    Parameters
    ----------
    height, width : int
        Output rows and columns of a tile; the last ones may be smaller.
    head : int
        Output rows of the first tiles, at most ``height``; 0: as many as of the others.
    parts : tuple of Part
        Output blocks that are calculated for all tiles before the next ones.
    group : int
        Output blocks of a COMPUTE at most.
    resident : bool
        The whole source stays in the buffer, and each of its rows is loaded once. If not, each
        tile has an area of its own.
    source_areas, source_rows : int
        Areas for sources, and rows of each per bank; no areas if sources are in the buffer.
    target_areas, target_rows : int
        The same for results; no areas if they stay in the buffer.
    """

    height: int
    width: int
    parts: tuple[Part, ...]
    group: int
    resident: bool
    source_areas: int
    source_rows: int
    target_areas: int
    target_rows: int
    head: int = 0

    def tiles(self, work: Pass) -> Iterator[Tile]:
        """The tiles, row by row."""
        target = work.target
        tops = range(self.head, target.height, self.height)
        for top in [0, *tops] if self.head else tops:
            bottom = min(top + (self.height if top else self.head or self.height), target.height)
            for left in range(0, target.width, self.width):
                right = min(left + self.width, target.width)
                rows = work.source_range(0, top, bottom)
                columns = work.source_range(1, left, right)
                yield Tile(top, left, bottom, right, rows[0], columns[0], rows[1], columns[1])
