"""The regression of tokens: engines that take and give, one of them served in each cycle."""

import collections
import random

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, ReadOnly

from sparrow.hw.control.sequencer import ENGINES
from sparrow.hw.spec.commands import TOKEN_MAXIMUM

from ..report import add_coverage, bench_parameters
from .reference import TokenRequest, TokenTable, random_token_request

_PARAMETERS = bench_parameters()
_SEED = _PARAMETERS["seed"]
_CYCLES = 50 * _PARAMETERS["blocks"]


class _Bench:
    """Engines that ask for tokens, and counters in Python."""

    def __init__(self, dut, source: random.Random):
        self._dut, self._source = dut, source
        self._requests: list[TokenRequest | None] = [None] * len(ENGINES)
        self._table = TokenTable()
        self.covered: collections.Counter[str] = collections.Counter()
        Clock(dut.clk, 10, "ns").start()

    async def reset(self) -> None:
        """Reset the counters; nobody asks for anything."""
        self._requests = [None] * len(ENGINES)
        self._table = TokenTable()
        await FallingEdge(self._dut.clk)
        self._dut.rst.value = 1
        self._ask()
        for _ in range(2):
            await FallingEdge(self._dut.clk)
        self._dut.rst.value = 0
        self.covered["resets"] += 1

    async def run(self, cycles: int, *, gives: float, asks: float = 1.0) -> None:
        """Some cycles with random requests.

        Parameters
        ----------
        gives
            How many of the requests give, as a part of all.
        asks
            How many of the engines that wait for nothing ask in a cycle. One in ten that waits
            asks for something else, so that they never wait for each other alone.
        """
        for _ in range(cycles):
            await FallingEdge(self._dut.clk)
            for engine, request in enumerate(self._requests):
                if self._source.random() < (asks if request is None else 0.1):
                    self._requests[engine] = random_token_request(self._source, gives)
            self._ask()
            await ReadOnly()
            self._check()

    def _ask(self) -> None:
        for engine, request in enumerate(self._requests):
            for kind in ("take", "give"):
                mask = request.mask if request and request.kind == kind else 0
                self._dut[f"{kind}_{engine}"].value = mask

    def _check(self) -> None:
        served = self._table.serve(self._requests)
        done = [engine for engine in range(len(ENGINES))
                if int(self._dut[f"done_{engine}"].value)]
        assert done == ([] if served is None else [served]), (
            f"engines {done} are done, must be {served}; counters were {self._table.before}, "
            f"requests are {self._requests}")
        if served is None:
            self.covered["cycles in which nobody is served"] += 1
            return
        request = self._requests[served]
        assert request is not None
        self.covered[f"times that engine {served} {request.kind}s"] += 1
        self.covered["full counters"] += self._table.counts.count(TOKEN_MAXIMUM)
        self._requests[served] = None


@cocotb.test()
@cocotb.parametrize(asks=[1.0, 0.3])
async def random_requests(dut, asks):
    """Counters that rise to the highest value, sway, and fall to 0."""
    bench = _Bench(dut, random.Random(f"{_SEED} {asks}"))
    await bench.reset()
    for gives in (0.95, 0.5, 0.05, 0.6, 0.4, 0.95):
        await bench.run(_CYCLES // 6 + 100, gives=gives, asks=asks)
    add_coverage(bench.covered)


@cocotb.test()
async def resets(dut):
    """Counters are 0 after a reset."""
    bench = _Bench(dut, random.Random(_SEED))
    for cycles in (1, 2, 7, 200):
        await bench.reset()
        await bench.run(cycles, gives=0.95)
        await bench.reset()
        await bench.run(20, gives=0.05)
    add_coverage(bench.covered)
