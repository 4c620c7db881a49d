"""What happens to a sum on its way out: requantization."""

from .lane import Lane
from .requantize import Requantize

__all__ = ["Lane", "Requantize"]
