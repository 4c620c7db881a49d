"""Sparrow: sparse, quantized networks as synthesizable Verilog, with the evidence beside it."""

__all__ = ["__version__"]

__version__ = "0.1.0"
