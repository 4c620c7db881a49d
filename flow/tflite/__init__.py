"""Weights of float networks from TensorFlow Lite's files."""

from .assign import load_tflite
from .read import FileLayer, read_layers

__all__ = ["FileLayer", "load_tflite", "read_layers"]
