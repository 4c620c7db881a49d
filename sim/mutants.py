"""A block's regression on each mutant of its Verilog, all in one simulation.

The input ``mutsel`` picks the mutant. The original, 0, goes first and also last, with all the
state that the mutants left behind.
"""

import importlib

import cocotb
from cocotb.regression import TestGenerator

from .report import bench_parameters

_PARAMETERS = bench_parameters()
_TESTS = [test for value in vars(importlib.import_module(_PARAMETERS["regression"])).values()
          if isinstance(value, TestGenerator) for test in value.generate_tests() if not test.skip]
_MUTANTS = [0, *range(1, _PARAMETERS["mutants"] + 1), 0]
_killed: set[int] = set()


@cocotb.test()
@cocotb.parametrize(turn=range(len(_MUTANTS)), test=[test.name for test in _TESTS])
async def mutant(dut, turn, test):
    """One test of the regression on one mutant, unless an earlier test has killed it."""
    if turn in _killed:
        return
    dut.mutsel.value = _MUTANTS[turn]
    chosen = next(candidate for candidate in _TESTS if candidate.name == test)
    try:
        await chosen.func(dut, *chosen.args, **chosen.kwargs)
    except BaseException:
        _killed.add(turn)
        raise
