"""Predicted cycles of layers beside measured ones."""

from collections.abc import Mapping

from sparrow.compiler import Program

__all__ = ["CYCLES", "SHARE", "is_off", "wrong_predictions"]

SHARE, CYCLES = 0.03, 64
"""A prediction is right if it is off by at most so much, whichever is more."""


def is_off(predicted: int, measured: int) -> bool:
    """Whether a prediction is off by more than ``CYCLES`` and ``SHARE`` of what was measured."""
    return abs(measured - predicted) > max(SHARE * measured, CYCLES)


def wrong_predictions(program: Program, measured: Mapping[str, int]) -> list[str]:
    """The layers whose prediction is wrong, a line each.

    Parameters
    ----------
    program : Program
        With predictions.
    measured : dict of str to int
        Cycles by layer; layers without commands of their own have none.
    """
    lines = []
    for layer in program.layers:
        if not layer.commands:
            continue
        found = measured[layer.name]
        if is_off(layer.cycles, found):
            lines.append(f"Layer {layer.name!r}: {found} cycles were measured, {layer.cycles} "
                         "predicted")
    return lines
