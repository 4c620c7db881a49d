"""Room in the activation buffer, given to tensors for as long as they live."""

import dataclasses
from collections.abc import Iterator

from ..place import Place

__all__ = ["Region", "Regions"]


@dataclasses.dataclass(frozen=True)
class Region:
    """What a tensor needs.

    Parameters
    ----------
    blocks, plane : int
        Channel blocks, and rows of each.
    born, dead : int
        The first and the last layer during which it is there.
    """

    blocks: int
    plane: int
    born: int
    dead: int


class Regions:
    """Places of tensors such that no two that live at once overlap.

    Parameters
    ----------
    rows : int
        Of a bank.
    """

    def __init__(self, rows: int):
        self._rows = rows
        self._regions: dict[str, Region] = {}
        self.places: dict[str, Place] = {}

    def copy(self) -> "Regions":
        """The same, which can be changed on its own."""
        other = Regions(self._rows)
        other._regions, other.places = dict(self._regions), dict(self.places)
        return other

    def add(self, name: str, region: Region, bank: int) -> bool:
        """Place a tensor where it leaves the largest gaps; whether there is room for it.

        ``bank`` is that of its first block.
        """
        best: tuple[int, Place] | None = None
        self._regions[name] = region
        for place in self._possible(name, region, bank):
            self.places[name] = place
            score = sum(end - first for first, end in map(self.gap, range(region.born,
                                                                          region.dead + 1)))
            if best is None or score > best[0]:
                best = score, place
        if best is None:
            self.remove(name)
            return False
        self.places[name] = best[1]
        return True

    def remove(self, name: str) -> None:
        """Take a tensor's place away."""
        self._regions.pop(name)
        self.places.pop(name, None)

    def gap(self, layer: int) -> tuple[int, int]:
        """The largest interval of rows, end left out, that is free in both banks."""
        best, position = (0, 0), 0
        taken = sorted((first, end) for _, first, end in self._taken(layer, layer))
        for first, end in [*taken, (self._rows, self._rows)]:
            if first - position > best[1] - best[0]:
                best = position, first
            position = max(position, end)
        return best

    def _taken(self, born: int, dead: int, but: str = "") -> Iterator[tuple[int, int, int]]:
        """Bank, first row, end of all that lives at some time."""
        for name, place in self.places.items():
            region = self._regions[name]
            if name != but and region.born <= dead and born <= region.dead:
                yield from place.rows(region.blocks)

    def _possible(self, name: str, region: Region, bank: int) -> Iterator[Place]:
        """Places for a tensor, beside others or at an end of the buffer; the lowest first."""
        taken = list(self._taken(region.born, region.dead, name))
        edges = {0, self._rows, *(edge for _, first, end in taken for edge in (first, end))}
        height = max(end for _, _, end in Place(0, region.plane, bank).rows(region.blocks))
        for row in sorted({edge - side for edge in edges for side in (0, height)}):
            place = Place(row, region.plane, bank)
            if 0 <= row <= self._rows - height and not any(
                    own == other and begin < other_end and other_begin < end
                    for own, begin, end in place.rows(region.blocks)
                    for other, other_begin, other_end in taken):
                yield place
