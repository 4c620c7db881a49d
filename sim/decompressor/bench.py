"""The bench around a decompressor: words in, and blocks, parameters and maps to a checker."""

import collections
from collections.abc import Sequence

import numpy as np
from cocotb.clock import Clock
from cocotb.simtime import get_sim_time
from cocotb.triggers import FallingEdge, ReadOnly, RisingEdge, with_timeout

from sparrow.hw.decode import Decompressor
from sparrow.hw.export import flat_ports
from sparrow.hw.spec.decode import DecompressorSpec

from ..streams import Clocking, StreamDriver, StreamMonitor, pattern
from .samples import SHIFT_WIDTH
from .scenario import Case

__all__ = ["ERROR_CYCLES", "DecompressorBench"]

ERROR_CYCLES = 64
"""An error is told within so many cycles after what brings it has been taken."""
_SURPLUS_CYCLES = 20
_PERIOD = 10  # nanoseconds
_LONGEST = 50_000 * _PERIOD  # of a stream
_STALLED_CYCLES = 400  # that may pass where inputs or outputs wait


class DecompressorBench:
    """Drives an exported decompressor and checks what comes out against golden's, in order.

    Blocks are put together of their transfers as the array does, and must be golden's at each
    commit, after as many transfers as golden says. ``error`` may be up only in a stream that golden
    refuses, ``done`` only at the end of one that it doesn't, ``busy`` not behind the last stream.

    Parameters
    ----------
    dut
        The simulator's top.
    spec : DecompressorSpec
    idle, stall : str
        Patterns (see :func:`..streams.pattern`) in which words are offered, and outputs accepted.
    seed : int
    """

    def __init__(self, dut, spec: DecompressorSpec, *, idle: str = "always",
                 stall: str = "always", seed: int = 0):
        self._dut, self._spec = dut, spec
        ports = flat_ports(Decompressor(spec=spec))
        self.words = StreamDriver(dut, "words", ports, pattern(idle, seed), seed=seed)
        outputs = {"weights": self._take_load, "parameters": self._take_parameters,
                   "maps": self._take_map}
        self.weights, self.parameters, self.maps = (
            StreamMonitor(dut, name, ports, pattern(stall, seed + number), receive=receive)
            for number, (name, receive) in enumerate(outputs.items(), start=1))
        self.clocking = Clocking(dut, [self.words, self.weights, self.parameters, self.maps])
        self.covered: collections.Counter[str] = collections.Counter()
        self.loaded_at: list[int] = []
        """Cycles of all transfers on ``weights``."""
        self._limit = ERROR_CYCLES if (idle, stall) == ("always",) * 2 else _STALLED_CYCLES
        self._most = 3 * spec.positions  # transfers of any block
        self._blocks: collections.deque = collections.deque()  # with the case of each
        self._records: collections.deque[dict[str, int]] = collections.deque()
        self._maps: collections.deque[tuple[int, int]] = collections.deque()
        self._forget()
        Clock(dut.clk, _PERIOD, "ns").start()

    def _forget(self) -> None:
        """Nothing is under way."""
        for expected in (self._blocks, self._records, self._maps):
            expected.clear()
        self._shadow = np.zeros((self._spec.columns, self._spec.lanes), np.int64)
        self._transfers = 0
        self._ends = 0  # of streams, to come
        self._faulty: Case | None = None
        self._error = 0
        self._stalls = self.weights.stalls

    async def reset(self) -> None:
        """Reset the decompressor and forget what is under way."""
        await FallingEdge(self._dut.clk)
        self._dut.clear.value = 0
        await self.clocking.reset()
        self._forget()
        self.covered["resets"] += 1

    async def clear(self) -> None:
        """Clear the decompressor, wherever it is, and forget what is under way."""
        await FallingEdge(self._dut.clk)
        self._dut.clear.value = 1
        for stream in self.clocking.streams:
            stream.clear()
        await FallingEdge(self._dut.clk)
        self._dut.clear.value = 0
        self._forget()
        self.covered["clears"] += 1

    async def run(self, cases: Sequence[Case], *, cycles: int | None = None) -> None:
        """Run streams back to back to their end, or for some cycles."""
        for case in cases:
            self._expect(case)
            self._ends += 1
            self.covered.update(case.covered)
        self.covered["streams"] += len(cases)
        if cycles is not None:
            for _ in range(cycles):
                await self.cycle()
            return
        moved, still = 0, 0
        while self._ends:
            await self.cycle()
            transfers = sum(stream.transfers for stream in self.clocking.streams)
            moved, still = transfers, 0 if transfers != moved else still + 1
            assert still < self._limit, (
                f"nothing moves for {still} cycles: {self._ends} streams, {self.words.pending} "
                f"words, {len(self._blocks)} blocks are left, the next of {self._label()}")
        for _ in range(_SURPLUS_CYCLES):
            await self.cycle()
        assert not int(self._dut.waits_for_words.value), "waits_for_words is 1 behind all streams"
        assert not int(self._dut.busy.value), "busy is 1 behind all streams"
        for name, left in (("blocks", self._blocks), ("parameters", self._records),
                           ("maps", self._maps)):
            assert not left, f"{len(left)} {name} are missing at the end"

    async def run_faulty(self, case: Case) -> int:
        """Run a stream that golden refuses until its error is told, then clear; gives the error.

        Blocks, parameters and maps that the case holds may come out before, no others.
        """
        self._faulty = case
        self._expect(case)
        moved, still = 0, 0
        while not self._error:
            await self.cycle()
            transfers = sum(stream.transfers for stream in self.clocking.streams)
            moved, still = transfers, 0 if transfers != moved else still + 1
            assert still <= self._limit, (f"no error within {still} cycles, golden says "
                                          f"{case.code}: {case.label}")
        error = self._error
        assert error in {case.code, *case.others}, (f"error is {error}, golden says {case.code}: "
                                                    f"{case.label}")
        for _ in range(_SURPLUS_CYCLES):
            await self.cycle()
        await self.clear()
        self.covered[f"error {error}"] += 1
        return error

    async def count(self, data: bytes) -> int:
        """The cycles that a stream takes whose outputs nobody checks."""
        dut, size = self._dut, self._spec.word_bytes
        await FallingEdge(dut.clk)
        for stream in self.clocking.streams:
            stream.clear()
        for name in ("weights", "parameters", "maps"):
            getattr(dut, f"{name}_ready").value = 1
        begun = get_sim_time("ns")
        dut.words_valid.value = 1
        for begin in range(0, len(data), size):
            dut.words_data.value = int.from_bytes(data[begin:begin + size], "little")
            dut.words_last.value = begin + size == len(data)
            await ReadOnly()
            assert int(dut.words_ready.value), f"word {begin // size} isn't taken at once"
            await FallingEdge(dut.clk)
        dut.words_valid.value = 0
        await with_timeout(RisingEdge(dut.done), _LONGEST, "ns")
        assert not int(dut.error.value), f"error is {int(dut.error.value)}"
        return int(get_sim_time("ns") - begun) // _PERIOD

    def _expect(self, case: Case) -> None:
        words = case.words(self._spec.word_bytes)
        for number, word in enumerate(words):
            self.words.send({"data": word, "last": number == len(words) - 1})
        self._blocks.extend((block, count, case)
                            for block, count in zip(case.blocks, case.steps, strict=True))
        self._records.extend(case.parameters)
        self._maps.extend(case.maps)

    async def cycle(self) -> None:
        """One clock cycle; ``error`` and ``done`` must be what they may."""
        await self.clocking.cycle()
        error = int(self._dut.error.value)
        if error or self._error:
            assert self._faulty is not None, f"error is {error} in {self._label()}"
            assert self._error in (0, error), f"error changes from {self._error} to {error}"
            self._error = error
        stalls = self.weights.stalls
        waits = int(self._dut.waits_for_array.value)
        assert waits == stalls - self._stalls, f"waits_for_array is {waits} in {self._label()}"
        self._stalls = stalls
        self.covered["cycles without words"] += int(self._dut.waits_for_words.value)
        if int(self._dut.done.value):
            assert self._faulty is None, f"a faulty stream is done: {self._faulty.label}"
            assert self._ends, "done without a stream"
            self._ends -= 1

    @property
    def _behind(self) -> bool:
        """Whether parameters or maps may come that stand behind a fault: it is found when its
        block begins."""
        return self._faulty is not None and len(self._faulty.blocks) > 0

    def _label(self) -> str:
        if self._faulty is not None:
            return self._faulty.label
        return self._blocks[0][2].label if self._blocks else "a stream without blocks left"

    def _take_load(self, payload) -> None:
        self._transfers += 1
        most = self._blocks[0][1] if self._blocks else 0
        assert self._transfers <= (most or self._most), (
            f"a block doesn't end after {self._transfers} transfers: {self._label()}")
        if self._faulty is not None and not self._blocks and not payload["commit"]:
            return
        assert self._blocks, (f"a transfer on weights more than expected: {payload}; "
                              f"{self._label()}")
        block, steps, case = self._blocks[0]
        self.loaded_at.append(self.clocking.cycles)
        if self._spec.int4:
            assert payload["int4"] == case.four_bit, f"int4 is {payload['int4']}: {case.label}"
        for column, load in enumerate(payload["loads"]):
            if load["valid"]:
                enable = load.get("enable", 3)
                mask = (enable & 1) * 0x0F | (enable >> 1) * 0xF0
                kept = self._shadow[column, load["index"]] & ~mask
                self._shadow[column, load["index"]] = kept | (load["value"] & mask)
        if not payload["commit"]:
            return
        place = f"block {len(self._blocks)} before the end of {case.label}"
        if not np.array_equal(self._shadow, block):
            column, lane = np.argwhere(self._shadow != block)[0].tolist()
            raise AssertionError(f"{place}, column {column}, lane {lane} is "
                                 f"{self._shadow[column, lane]:#04x}, golden says "
                                 f"{block[column, lane]:#04x}")
        assert steps in (0, self._transfers), (f"{place} takes {self._transfers} transfers, "
                                               f"golden says {steps}")
        self._blocks.popleft()
        self._shadow[:] = 0
        self._transfers = 0

    def _take_parameters(self, payload) -> None:
        if not self._records and self._behind:
            return
        assert self._records, f"parameters more than expected: {payload}; {self._label()}"
        expected = self._records.popleft()
        for field, width in (("mantissa", self._spec.mantissa_width), ("shift", SHIFT_WIDTH)):
            expected[field] &= (1 << width) - 1  # a wider one is an error
        assert payload == expected, f"parameters are {payload}, golden says {expected}"

    def _take_map(self, payload) -> None:
        (granule,) = payload.values()
        if not self._maps and self._behind:
            return
        assert self._maps, f"a map more than expected: {granule:#06x}; {self._label()}"
        expected, mask = self._maps.popleft()
        assert not (granule ^ expected) & mask, (f"map is {granule:#06x}, golden says "
                                                 f"{expected:#06x} in {mask:#06x}")

    def coverage(self) -> dict:
        """What has been exercised so far."""
        return {**self.covered, "cycles": self.clocking.cycles, "words stalls": self.words.stalls,
                "weights stalls": self.weights.stalls,
                "parameters stalls": self.parameters.stalls, "maps stalls": self.maps.stalls}
