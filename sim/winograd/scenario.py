"""Stimuli for the transforms, and what golden says must come out."""

import collections
import dataclasses
import itertools

import torch

from sparrow.golden.winograd import (
    matrices,
    transform_input,
    transform_output,
    transform_weight,
)
from sparrow.golden.winograd.matrices import Matrix
from sparrow.golden.winograd.transforms import applied, wrapped
from sparrow.hw.spec.winograd import WinogradSpec
from sparrow.hw.winograd import InputTransform, OutputTransform, WeightTransform

__all__ = ["KINDS", "Kind", "Scenario", "extreme_scenario", "random_scenario"]


@dataclasses.dataclass(frozen=True)
class Scenario:
    """Payloads for the input in order, the outputs to expect, and what they cover."""
    payloads: list[dict]
    expected: list[dict]
    covered: collections.Counter


class Kind:
    """A transform: its component, its golden twin, and stimuli for it.

    Parameters
    ----------
    component : type
    spec : WinogradSpec
    """

    def __init__(self, component: type, spec: WinogradSpec):
        self.spec = spec
        self.block = component(spec=spec)
        self.block._MustUse__used = True  # only its ports are wanted

    @property
    def elements(self) -> int:
        """Elements of a vector."""
        return self.block.i.payload.vector.shape().length

    def transform(self, tiles: torch.Tensor) -> torch.Tensor:
        """What golden makes of tiles."""
        raise NotImplementedError

    def random(self, generator: torch.Generator, tiles: int) -> torch.Tensor:
        """Random tiles, shape (tiles, elements, …)."""
        raise NotImplementedError

    def extremes(self) -> torch.Tensor:
        """Tiles, shape (tiles, …), that make each output the largest and the smallest one."""
        raise NotImplementedError


class _Linear(Kind):
    """Transforms of small numbers, all of which are possible."""

    def __init__(self, component, spec, side: int, width: int, matrix: Matrix):
        super().__init__(component, spec)
        self._shape = (side,) * spec.dimensions
        self._low, self._high = -1 << (width - 1), (1 << (width - 1)) - 1
        self._rows = torch.tensor(matrix)

    def random(self, generator, tiles):
        return torch.randint(self._low, self._high + 1, (tiles, self.elements, *self._shape),
                             generator=generator)

    def extremes(self):
        rows = self._rows
        if self.spec.dimensions == 2:
            rows = torch.einsum("ia,jb->ijab", rows, rows).flatten(0, 1)
        rows = torch.cat([rows, -rows])
        return torch.where(rows > 0, self._high, self._low)


class InputKind(_Linear):
    """Activations."""

    def __init__(self, spec):
        super().__init__(InputTransform, spec, spec.side, spec.activation_width,
                         matrices(spec.tile).input)

    def transform(self, tiles):
        return transform_input(self.spec, tiles)


class WeightKind(_Linear):
    """Weights."""

    def __init__(self, spec):
        super().__init__(WeightTransform, spec, spec.taps, spec.weight_width,
                         matrices(spec.tile).weight)

    def transform(self, tiles):
        return transform_weight(self.spec, tiles)


class OutputKind(Kind):
    """Sums of products, such as tiles and kernels give: their transform is divisible."""

    def __init__(self, spec):
        super().__init__(OutputTransform, spec)

    def transform(self, tiles):
        return transform_output(self.spec, tiles)

    def random(self, generator, tiles):
        """Sums over channels, of any results; modulo ``2 ** sum_width`` they are any numbers."""
        shape = (tiles, self.elements)
        taps = torch.randint(-2, 3, (*shape, *(3,) * self.spec.dimensions), generator=generator)
        width = self.spec.output_width
        pixels = torch.randint(-1 << (width - 1), 1 << (width - 1),
                               (*shape, *(self.spec.side,) * self.spec.dimensions),
                               generator=generator)
        return self._sums(pixels, taps)

    def extremes(self):
        """Largest and smallest pixels under the kernel's first tap, whose results they are."""
        limit = 1 << (self.spec.output_width - 1)
        shape = (self.spec.side,) * self.spec.dimensions
        taps = torch.zeros((3,) * self.spec.dimensions, dtype=torch.int64)
        taps[(0,) * self.spec.dimensions] = 1
        pixels = [torch.full(shape, value) for value in (-limit, limit - 1, -1, 0, 1)]
        for place in itertools.product(range(self.spec.tile), repeat=self.spec.dimensions):
            for value in (-limit, limit - 1, -1):
                pixels.append(torch.zeros(shape, dtype=torch.int64))
                pixels[-1][place] = value
        return self._sums(torch.stack(pixels), taps.expand(len(pixels), *taps.shape))

    def _sums(self, pixels, taps):
        found = matrices(self.spec.tile)
        products = (applied(found.input, pixels, self.spec.dimensions)
                    * applied(found.weight, taps, self.spec.dimensions))
        return wrapped(products, self.spec.sum_width)


KINDS = {"winograd-input-transform": InputKind, "winograd-weight-transform": WeightKind,
         "winograd-output-transform": OutputKind}
"""By the name of the block."""


def _scenario(kind: Kind, tiles: torch.Tensor, covered: str) -> Scenario:
    """The scenario of tiles, shape (tiles, elements, …)."""
    dimensions = kind.spec.dimensions
    vectors = tiles.flatten(2).transpose(1, 2).flatten(0, 1).tolist()
    results = kind.transform(tiles)
    expected = []
    for result in results.movedim(1, -1):
        for place in kind.block.order:
            expected.append({"vector": result[place].tolist(), "column": place[-1]}
                            | ({"row": place[0]} if dimensions == 2 else {}))
    return Scenario([{"vector": vector} for vector in vectors], expected,
                    collections.Counter({covered: len(tiles)}))


def random_scenario(kind: Kind, *, seed: int, tiles: int) -> Scenario:
    """Random tiles."""
    generator = torch.Generator().manual_seed(seed)
    return _scenario(kind, kind.random(generator, tiles), "random tiles")


def extreme_scenario(kind: Kind) -> Scenario:
    """Tiles that make each output extreme, each in every element, at the same time as others."""
    extremes = kind.extremes()
    tiles = torch.stack([extremes.roll(7 * element, 0) for element in range(kind.elements)], 1)
    return _scenario(kind, tiles, "extreme tiles")
