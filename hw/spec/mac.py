"""Specifications of the MAC array and of the accumulators behind it."""

import dataclasses
import enum

from .base import Spec, SpecError, require_integer

__all__ = ["AccumulatorsSpec", "BlockLoad", "Dataflow", "MacArraySpec", "Multiplier", "Precision",
           "Topology"]


class Precision(enum.Enum):
    """Widths of the operands, weights first."""
    INT8 = "int8"
    INT4 = "int4"
    INT8_INT4 = "int8_int4"
    CUSTOM = "custom"


class Dataflow(enum.Enum):
    """What stays in the array while the rest streams through it."""
    WEIGHT_STATIONARY = "weight_stationary"
    OUTPUT_STATIONARY = "output_stationary"
    INPUT_STATIONARY = "input_stationary"


class Topology(enum.Enum):
    """How operands reach the multipliers, and how products are summed."""
    DOT_PRODUCT = "dot_product"
    SYSTOLIC = "systolic"


class BlockLoad(enum.Enum):
    """How a stationary block is loaded: entry by entry in each column, or all at once."""
    INDEXED = "indexed"
    PARALLEL = "parallel"


class Multiplier(enum.Enum):
    """How products are made: Booth rows in a carry-save tree, or ``*`` for DSP blocks."""
    BOOTH = "booth"
    OPERATOR = "operator"


@dataclasses.dataclass(frozen=True, kw_only=True)
class MacArraySpec(Spec):
    """A ``lanes`` × ``columns`` array of multipliers with one exact sum per column.

    Parameters
    ----------
    lanes, columns : int
        Size of the array, 1 to 64 each. A step sums ``lanes`` products in each column (twice
        as many with 4-bit weights).
    precision : Precision
        ``int8``: 8-bit weights × 8-bit activations. ``int4``: 4-bit weights × 8-bit activations,
        two products per multiplier and cycle. ``int8_int4``: both, chosen by every weight block.
        ``custom``: the widths given below.
    activation_width, weight_width : int
        Bits, 2 to 16, both two's complement. Free with ``custom`` only; otherwise they follow
        from the precision, and a conflicting value is refused.
    accumulator_width : int
        Bits of the accumulators inside an output-stationary array, up to 64; at least those of
        one step's sum.
    pipeline_stages : int
        Register stages from the acceptance of a vector to its sums, 1 to 4: the operand
        registers; the sums; the two carry-save rows before the last addition (with ``operator``:
        the products); the middle of the tree. A systolic array has the first two.
    dataflow, topology : Dataflow, Topology
    load : BlockLoad
        How the stationary block is loaded. An output-stationary array keeps no block: its
        weights arrive whole with every vector, which is ``parallel``.
    window : int
        Taps, 2 to ``lanes``, of a window that slides over each column's own channel (depthwise
        layers), chosen vector by vector; 0: none. Weight-stationary dot products with as many
        columns as lanes and full-width weights only.
    multiplier : Multiplier

    Raises
    ------
    SpecError, TypeError
        On a value out of range, a conflict, or a combination that isn't built.
    """
    lanes: int = 16
    columns: int = 16
    precision: Precision = Precision.INT8
    activation_width: int = 0
    weight_width: int = 0
    accumulator_width: int = 32
    pipeline_stages: int = 2
    dataflow: Dataflow = Dataflow.WEIGHT_STATIONARY
    topology: Topology = Topology.DOT_PRODUCT
    load: BlockLoad | None = None
    window: int = 0
    multiplier: Multiplier = Multiplier.BOOTH

    def __post_init__(self) -> None:
        super().__post_init__()
        require_integer("lanes", self.lanes, 1, 64)
        require_integer("columns", self.columns, 1, 64)
        self._resolve_widths()
        self._resolve_load()
        deepest = 2 if self.topology is Topology.SYSTOLIC else 4
        shallowest = 2 if self.topology is Topology.SYSTOLIC else 1
        require_integer(f"pipeline_stages of a {self.topology.value} array", self.pipeline_stages,
                        shallowest, deepest)
        require_integer(f"accumulator_width of an array whose step sums have {self.sum_width} bits",
                        self.accumulator_width, self.sum_width, 64)
        self._refuse_combinations()

    def _resolve_widths(self):
        if self.precision is Precision.CUSTOM:
            require_integer("activation_width of precision 'custom'", self.activation_width, 2, 16)
            require_integer("weight_width of precision 'custom'", self.weight_width, 2, 16)
            return
        fixed = {"activation_width": 8,
                 "weight_width": 4 if self.precision is Precision.INT4 else 8}
        for name, width in fixed.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int):
                raise TypeError(f"{name} must be an integer, not {value!r}")
            if value not in (0, width):
                raise SpecError(f"{name} must be {width} with precision "
                                f"{self.precision.value!r}, not {value!r}; free widths belong to "
                                f"precision 'custom'")
            object.__setattr__(self, name, width)

    def _resolve_load(self):
        stationary = self.dataflow is not Dataflow.OUTPUT_STATIONARY
        default = BlockLoad.INDEXED if stationary else BlockLoad.PARALLEL
        if self.load is None:
            object.__setattr__(self, "load", default)
        elif not isinstance(self.load, BlockLoad):
            if not isinstance(self.load, str) or self.load not in {
                    choice.value for choice in BlockLoad}:
                raise SpecError(f"load must be one of 'indexed', 'parallel', not {self.load!r}")
            object.__setattr__(self, "load", BlockLoad(self.load))
        if not stationary and self.load is BlockLoad.INDEXED:
            raise SpecError("load must be 'parallel' in an output_stationary array, whose weights "
                            "change with every vector, not 'indexed'")

    def _refuse_combinations(self):
        if self.dataflow is Dataflow.INPUT_STATIONARY and self.halves == 2:
            raise SpecError(
                f"precision must be 'int8' or 'custom' in an input_stationary array, not "
                f"{self.precision.value!r}: each multiplier would have to hold two activations")
        if self.window != 0:
            self._check_window()

    def _check_window(self):
        require_integer("window", self.window, 2, self.lanes)
        if (self.dataflow, self.topology) != (Dataflow.WEIGHT_STATIONARY, Topology.DOT_PRODUCT):
            raise SpecError(f"window must be 0 with {self.dataflow.value} {self.topology.value}, "
                            f"not {self.window}: its vectors aren't broadcast")
        if self.columns != self.lanes:
            raise SpecError(f"columns must be equal to lanes, {self.lanes}, in an array with a "
                            f"window, not {self.columns}")
        if self.precision is Precision.INT4:
            raise SpecError("precision must be 'int8', 'int8_int4' or 'custom' in an array with a "
                            "window, whose weights have full width, not 'int4'")

    @property
    def switchable(self) -> bool:
        """Whether every block brings its own precision."""
        return self.precision is Precision.INT8_INT4

    @property
    def halves(self) -> int:
        """Moving elements per lane of a vector: 2 where 4-bit weights are possible, else 1."""
        return 2 if self.precision in (Precision.INT4, Precision.INT8_INT4) else 1

    @property
    def moving_width(self) -> int:
        """Bits of an element that streams through the array."""
        return (self.weight_width if self.dataflow is Dataflow.INPUT_STATIONARY
                else self.activation_width)

    @property
    def storage_width(self) -> int:
        """Bits that a multiplier holds: one 8-bit weight or two 4-bit ones, or one operand."""
        if self.halves == 2:
            return 8
        return (self.activation_width if self.dataflow is Dataflow.INPUT_STATIONARY
                else self.weight_width)

    @property
    def sum_width(self) -> int:
        """Bits, with sign, that hold every possible sum of one step."""
        terms = self.lanes
        if self.topology is Topology.SYSTOLIC and self.dataflow is Dataflow.OUTPUT_STATIONARY:
            terms = 1
        largest = terms << (self.activation_width + self.weight_width - 2)
        if self.precision is Precision.INT4:
            largest *= 2
        return largest.bit_length() + 1

    @property
    def macs_per_cycle(self) -> int:
        """Products per cycle: the larger number, where the precision can be switched."""
        return self.lanes * self.columns * self.halves


@dataclasses.dataclass(frozen=True, kw_only=True)
class AccumulatorsSpec(Spec):
    """Accumulators for ``depth`` pixels of ``columns`` channels.

    Parameters
    ----------
    columns : int
        Sums that arrive together, 1 to 64.
    depth : int
        Pixels that are accumulated side by side, 1 to 65 536.
    sum_width : int
        Bits of an arriving sum, with sign, 2 to 40.
    accumulator_width : int
        Bits of an accumulator, with sign, ``sum_width`` to 64.
    maximum : bool
        Adds ``mode.maximum``: the larger of accumulator and sum instead of their sum.
    shifted : bool
        Adds ``mode.shifted``: sums that count ``2 ** shift`` times.
    subtracted : bool
        Adds ``mode.subtracted``: sums that are subtracted. Not with ``maximum`` or ``shifted``.
    overflow : bool
        Whether there are overflow flags; none are needed for sums that are proved to fit.
    restart_after_last : bool
        Whether pixel 0 follows ``last``, rather than being marked by ``first``. Rows are then read
        ahead and sums wait in no register.
    registered : bool
        Whether results leave from a register. Only with ``restart_after_last`` can it be left out.
    single_port : bool
        Whether the memory is two of one port, of even and of odd pixels; without ``registered``
        alone. An odd number of pixels up to ``last`` then takes a cycle more.

    Raises
    ------
    SpecError, TypeError
        On a value out of range or a conflict.
    """
    columns: int = 16
    depth: int = 512
    sum_width: int = 20
    accumulator_width: int = 32
    maximum: bool = False
    shifted: bool = False
    subtracted: bool = False
    overflow: bool = True
    restart_after_last: bool = False
    registered: bool = True
    single_port: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        require_integer("columns", self.columns, 1, 64)
        require_integer("depth", self.depth, 2 if self.single_port else 1, 65536)
        require_integer("sum_width", self.sum_width, 2, 40)
        require_integer(f"accumulator_width of accumulators for {self.sum_width}-bit sums",
                        self.accumulator_width, self.sum_width, 64)
        if not (self.registered or self.restart_after_last):
            raise SpecError("registered must be true in accumulators without restart_after_last, "
                            "not False")
        if self.subtracted and (self.maximum or self.shifted):
            raise SpecError("subtracted must be false in accumulators with maximum or shifted, "
                            "not True")
        if self.single_port and self.registered:
            raise SpecError("single_port must be false in accumulators with registered, not True")

    @property
    def comparison_width(self) -> int:
        """Bits, with sign, of what ``mode.maximum`` compares: 8, or ``sum_width`` if fewer."""
        return min(8, self.sum_width)

    @property
    def shift(self) -> int:
        """How far ``mode.shifted`` shifts a sum to the left, in bits."""
        return 8

    @property
    def latency(self) -> int:
        """Cycles from the transfer of a vector to its result."""
        return self.registered + (not self.restart_after_last)
