"""Cycles of a program, predicted: the accelerator's parts as processes of a simulator of events."""

from .array import STALLS, post_cycles
from .decoding import Decoding
from .program import Prediction, predict
from .timing import Timing

__all__ = ["STALLS", "Decoding", "Prediction", "Timing", "post_cycles", "predict"]
