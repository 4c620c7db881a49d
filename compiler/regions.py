"""Room in the activation buffer, given to tensors for as long as they live."""

import dataclasses
from collections.abc import Iterator

from .place import Place

__all__ = ["Region", "Regions"]

BANKS = 2


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
    layers : int
    """

    def __init__(self, rows: int, layers: int):
        self._rows, self._layers = rows, layers
        self._regions: dict[str, Region] = {}
        self.places: dict[str, Place] = {}

    def add(self, name: str, region: Region) -> bool:
        """Place a tensor where it leaves the largest gaps; whether there is room for it."""
        best: tuple[int, Place] | None = None
        self._regions[name] = region
        for place in self._possible(name, region):
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

    def _possible(self, name: str, region: Region) -> Iterator[Place]:
        """Places for a tensor, beside others or at an end of the buffer; the lowest first."""
        taken = list(self._taken(region.born, region.dead, name))
        edges = {0, self._rows, *(edge for _, first, end in taken for edge in (first, end))}
        for first in range(BANKS):
            shape = Place(0, region.plane, first).rows(region.blocks)
            low, high = min(row for _, row, _ in shape), max(end for _, _, end in shape)
            for row in sorted({edge - side for edge in edges for side in (low, high)}):
                moved = [(bank, row + begin, row + end) for bank, begin, end in shape]
                if row + low >= 0 and row + high <= self._rows and not any(
                        bank == other and begin < other_end and other_first < end
                        for bank, begin, end in moved
                        for other, other_first, other_end in taken):
                    yield Place(row, region.plane, first)
