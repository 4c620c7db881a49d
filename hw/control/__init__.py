"""What the host sees of the accelerator."""

from .registers import RegisterFile

__all__ = ["RegisterFile"]
