"""Synthesis and what it tells: area, delay, FPGA elements, clock frequency."""

from sparrow.flow.synthesis.estimate import (
    DEFAULT_SEEDS,
    TARGETS,
    Estimate,
    ModuleArea,
    estimate,
)
from sparrow.flow.synthesis.recipes import DEFAULT_RECIPE, RECIPES

__all__ = ["DEFAULT_RECIPE", "DEFAULT_SEEDS", "RECIPES", "TARGETS", "Estimate", "ModuleArea",
           "estimate"]
