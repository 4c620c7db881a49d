"""The accelerator in simulation with no Python in it: Verilator's model and a driver in C++.

Memory, host and stalls are those of :mod:`sparrow.sim.accelerator`, cycle by cycle; what it can't
do is to inject faults and to keep waveforms.
"""

from .simulate import NativeSimulation, native_simulation

__all__ = ["NativeSimulation", "native_simulation"]
