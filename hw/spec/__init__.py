"""Frozen, validated specifications: the one thing that all subpackages share."""

from .accelerator import AcceleratorSpec, Winograd
from .base import Spec, SpecError
from .bus import BusClock, BusProtocol, BusSpec
from .decode import Codec, DecompressorSpec, LaneDecoderSpec
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
from .winograd import KernelForm, WinogradConvSpec, WinogradSpec

__all__ = ["AcceleratorSpec", "AccumulatorsSpec", "BlockLoad", "BusClock", "BusProtocol",
           "BusSpec", "Codec", "Dataflow", "DecompressorSpec", "KernelForm", "LaneDecoderSpec",
           "MacArraySpec", "Multiplier", "Precision", "RequantizeSpec", "Rounding", "Spec",
           "SpecError", "Topology", "Winograd", "WinogradConvSpec", "WinogradSpec"]
