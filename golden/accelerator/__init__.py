"""The accelerator by the meaning of its commands."""

from .errors import CODES, MachineError
from .machine import Machine, Run

__all__ = ["CODES", "Machine", "MachineError", "Run"]
