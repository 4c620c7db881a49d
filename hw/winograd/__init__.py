"""Winograd convolution: the transforms around the array."""

from .transforms import InputTransform, OutputTransform, WeightTransform

__all__ = ["InputTransform", "OutputTransform", "WeightTransform"]
