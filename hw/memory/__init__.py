"""Memories, modules of their own, so that an ASIC flow can put macros in their place."""

from .two_port import TwoPortMemory

__all__ = ["TwoPortMemory"]
