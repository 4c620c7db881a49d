"""The ways to memory and host: AXI4 masters that keep to their windows, an AXI4-Lite slave."""

from .lite import LiteSlave
from .read import ReadMaster
from .write import WriteMaster

__all__ = ["LiteSlave", "ReadMaster", "WriteMaster"]
