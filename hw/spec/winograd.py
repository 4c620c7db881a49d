"""Specification of Winograd convolution: tile, sizes of vectors, widths of numbers."""

import dataclasses
import enum

from .base import Spec, SpecError, require_integer
from .mac import MacArraySpec, Multiplier, Precision
from .requantize import RequantizeSpec, Rounding

__all__ = ["KernelForm", "WinogradConvSpec", "WinogradSpec"]

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
        if isinstance(self.tile, bool) or self.tile not in (2, 4):
            raise SpecError(f"tile must be 2 or 4, not {self.tile!r}")
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


class KernelForm(enum.Enum):
    """How kernels come to the unit.

    Attributes
    ----------
    SPATIAL
        As nine taps, which are transformed in front of the array.
    TRANSFORMED
        As the products' weights, ``positions`` blocks of more bits.
    """

    SPATIAL = "spatial"
    TRANSFORMED = "transformed"


@dataclasses.dataclass(frozen=True, kw_only=True)
class WinogradConvSpec(Spec):
    """A unit for 3×3 convolutions of stride 1: transforms, an array, sums, requantization.

    Parameters
    ----------
    tile : int, 2 or 4
        Outputs of a tile, in each dimension: F(2×2,3×3) or F(4×4,3×3).
    lanes, columns : int, 2 to 64
        Size of the array: input and output channels of a block.
    activation_width, weight_width : int, 2 to 8
        Bits of an activation and of a tap.
    output_width : int, 16 to 32
        Bits, with sign, that hold every sum of the convolution with its bias.
    tiles : int, 2 to 256
        The most tiles of a pass.
    kernels : KernelForm
        Whether kernels are transformed in the unit.
    rows : int, 16 to 65 536
        Vectors in the memory of activations, a power of two.
    multiplier : Multiplier
        How products are made, in the array and in the requantizer.
    pipeline_stages : int, 1 to 4
        Of the array.
    result_fifo_depth : int, 2 to 65 536
        Vectors of sums that wait for the requantizer.
    post_lanes : int, 1 to ``columns``
        Results that are requantized side by side.
    mantissa_width : int, 8 to 24
        Bits of a requantizer's mantissa.
    rounding : Rounding
        ``half_up`` or ``half_even``.

    Raises
    ------
    TypeError
        If a number is no integer.
    SpecError
        If a value is out of range.
    """
    choices = {"rounding": (Rounding.HALF_UP, Rounding.HALF_EVEN)}

    tile: int = 2
    lanes: int = 16
    columns: int = 16
    activation_width: int = 8
    weight_width: int = 8
    output_width: int = 32
    tiles: int = 32
    kernels: KernelForm = KernelForm.SPATIAL
    rows: int = 4096
    multiplier: Multiplier = Multiplier.BOOTH
    pipeline_stages: int = 2
    result_fifo_depth: int = 128
    post_lanes: int = 8
    mantissa_width: int = 16
    rounding: Rounding = Rounding.HALF_UP

    def __post_init__(self) -> None:
        super().__post_init__()
        require_integer("lanes", self.lanes, 2, 64)
        require_integer("columns", self.columns, 2, 64)
        require_integer("output_width", self.output_width, 16, 32)
        require_integer("tiles", self.tiles, 2, 256)
        require_integer("rows", self.rows, 16, 65536)
        if self.rows & self.rows - 1:
            raise SpecError(f"rows must be a power of two from 16 to 65536, not {self.rows}")
        require_integer("result_fifo_depth", self.result_fifo_depth, 2, 65536)
        require_integer("post_lanes", self.post_lanes, 1, self.columns)
        require_integer("mantissa_width", self.mantissa_width, 8, 24)
        if self.array.sum_width > self.transform.sum_width:
            raise SpecError(f"output_width must be at least "
                            f"{self.array.sum_width - self.transform.sum_width + self.output_width}"
                            f" for products of these widths in {self.lanes} lanes, "
                            f"not {self.output_width}")

    @property
    def transform(self) -> WinogradSpec:
        """The transforms."""
        return WinogradSpec(tile=self.tile, lanes=self.lanes, columns=self.columns,
                            activation_width=self.activation_width,
                            weight_width=self.weight_width, output_width=self.output_width)

    @property
    def array(self) -> MacArraySpec:
        """The MAC array."""
        transform = self.transform
        return MacArraySpec(lanes=self.lanes, columns=self.columns, precision=Precision.CUSTOM,
                            activation_width=transform.multiplier_activation_width,
                            weight_width=transform.multiplier_weight_width,
                            accumulator_width=64, multiplier=self.multiplier,
                            pipeline_stages=self.pipeline_stages)

    @property
    def weights(self) -> MacArraySpec:
        """An array that takes kernels as this unit does: its stationary elements are taps."""
        if self.kernels is KernelForm.TRANSFORMED:
            return self.array
        return self.array.replace(weight_width=self.weight_width)

    @property
    def blocks(self) -> int:
        """Weight blocks of a channel block of kernels: taps, or positions."""
        return (self.transform.positions if self.kernels is KernelForm.TRANSFORMED
                else self.transform.taps ** 2)

    @property
    def requantize(self) -> RequantizeSpec:
        """The post-processing."""
        return RequantizeSpec(columns=self.columns, lanes=self.post_lanes,
                              accumulator_width=self.output_width,
                              mantissa_width=self.mantissa_width, shift_width=6,
                              output_width=self.activation_width, rounding=self.rounding,
                              bias=True, collect=True, stalls=True, multiplier=self.multiplier)
