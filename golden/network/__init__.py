"""Integer networks: what they are made of, and what they compute."""

from sparrow.hw.spec.requantize import Rounding

from .bounds import AccumulatorBound, accumulator_bound, check_accumulators
from .checks import NetworkError
from .execute import execute
from .files import load, save
from .layer import Layer
from .network import Network
from .plain import ADD_SHIFT, Add, AveragePool, Concat, MaxPool, Pool, Table
from .types import Numbers, Scale, TensorType
from .weighted import Conv, Linear, Weighted

__all__ = [
    "ADD_SHIFT", "AccumulatorBound", "Add", "AveragePool", "Concat", "Conv", "Layer", "Linear",
    "MaxPool", "Network", "NetworkError", "Numbers", "Pool", "Rounding", "Scale", "Table",
    "TensorType", "Weighted", "accumulator_bound", "check_accumulators", "execute",
    "load", "save",
]
