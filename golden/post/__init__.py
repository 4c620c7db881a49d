"""What happens to a sum on its way out: requantization."""

from .requantize import requantize, rounding_divide_by_pot, saturating_rounding_doubling_high_mul

__all__ = ["requantize", "rounding_divide_by_pot", "saturating_rounding_doubling_high_mul"]
