"""From integer networks to programs of the accelerator."""

from .compile import compile_network
from .errors import CompileError
from .program import LayerInfo, Program

__all__ = ["CompileError", "LayerInfo", "Program", "compile_network"]
