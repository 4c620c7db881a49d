"""What a report tells, whichever file it was read from."""

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["CAUSES", "Area", "Array", "Dense", "Figure", "Layer", "Module", "Report", "Weights"]

CAUSES = {"weights": "waits for weights", "decoding": "waits for weights to be decoded",
          "results": "waits for results to leave",
          "buffer": "waits for a bank that is stored from", "tokens": "waits for another engine"}
"""Causes of stalls, and how the report names them."""

Figure = tuple[str, str]
"""A label and a value, both as they are printed."""


@dataclass(frozen=True)
class Array:
    """The accelerator, as far as it bounds a layer.

    Members
    -------
    lanes, columns
        Of the MAC array.
    int4
        Whether layers of 4-bit weights run twice as fast.
    bus_bytes
        Bytes that the bus moves per cycle and direction.
    """

    lanes: int
    columns: int
    int4: bool
    bus_bytes: int

    def macs_per_cycle(self, bits: int | None) -> int:
        """MACs per cycle with weights of some bits; ``None`` stands for 8."""
        return self.lanes * self.columns * (2 if self.int4 and bits == 4 else 1)


@dataclass(frozen=True)
class Weights:
    """What became of a layer's weights.

    Members
    -------
    codec
        By which they are stored; empty if not known.
    kept
        Share that isn't zero.
    before, after
        Bytes in float32 and as stored, parameters of the requantizer included.
    """

    codec: str
    kept: float | None
    before: int
    after: int


@dataclass(frozen=True)
class Dense:
    """A layer as it would run with dense weights.

    Members
    -------
    weight_bytes
        Of its weight streams.
    cycles
        Predicted.
    stalls
        As in ``Layer``, predicted.
    """

    weight_bytes: int
    cycles: int
    stalls: Mapping[str, int]


@dataclass(frozen=True)
class Layer:
    """One layer; ``None`` where a figure isn't known.

    Members
    -------
    name, kind
        As in the network.
    macs
        True ones: no padding of channels to lanes.
    predicted, measured
        Cycles.
    bytes_read, bytes_written
        On the bus.
    vectors
        Cycles in which the array takes a vector.
    accesses
        Accesses to the activation buffer.
    stalls
        Cycles by cause, the keys of :data:`CAUSES`; empty where they weren't counted.
    place
        Where its output is: in ``memory``, on the ``chip``, ``both``, or ``fused``: nowhere; empty
        if not known.
    shape
        Channels, height, width of the output.
    bits
        Of a weight.
    inputs
        Names of the layers, or the network's input, that it takes.
    detail
        Kernel, stride, groups, in words.
    utilization
        True MACs / (cycles × MACs per cycle). Above 1 where the array needs fewer than these, by
        Winograd's algorithm or as blocks of zeros are left out.
    weights
        As they are stored.
    codec
        By which the accelerator reads them; empty if not known.
    weight_bytes
        Of its weight streams, as the accelerator reads them.
    dense
        The same layer without compression.
    """

    name: str
    kind: str
    macs: int
    predicted: int
    measured: int | None = None
    bytes_read: int = 0
    bytes_written: int = 0
    vectors: int | None = None
    accesses: int | None = None
    stalls: Mapping[str, int] = field(default_factory=dict)
    place: str = ""
    shape: tuple[int, int, int] | None = None
    bits: int | None = None
    inputs: tuple[str, ...] = ()
    detail: str = ""
    utilization: float | None = None
    weights: Weights | None = None
    codec: str = ""
    weight_bytes: int | None = None
    dense: Dense | None = None

    @property
    def cycles(self) -> int:
        """Measured where that is known, else predicted."""
        return self.predicted if self.measured is None else self.measured

    @property
    def intensity(self) -> float | None:
        """MACs per byte in the busier direction of the bus; ``None`` without traffic."""
        moved = max(self.bytes_read, self.bytes_written)
        return self.macs / moved if moved else None


@dataclass(frozen=True)
class Module:
    """A module of the hierarchy, as ``sparrow estimate --hierarchy`` tells it.

    Members
    -------
    name, instances
        How often the design has it.
    area, memory_bits
        Of one instance, submodules not counted.
    submodules
        Module → how often one instance holds it.
    """

    name: str
    instances: int
    area: float
    memory_bits: int = 0
    submodules: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Area:
    """What the design costs on one target.

    Members
    -------
    target
        ``gates``, ``ecp5`` and so on.
    unit
        Of the modules' areas.
    total
        Their sum; ``None`` for a target that doesn't have it.
    memory_bits
        Of memories that can be written, apart from the area.
    figures
        All that is told in one number.
    modules
        Empty where the hierarchy wasn't kept.
    """

    target: str
    unit: str = "NAND2"
    total: float | None = None
    memory_bits: int | None = None
    figures: tuple[Figure, ...] = ()
    modules: tuple[Module, ...] = ()


@dataclass(frozen=True)
class Report:
    """All that a page tells.

    Members
    -------
    name
        Of the network or recipe.
    layers
        In the order in which they run.
    cycles
        Of one image, measured; the layers' sum where it isn't known.
    images, exact
        Simulated images, and those of which every layer that was compared equalled golden's.
    compared
        How many layers' outputs were compared.
    difference
        The first one found; empty if there is none.
    accuracies
        What, share of the images, on how many.
    input_name, input_shape
        Of the network; without a shape there is no network to draw.
    array
        The accelerator.
    facts
        Further figures for the foot of the page.
    counters
        Of one image: cycles by cause, as in ``Layer.stalls``, with ``busy``.
    off
        Layers whose cycles were predicted wrongly.
    utilization
        Of the whole network.
    """

    name: str
    layers: tuple[Layer, ...]
    cycles: int
    images: int | None = None
    exact: int | None = None
    compared: int = 0
    difference: str = ""
    accuracies: tuple[tuple[str, float, int], ...] = ()
    input_name: str = "input"
    input_shape: tuple[int, int, int] | None = None
    array: Array | None = None
    areas: tuple[Area, ...] = ()
    facts: tuple[Figure, ...] = ()
    counters: Mapping[str, int] = field(default_factory=dict)
    off: tuple[str, ...] = ()
    utilization: float | None = None

    @property
    def passed(self) -> bool | None:
        """Whether all images were equal; ``None`` where none was compared."""
        return None if self.images is None else self.images > 0 and self.exact == self.images

    @property
    def predicted(self) -> int:
        """Cycles that were predicted for all layers."""
        return sum(layer.predicted for layer in self.layers)

    @property
    def measured(self) -> bool:
        """Whether cycles were measured at all."""
        return any(layer.measured is not None for layer in self.layers)
