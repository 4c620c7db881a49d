"""Winograd convolution, exact in integers."""

from .convolution import convolve
from .cycles import conv_cycles, keeps_up
from .matrices import POINTS, Matrices, cook_toom, matrices
from .passes import ConvLayer, ConvPass, pass_fields, plan
from .transforms import transform_input, transform_output, transform_weight
from .unit import ConvScales, conv_results, result_order, weight_blocks
from .widths import Widths, output_width, widths

__all__ = ["POINTS", "ConvLayer", "ConvPass", "ConvScales", "Matrices", "Widths", "conv_cycles",
           "conv_results", "convolve", "cook_toom", "keeps_up", "matrices", "output_width",
           "pass_fields", "plan", "result_order", "transform_input", "transform_output",
           "transform_weight", "weight_blocks", "widths"]
