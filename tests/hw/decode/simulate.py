"""One component in Amaranth's simulator."""

from amaranth.sim import Simulator

__all__ = ["simulate"]


def simulate(dut, bench):
    """Run an async function of the simulator's context."""
    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
