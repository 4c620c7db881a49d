"""Which tensors stay in the activation buffer from the layer that makes them to the last reader."""

import copy
import math
from collections.abc import Mapping, Sequence

from sparrow.golden.network import Network
from sparrow.hw.spec.accelerator import AcceleratorSpec

from ..errors import CompileError
from ..layout import TensorLayout, members
from ..lower import Fusions, readers
from ..passes import Pass
from ..place import Place, Room
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
    fused : Fusions
        What is added to results on their way. A tensor that nobody else reads any more is replaced
        by the sum where it lies: they are one in the buffer, not in memory.
    keep_all : bool
        Whether every layer's output goes to memory, too.
    """

    def __init__(self, network: Network, spec: AcceleratorSpec,
                 layouts: Mapping[str, TensorLayout], works: Works, fused: Fusions, *,
                 keep_all: bool):
        self._works, self._keep_all = works, keep_all
        self._memory = members(network, layouts)
        self._readers_of = readers(network, fused)
        self._order = {layer.name: number for number, layer in enumerate(network)}
        self._outputs = {self._memory[network.output][0]}
        self._input = self._memory[network.input_name][0]
        self._roots = dict(self._memory)
        for name, fusion in fused.items():
            if self._replaces(name, fusion.operand, layouts):
                self._roots[name] = self._roots[fusion.operand]
        self._rows = spec.buffer_rows
        self._regions = Regions(self._rows)
        self._wanted = self._lives(network, layouts)

    def _replaces(self, name: str, operand: str, layouts: Mapping[str, TensorLayout]) -> bool:
        """Whether a sum can take the place of what is added in it."""
        root, _ = self._roots[operand]
        sources = {self._roots[source.name][0] for work in self._works[name]
                   for source in work.sources}
        return (root not in {self._input, *sources} and self._roots[name] == (name, 0)
                and layouts[root].blocks == layouts[name].blocks
                and max(self._order[one] for one in self._readers_of[operand])
                == self._order[name])

    def _lives(self, network: Network, layouts: Mapping[str, TensorLayout]) -> dict[str, Region]:
        """What could stay, and how long it would."""
        uses: dict[str, list[int]] = {}
        for name, number in self._order.items():
            uses.setdefault(self._roots[name][0], []).extend(
                [number, *(self._order[layer] for layer in self._readers_of[name])])
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
        return sum(root in (self._roots[layout.name][0] for layout in (
                            *work.sources, work.target, work.operand) if layout is not None)
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

    def _replaced(self, work: Pass) -> bool:
        """Whether what is added to results of a pass lies in the buffer where they go."""
        place = self._place(work.target.name)
        return (work.operand is not None and place is not None
                and place == self._place(work.operand.name))

    @property
    def stored(self) -> set[str]:
        """Tensors that go to memory."""
        if self._keep_all:
            return set(self._memory)
        works = [work for works in self._works.values() for work in works]
        loaded = {self._memory[source.name][0] for work in works if not self._sources(work)
                  for source in work.sources} | self._outputs
        loaded |= {self._memory[work.operand.name][0] for work in works
                   if work.operand is not None and not self._replaced(work)}
        return {name for name, (root, _) in self._memory.items()
                if root in loaded or self._place(name) is None}

    @property
    def names(self) -> list[str]:
        """Tensors that stay."""
        return [name for name in self._roots if self._place(name) is not None]

    def rooms(self, layer: str, stored: set[str]) -> tuple[Room, ...]:
        """What each pass of a layer may use of the buffer, given ``stored``."""
        first, end = self._regions.gap(self._order[layer])
        return tuple(Room(first=first, end=None if end == self._rows else end,
                          sources=self._sources(work), target=self._place(work.target.name),
                          stored=work.target.name in stored, operand=self._replaced(work))
                     for work in self._works[layer])


def choose_residents(network: Network, spec: AcceleratorSpec, layouts: Mapping[str, TensorLayout],
                     works: Works, fused: Fusions, *, keep_all: bool) -> Residents:
    """Let tensors stay as long as that takes fewer cycles, by a rough estimate."""
    best = Residents(network, spec, layouts, works, fused, keep_all=keep_all)
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
