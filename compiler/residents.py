"""Which tensors stay in the activation buffer from the layer that makes them to the last reader."""

import copy
import math
from collections.abc import Mapping, Sequence

from sparrow.golden.network import Network
from sparrow.hw.spec.accelerator import AcceleratorSpec

from .errors import CompileError
from .layout import TensorLayout, members
from .passes import Pass
from .place import Place, Room
from .regions import Region, Regions
from .tiling import choose_tilings

__all__ = ["Residents", "choose_residents"]

Works = Mapping[str, Sequence[Pass]]
BANKS = 2
ROUNDS = 2  # what doesn't pay at first may do so beside others


class Residents:
    """Tensors in the buffer: where they lie, and what that leaves to each pass.

    Tensors that lie inside one another, see :func:`.layout.members`, are one.

    Parameters
    ----------
    network : Network
    spec : AcceleratorSpec
    layouts : mapping of str to TensorLayout
    works : mapping of str to sequence of Pass
        The passes of each layer.
    keep_all : bool
        Whether every layer's output goes to memory, too.
    """

    def __init__(self, network: Network, spec: AcceleratorSpec,
                 layouts: Mapping[str, TensorLayout], works: Works, *, keep_all: bool):
        self._works, self._keep_all = works, keep_all
        self._roots = members(network, layouts)
        self._order = {layer.name: number for number, layer in enumerate(network)}
        self._outputs = {self._roots[network.output][0]}
        self._input = self._roots[network.input_name][0]
        self._rows = spec.buffer_rows
        self._regions = Regions(self._rows)
        self._wanted = self._lives(network, layouts)

    def _lives(self, network: Network, layouts: Mapping[str, TensorLayout]) -> dict[str, Region]:
        """What could stay, and how long it would."""
        uses: dict[str, list[int]] = {}
        for name, number in self._order.items():
            uses.setdefault(self._roots[name][0], []).extend(
                [number, *(self._order[layer.name] for layer in network.consumers(name))])
        return {root: Region(layouts[root].blocks, layouts[root].height * layouts[root].width,
                             min(found), max(found))
                for root, found in uses.items()
                if root != self._input and max(found) > min(found)}

    @property
    def candidates(self) -> list[tuple[str, ...]]:
        """Tensors that could stay, those first that are read often for their time.

        Then all sources of a pass together: alone they don't help it.
        """
        singles = sorted(self._wanted, key=lambda root: (
            (self._wanted[root].dead - self._wanted[root].born) / self._readers(root), root))
        groups = {tuple(sorted({self._roots[source.name][0] for source in work.sources})): None
                  for works in self._works.values() for work in works}
        return [*((root,) for root in singles),
                *(group for group in groups if len(group) > 1 and self._wanted.keys() >= {*group})]

    def _readers(self, root: str) -> int:
        """Passes that read a tensor, or write it."""
        return sum(root in (self._roots[layout.name][0] for layout in (*work.sources, work.target))
                   for works in self._works.values() for work in works)

    def with_more(self, roots: Sequence[str], bank: int) -> "Residents | None":
        """The same with some tensors that begin in a bank; None if there isn't room for them."""
        other = copy.copy(self)
        regions = other._regions = self._regions.copy()
        for root in roots:
            if root in regions.places:
                regions.remove(root)
        if all(regions.add(root, self._wanted[root], bank) for root in roots):
            return other
        return None

    def together(self, roots: Sequence[str]) -> bool:
        """Whether tensors stay and begin in one bank."""
        places = [self._regions.places.get(root) for root in roots]
        return None not in places and len({place.first for place in places if place}) == 1

    def _place(self, name: str) -> Place | None:
        root, block = self._roots[name]
        place = self._regions.places.get(root)
        return None if place is None else place.after(block)

    def _sources(self, work: Pass) -> tuple[Place, ...]:
        """Where a pass finds its sources in the buffer; empty if it has to load them."""
        places = [self._place(source.name) for source in work.sources]
        found = tuple(place for place in places if place is not None)
        banks = {place.at(0)[0] for place in found}
        fits = len(found) == len(places) and len(banks) == 1 and not (work.int4 and banks != {0})
        return found if fits else ()

    @property
    def stored(self) -> set[str]:
        """Tensors that go to memory."""
        if self._keep_all:
            return set(self._roots)
        loaded = {self._roots[source.name][0] for works in self._works.values()
                  for work in works if not self._sources(work) for source in work.sources}
        loaded |= self._outputs
        return {name for name, (root, _) in self._roots.items()
                if root in loaded or root not in self._regions.places}

    @property
    def names(self) -> list[str]:
        """Tensors that stay."""
        return [name for name in self._roots if self._place(name) is not None]

    def rooms(self, layer: str, stored: set[str]) -> tuple[Room, ...]:
        """What each pass of a layer may use of the buffer, given ``stored``."""
        first, end = self._regions.gap(self._order[layer])
        return tuple(Room(first=first, end=None if end == self._rows else end,
                          sources=self._sources(work), target=self._place(work.target.name),
                          stored=work.target.name in stored) for work in self._works[layer])


def choose_residents(network: Network, spec: AcceleratorSpec, layouts: Mapping[str, TensorLayout],
                     works: Works, *, keep_all: bool) -> Residents:
    """Let tensors stay as long as that takes fewer cycles, by a rough estimate."""
    best = Residents(network, spec, layouts, works, keep_all=keep_all)
    costs = _Costs(spec, works)
    least = costs.total(best)
    for _ in range(ROUNDS):
        for roots in best.candidates:
            if best.together(roots):
                continue
            for bank in range(BANKS):
                more = best.with_more(roots, bank)
                if more is not None and costs.total(more) < least:
                    best, least = more, costs.total(more)
    return best


class _Costs:
    """Estimated cycles of a network; of passes that stay as they are they are known."""

    def __init__(self, spec: AcceleratorSpec, works: Works):
        self._spec, self._works = spec, works
        self._known: dict[tuple[str, int, Room], float] = {}

    def total(self, residents: Residents) -> float:
        stored = residents.stored
        return sum(self._cost(layer, number, room) for layer in self._works
                   for number, room in enumerate(residents.rooms(layer, stored)))

    def _cost(self, layer: str, number: int, room: Room) -> float:
        key = layer, number, room
        if key not in self._known:
            work = self._works[layer][number].within(room)
            self._known[key] = min(self._estimate(one) for one in work.ways)
        return self._known[key]

    def _estimate(self, work: Pass) -> float:
        try:
            return choose_tilings(work, self._spec, 1)[0][0]
        except CompileError:
            return math.inf
