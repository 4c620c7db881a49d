"""Specification of the whole accelerator."""

import dataclasses
import enum
import functools

from .base import Spec, SpecError, require_integer
from .bus import BusClock, BusProtocol, BusSpec
from .decode import ALL_CODECS, Codec, DecompressorSpec
from .mac import AccumulatorsSpec, MacArraySpec, Multiplier, Precision
from .requantize import RequantizeSpec, Rounding
from .winograd import WinogradConvSpec

__all__ = ["AcceleratorSpec", "Winograd"]

FIFO_WORDS = 16  # of the decompressor


class Winograd(enum.Enum):
    """Whether 3×3 convolutions of stride 1 can be done by Winograd's algorithm.

    Attributes
    ----------
    NONE
        They can't.
    TWO
        In tiles of 2 × 2 pixels: F(2×2,3×3).
    FOUR
        In tiles of 4 × 4 pixels: F(4×4,3×3).
    """

    NONE = "none"
    TWO = "2"
    FOUR = "4"


@dataclasses.dataclass(frozen=True, kw_only=True)
class AcceleratorSpec(Spec):
    """An accelerator: its array, its memories, its post-processing and its bus.

    Parameters
    ----------
    lanes, columns : int
        Size of the array: 4, 8, 16, 32 or 64, both equal. A vector of ``lanes`` activations is a
        row of the activation buffers.
    precision : Precision
        ``int8``, or ``int8_int4``, where every layer has weights of 8 or of 4 bits.
    multiplier : Multiplier
        How products are made, in the array and in the requantizer.
    pipeline_stages : int, 1 to 4
        Of the array.
    depthwise_window : int
        Taps of a depthwise kernel that the array takes in one step, 2 to 64 (``lanes`` of them at
        most); 0: it has no window, and depthwise layers run as others do, a tap at a time.
    pixels : int
        Arrays that share a weight stream, each with accumulators of its own: 1.
    accumulator_depth : int, 2 to 65 536
        Pixels of a tile.
    accumulator_width : int
        Bits of an accumulator, those of a step's sum (and 8 more, for residual additions) to 32.
    single_port_accumulators : bool
        Whether they are in two memories of one port rather than in one of two ports: a block of
        weights for an odd number of pixels takes a cycle more. With ``memory_latency`` 2 a block
        for a number of pixels that is no multiple of 4 takes one or two cycles more.
    buffer_bytes : int
        Bytes of each of the two banks of activations: a power of two, 16 to 65 536 vectors.
    line_bytes : int
        Bytes of image rows that wait to be unfolded; a row must be shorter, half of it lets two
        overlap. A power of two, at least 4 vectors and at most 16 384, or 0: no unfolding.
    result_fifo_depth : int, 2 to 65 536
        Vectors of sums that wait for the requantizer while the array goes on.
    post_lanes : int
        Results that are requantized side by side: a power of two, at most ``columns``.
    residual_add : bool
        Whether a residual addition can be done with the results of the layer before it, on their
        way to the buffer; if not, it is a pass of its own.
    mantissa_width : int, 8 to 24
        Bits of a requantizer's mantissa.
    rounding : Rounding
        ``half_up`` or ``half_even``.
    protocol, data_width, address_width, max_burst, outstanding, cache, prot
        The bus; see :class:`.bus.BusSpec`. A vector is at least a bus word.
    bus_clock : BusClock
        Whether the buses have a clock of their own.
    weight_fifo_bytes : int
        Bytes of weights that are fetched ahead: a power of two, at least 2 bursts.
    memory_latency : int, 1 or 2
        Cycles from a read to its row in all memories but ``weight_fifo``, that of a decompressor,
        which is read in 1. With 2, ``pipeline_stages`` must be at least 2, ``result_fifo_depth``
        at least 16, and with ``single_port_accumulators`` ``accumulator_depth`` at least 4.
    codecs : tuple of Codec
        Compressed weight streams that it decodes; empty: none. Plain streams it takes in any case.
    codebook : int, 0 or 2 to 32
        Entries of the largest table of values that their decoder takes; 0: none.
    winograd : Winograd
        ``none``, or ``2`` or ``4``, which may be given as numbers. With these the array's
        multipliers are wider (see :class:`.winograd.WinogradSpec`), ``precision`` must be ``int8``
        and ``memory_latency`` 1.
    winograd_tiles : int, 2 to 256
        The most tiles of a COMPUTE command with ``winograd``.
    queue_depth : int, 2 to 64
        Commands that wait in front of each engine.

    Raises
    ------
    SpecError, TypeError
        On a value out of range, a conflict, or a combination that isn't built.
    """
    choices = {"precision": (Precision.INT8, Precision.INT8_INT4),
               "rounding": (Rounding.HALF_UP, Rounding.HALF_EVEN)}

    lanes: int = 16
    columns: int = 16
    precision: Precision = Precision.INT8_INT4
    multiplier: Multiplier = Multiplier.BOOTH
    pipeline_stages: int = 2
    depthwise_window: int = 9
    pixels: int = 1
    accumulator_depth: int = 512
    accumulator_width: int = 32
    single_port_accumulators: bool = False
    buffer_bytes: int = 65536
    line_bytes: int = 2048
    result_fifo_depth: int = 128
    post_lanes: int = 8
    residual_add: bool = True
    mantissa_width: int = 16
    rounding: Rounding = Rounding.HALF_UP
    protocol: BusProtocol = BusProtocol.AXI4
    data_width: int = 64
    address_width: int = 32
    max_burst: int = 16
    outstanding: int = 8
    cache: int = 0b0011
    prot: int = 0
    bus_clock: BusClock = BusClock.SAME
    weight_fifo_bytes: int = 4096
    memory_latency: int = 1
    codecs: tuple[Codec, ...] = ()
    codebook: int = 16
    winograd: Winograd = Winograd.NONE
    winograd_tiles: int = 64
    queue_depth: int = 4

    def __post_init__(self) -> None:
        if isinstance(self.winograd, int) and not isinstance(self.winograd, bool):
            object.__setattr__(self, "winograd", str(self.winograd))
        super().__post_init__()
        require_integer("winograd_tiles", self.winograd_tiles, 2, 256)
        if self.winograd is not Winograd.NONE:
            for name, value, wanted in (("precision", self.precision.value, "int8"),
                                        ("memory_latency", self.memory_latency, 1)):
                if value != wanted:
                    raise SpecError(f"{name} must be {wanted!r} with winograd, not {value!r}")
        _require_power("lanes", self.lanes, 4, 64)
        if self.columns != self.lanes:
            raise SpecError(f"columns must be equal to lanes, {self.lanes}, not {self.columns!r}")
        _require_power("columns", self.columns, 4, 64)
        if self.depthwise_window != 0:
            require_integer("depthwise_window", self.depthwise_window, 2, 64)
        require_integer("pixels", self.pixels, 1, 1)
        require_integer("accumulator_depth", self.accumulator_depth, 2, 65536)
        require_integer("accumulator_width", self.accumulator_width, self.weights.sum_width + 8,
                        32)
        _require_power("buffer_bytes", self.buffer_bytes, 16 * self.lanes, 65536 * self.lanes)
        if self.line_bytes or isinstance(self.line_bytes, bool):
            _require_power("line_bytes", self.line_bytes, 4 * self.lanes, 16384)
        require_integer("result_fifo_depth", self.result_fifo_depth, 2, 65536)
        _require_power(f"post_lanes with {self.columns} columns", self.post_lanes, 1, self.columns)
        require_integer("mantissa_width", self.mantissa_width, 8, 24)
        if self.bus.word_bytes > self.lanes:
            raise SpecError(f"data_width must be at most that of a vector, {8 * self.lanes} bits, "
                            f"not {self.data_width!r}")
        _require_power("weight_fifo_bytes", self.weight_fifo_bytes,
                       2 * self.max_burst * self.bus.word_bytes, 1 << 20)
        require_integer("memory_latency", self.memory_latency, 1, 2)
        if self.memory_latency == 2:
            require_integer("pipeline_stages with memory_latency 2", self.pipeline_stages, 2, 4)
            require_integer("result_fifo_depth with memory_latency 2", self.result_fifo_depth,
                            16, 65536)
            if self.single_port_accumulators:
                require_integer("accumulator_depth with single_port_accumulators and "
                                "memory_latency 2", self.accumulator_depth, 4, 65536)
        require_integer("queue_depth", self.queue_depth, 2, 64)
        decompressor = self.decompressor
        object.__setattr__(self, "codecs", decompressor.codecs if decompressor else ())

    def to_mapping(self) -> dict[str, object]:
        """The fields as plain integers, flags and strings, in order of declaration."""
        return super().to_mapping() | {"codecs": [codec.value for codec in self.codecs]}

    @functools.cached_property
    def bus(self) -> BusSpec:
        """The bus."""
        return BusSpec(protocol=self.protocol, data_width=self.data_width,
                       address_width=self.address_width, max_burst=self.max_burst,
                       outstanding=self.outstanding, cache=self.cache, prot=self.prot)

    @functools.cached_property
    def weights(self) -> MacArraySpec:
        """An array that takes weights as they are in streams."""
        return MacArraySpec(lanes=self.lanes, columns=self.columns, precision=self.precision,
                            multiplier=self.multiplier, pipeline_stages=self.pipeline_stages,
                            window=self.window)

    @functools.cached_property
    def array(self) -> MacArraySpec:
        """The MAC array, whose operands are wider than those of ``weights`` with ``winograd``."""
        unit = self.winograd_conv
        return self.weights if unit is None else unit.array.replace(window=self.window)

    @functools.cached_property
    def winograd_conv(self) -> WinogradConvSpec | None:
        """What is around the array for ``winograd``; None without."""
        if self.winograd is Winograd.NONE:
            return None
        return WinogradConvSpec(
            tile=self.winograd_tile, lanes=self.lanes, columns=self.columns,
            output_width=self.accumulator_width, tiles=self.winograd_tiles, rows=self.buffer_rows,
            multiplier=self.multiplier, pipeline_stages=self.pipeline_stages,
            result_fifo_depth=self.result_fifo_depth, post_lanes=self.post_lanes,
            mantissa_width=self.mantissa_width, rounding=self.rounding)

    @property
    def winograd_tile(self) -> int:
        """Pixels of a side of a tile with ``winograd``, 0 without."""
        return 0 if self.winograd is Winograd.NONE else int(self.winograd.value)

    @property
    def window(self) -> int:
        """Taps of the array's window, 0 if it has none."""
        return min(self.depthwise_window, self.lanes)

    @functools.cached_property
    def accumulators(self) -> AccumulatorsSpec:
        """The accumulators, with all that layers other than convolutions need."""
        return AccumulatorsSpec(columns=self.columns, depth=self.accumulator_depth,
                                sum_width=self.weights.sum_width,
                                accumulator_width=self.accumulator_width, maximum=True,
                                shifted=True, overflow=False, restart_after_last=True,
                                registered=False,
                                single_port=self.single_port_accumulators)

    @functools.cached_property
    def requantize(self) -> RequantizeSpec:
        """The post-processing."""
        return RequantizeSpec(columns=self.columns, lanes=self.post_lanes,
                              accumulator_width=self.accumulator_width,
                              mantissa_width=self.mantissa_width, shift_width=6, output_width=8,
                              rounding=self.rounding, bias=True, collect=True, stalls=False,
                              multiplier=self.multiplier)

    @functools.cached_property
    def decompressor(self) -> DecompressorSpec | None:
        """What decodes compressed weight streams; None if nothing does.

        Its own FIFO is small: weights are fetched ahead in front of it.
        """
        empty = isinstance(self.codecs, list | tuple) and not self.codecs
        found = DecompressorSpec(
            lanes=self.lanes, columns=self.columns, int4=self.int4,
            codecs=ALL_CODECS if empty else self.codecs, codebook=self.codebook,
            data_width=self.data_width, fifo_bytes=FIFO_WORDS * self.bus.word_bytes,
            mantissa_width=self.mantissa_width)
        return None if empty else found

    @property
    def int4(self) -> bool:
        """Whether layers can have 4-bit weights."""
        return self.precision is Precision.INT8_INT4

    @property
    def field_sizes(self) -> dict[str, int]:
        """What :func:`.fields.implemented_width` depends on."""
        return {"buffer_rows": self.buffer_rows, "accumulator_depth": self.accumulator_depth,
                "line_bytes": self.line_bytes, "residual_add": self.residual_add,
                "mantissa_width": self.mantissa_width, "compressed": bool(self.codecs),
                "winograd": self.winograd is not Winograd.NONE}

    @property
    def buffer_rows(self) -> int:
        """Vectors in a bank of the activation buffer."""
        return self.buffer_bytes // self.lanes

    @property
    def buffer_parts(self) -> int:
        """Parts of a vector in the buffer that are written apart: bus words, or bytes."""
        return self.lanes if self.line_bytes else self.lanes // self.bus.word_bytes

    @property
    def weight_fifo_words(self) -> int:
        """Bus words of weights that are fetched ahead."""
        return self.weight_fifo_bytes // self.bus.word_bytes

    @property
    def macs_per_cycle(self) -> int:
        """Products per cycle, with 4-bit weights where they are possible."""
        return self.weights.macs_per_cycle


def _require_power(subject: str, value: object, low: int, high: int) -> None:
    require_integer(subject, value, low, high)
    if value & (value - 1):  # type: ignore[operator]
        raise SpecError(f"{subject} must be a power of two from {low} to {high}, not {value!r}")
