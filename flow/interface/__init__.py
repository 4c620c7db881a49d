"""What others need to use an accelerator: a C header, a FuseSoC core, constraints."""

from sparrow.hw.spec.accelerator import AcceleratorSpec

from .c_header import c_header
from .core_file import constraints, core_file

__all__ = ["HEADER_FILE", "c_header", "companions", "constraints", "core_file"]

HEADER_FILE = "sparrow_accelerator.h"


def companions(spec: AcceleratorSpec, top: str, file: str) -> dict[str, str]:
    """What belongs beside the Verilog of an accelerator: texts by name of the file.

    Parameters
    ----------
    spec : AcceleratorSpec
    top : str
        The top module.
    file : str
        Name of the Verilog file.
    """
    clock = f"{top}.sdc"
    description = (f"Neural network accelerator, {spec.lanes} x {spec.columns} MACs, "
                   f"{spec.data_width} bit AXI4")
    return {HEADER_FILE: c_header(spec),
            f"{top}.core": core_file(top, description=description, file=file, constraints=clock),
            clock: constraints(top)}
