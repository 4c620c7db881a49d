"""From layers to passes over output pixels and output blocks."""

from .fuse import Fusions, fusions, keep_additions, lower_all, readers
from .layers import lower, require_supported, true_macs
from .weights import block_values, weight_stream

__all__ = ["Fusions", "block_values", "fusions", "keep_additions", "lower", "lower_all", "readers",
           "require_supported", "true_macs", "weight_stream"]
