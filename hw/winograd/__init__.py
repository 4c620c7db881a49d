"""Winograd convolution: the transforms around the array, and a unit of them."""

from .conv import WinogradConv
from .transforms import InputTransform, OutputTransform, WeightTransform

__all__ = ["InputTransform", "OutputTransform", "WeightTransform", "WinogradConv"]
