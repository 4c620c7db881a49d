"""Frozen, validated specifications: the one thing that all subpackages share."""

from .base import Spec, SpecError
from .mac import (
                  AccumulatorsSpec,
                  BlockLoad,
                  Dataflow,
                  MacArraySpec,
                  Multiplier,
                  Precision,
                  Topology,
)
from .requantize import RequantizeSpec, Rounding

__all__ = ["AccumulatorsSpec", "BlockLoad", "Dataflow", "MacArraySpec", "Multiplier", "Precision",
           "RequantizeSpec", "Rounding", "Spec", "SpecError", "Topology"]
