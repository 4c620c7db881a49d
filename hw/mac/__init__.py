"""The MAC array and the accumulators behind it."""

from .accumulators import Accumulators
from .array import MacArray

__all__ = ["Accumulators", "MacArray"]
