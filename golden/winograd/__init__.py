"""Winograd convolution, exact in integers."""

from .convolution import convolve
from .matrices import POINTS, Matrices, cook_toom, matrices
from .transforms import transform_input, transform_output, transform_weight
from .widths import Widths, output_width, widths

__all__ = ["POINTS", "Matrices", "Widths", "convolve", "cook_toom", "matrices", "output_width",
           "transform_input", "transform_output", "transform_weight", "widths"]
