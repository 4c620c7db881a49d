"""Specification of Winograd convolution: tile, sizes of vectors, widths of numbers."""

import dataclasses

from .base import Spec, SpecError, require_integer

__all__ = ["WinogradSpec"]

# Bits that a transform adds to activations, to weights, and to the sums' own, by tile and
# dimensions; the extremes from which they follow are in sparrow.golden.winograd.widths.
_GROWTH = {(2, 1): (1, 2, 1), (2, 2): (2, 4, 2), (4, 1): (4, 3, 3), (4, 2): (7, 6, 6)}


@dataclasses.dataclass(frozen=True, kw_only=True)
class WinogradSpec(Spec):
    """Convolution with kernels of three taps, or three by three, ``tile`` outputs a side at a time.

    Parameters
    ----------
    tile : int, 2 or 4
        Outputs of a tile, in each dimension: F(2,3) or F(4,3).
    dimensions : int, 1 or 2
        1: kernels 1×3 and 3×1; 2: kernels 3×3.
    lanes : int, 1 to 64
        Elements of a vector of activations: input channels.
    columns : int, 1 to 64
        Elements of a vector of weights or of sums: output channels.
    activation_width, weight_width : int, 2 to 8
        Bits of an activation and of a weight, two's complement.
    output_width : int, 8 to 40
        Bits, with sign, that hold every sum of the convolution.

    Raises
    ------
    TypeError
        If a number is no integer.
    SpecError
        If a number is out of range.
    """

    tile: int = 2
    dimensions: int = 2
    lanes: int = 16
    columns: int = 16
    activation_width: int = 8
    weight_width: int = 8
    output_width: int = 32

    def __post_init__(self) -> None:
        super().__post_init__()
        require_integer("tile", self.tile, 2, 4)
        if self.tile == 3:
            raise SpecError("tile must be 2 or 4, not 3")
        require_integer("dimensions", self.dimensions, 1, 2)
        require_integer("lanes", self.lanes, 1, 64)
        require_integer("columns", self.columns, 1, 64)
        require_integer("activation_width", self.activation_width, 2, 8)
        require_integer("weight_width", self.weight_width, 2, 8)
        require_integer("output_width", self.output_width, 8, 40)

    @property
    def taps(self) -> int:
        """Taps of a kernel, in each dimension."""
        return 3

    @property
    def side(self) -> int:
        """Activations of a tile, transformed or not, in each dimension."""
        return self.tile + self.taps - 1

    @property
    def positions(self) -> int:
        """Products of a tile: elements of a transformed tile or kernel."""
        return self.side ** self.dimensions

    @property
    def multiplier_activation_width(self) -> int:
        """Bits, with sign, that hold every transformed activation."""
        return self.activation_width + _GROWTH[self.tile, self.dimensions][0]

    @property
    def multiplier_weight_width(self) -> int:
        """Bits, with sign, that hold every transformed weight."""
        return self.weight_width + _GROWTH[self.tile, self.dimensions][1]

    @property
    def sum_width(self) -> int:
        """Bits of the sums of products, which wrap: those of the output, and those shifted out."""
        return self.output_width + _GROWTH[self.tile, self.dimensions][2]
