"""The accelerator in simulation: programs on its Verilog, with memory and host around it.

Images through a compiled network: :mod:`.network`, which isn't imported here, since the simulator's
process needs none of torch.
"""

from .script import Fault, Outcome, Run, Traffic
from .simulate import Result, Simulation, simulation

__all__ = ["Fault", "Outcome", "Result", "Run", "Simulation", "Traffic", "simulation"]
