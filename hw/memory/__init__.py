"""Memories, modules of their own, so that an ASIC flow can put macros in their place."""

from .one_port import AlternatingMemory, OnePortMemory
from .two_port import TwoPortMemory

__all__ = ["AlternatingMemory", "OnePortMemory", "TwoPortMemory"]
