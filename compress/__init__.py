"""From a float PyTorch model to an integer network."""

from .calibrate import Method
from .capture import CaptureError, capture
from .quantize import QuantizeError, quantize
from .report import Comparison, LayerComparison, accuracy, compare

__all__ = ["CaptureError", "Comparison", "LayerComparison", "Method", "QuantizeError", "accuracy",
           "capture", "compare", "quantize"]
