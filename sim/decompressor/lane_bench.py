"""The bench around a single lane of a decompressor, step by step beside golden's."""

import collections
import copy
import random
from typing import Any

from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, Timer

from sparrow.golden.codec import Header, StreamError, read_header
from sparrow.golden.codec.lanes import LANES, Lane
from sparrow.golden.codec.symbols import DEPTH
from sparrow.hw.export import flat_ports
from sparrow.hw.spec.decode import DecompressorSpec
from sparrow.hw.spec.stream import GRANULE

from ..bits import pack, unpack
from .header_fields import header_fields
from .parts import DecoderLane
from .scenario import Case

__all__ = ["LaneBench"]

_AHEAD = 2  # granules in which the next symbol surely is
_LEVELS = {"ENTRY": "entry", "COUNT": "count", "TRUNCATED": "starved"}  # told after the step


class LaneBench:
    """Plays the rest of a decompressor with one column, and checks a lane in every cycle.

    Whether the taken symbol is in the current block, what it loads, whether the next one is there,
    what is asked for, and errors must be golden's.

    Parameters
    ----------
    dut
        The simulator's top, a :class:`.parts.DecoderLane`.
    spec : DecompressorSpec
    deals, steps : float
        Chances that a granule that has been asked for comes in a cycle, and that a step is taken
        that can be.
    seed : int
    """

    def __init__(self, dut, spec: DecompressorSpec, *, deals: float = 1, steps: float = 1,
                 seed: int = 0):
        self._dut, self._spec, self._deals, self._steps = dut, spec, deals, steps
        self._header: Header
        self._lane: Lane
        self._granules: collections.deque[int]
        self._wanted, self._block, self._label = 0, 0, ""
        self._begun = False  # has read what waits, with huffman
        self._checked = False  # of a lean stream, since the last step
        self._layouts: dict[str, Any] = {
            port.name: port.layout for port in flat_ports(DecoderLane(spec=spec))}
        self._levels = {error: name for error, name in _LEVELS.items() if name in self._layouts}
        self._random = random.Random(seed)
        self.covered: collections.Counter[str] = collections.Counter()
        Clock(dut.clk, 10, "ns").start()

    async def reset(self) -> None:
        """Reset, and let the lane wait."""
        for name in ("deal", "dry", "last_block", "take", "ends", "clear", "granule", "header",
                     "lean", "check"):
            getattr(self._dut, name).value = 0
        self._dut.rst.value = 1
        await FallingEdge(self._dut.clk)
        await FallingEdge(self._dut.clk)
        self._dut.rst.value = 0

    async def run(self, case: Case, *, steps: int = 0) -> None:
        """Decode a stream without parameters or map; only some steps of it if so many are given."""
        dut = self._dut
        await self._begin(case)
        block, blocks, taken = -1, self._header.output_blocks * self._header.steps, 0
        while block < blocks and (taken < steps or not steps):
            self._block, final = block, block == blocks - 1
            if self._header.lean and not self._checked:
                await self._check(final)
            dealt = self._offer(final)
            await Timer(1, "ns")
            here = block < 0 or self._lane.block == block
            following, asked, error = self._take(final) if here else (self._lane, False, "")
            self._check_taken(here)
            take = self._check_ready(here, error) and self._random.random() < self._steps
            ends = not here or (self._begun and following.block != block)
            if take:
                dut.take.value, dut.ends.value = 1, ends
                self._check_next(here, asked, ends, error)
            await FallingEdge(dut.clk)
            if take:
                self._begun = True
                taken += 1
                block += ends
                self._lane, self._checked = following, False
                self._wanted += asked and not self._header.lean
                if error:
                    await self._check_error(error)
                    return
            self._settled = not dealt or self._lane.held > 0
            if dealt:
                self._lane.deal(self._granules.popleft())
                self._wanted -= 1
        if not steps:
            self._block = block
            self._offer(True)
            await Timer(1, "ns")
            self._equal("pending", bool(self._lane.load))
            await FallingEdge(dut.clk)
        self.covered["symbols and blocks without"] += taken
        self.covered["lane streams"] += 1
        self.covered["lean lane streams"] += self._header.lean

    async def _begin(self, case: Case) -> None:
        """Clear the lane and tell it the header."""
        spec, dut = self._spec, self._dut
        self._label, self._block = case.label, -1
        self._header = header = read_header(case.data, lanes=spec.lanes)
        self._endless = header.codec in ("rle", "huffman")
        self._begun = header.codec != "huffman"
        self._lane = LANES[header.codec](header, spec.lanes * (2 if header.four_bit else 1))
        begin = sum(len(part) for part in header.parts().values())
        self._granules = collections.deque(
            int.from_bytes(case.data[2 * place:2 * place + 2], "little")
            for place in range(begin, header.granules))
        self._wanted = 0 if header.lean else DEPTH
        self._settled, self._checked = True, False
        fields = header_fields(spec.codebook, header)
        layout = self._layouts["header"]
        dut.header.value = pack(layout, {name: fields[name] for name, _ in layout
                                         if name in fields})
        dut.take.value, dut.deal.value, dut.dry.value = 0, 0, 0
        dut.lean.value, dut.check.value = header.lean, 0
        dut.clear.value = 1
        await FallingEdge(dut.clk)
        dut.clear.value = 0

    async def _check(self, final: bool) -> None:
        """In a lean stream: whether the lane asks for a granule in front of a step."""
        dut = self._dut
        wants = ((self._block < 0 or self._lane.block == self._block)
                 and self._lane.wants(final=final, begin=not self._begun))
        dut.take.value, dut.deal.value, dut.check.value = 0, 0, 1
        dut.dry.value, dut.last_block.value = not self._granules, final
        await Timer(1, "ns")
        if self._granules or not self._endless:
            self._equal("ask", wants)
        await FallingEdge(dut.clk)
        dut.check.value, self._checked, self._settled = 0, True, True
        self._wanted += wants

    def _offer(self, final: bool) -> bool:
        """Set the inputs of a cycle; whether a granule is dealt."""
        dut = self._dut
        dealt = bool(self._granules and self._wanted and self._random.random() < self._deals)
        dut.deal.value = dealt
        dut.granule.value = self._granules[0] if dealt else self._random.getrandbits(16)
        dut.dry.value, dut.last_block.value = not self._granules, final
        dut.take.value, dut.ends.value = 0, self._random.getrandbits(1)
        return dealt

    def _take(self, final: bool) -> tuple[Lane, bool, str]:
        """The lane after it has taken its next symbol, whether it asks, and what is wrong.

        ``MISSING``: the bits haven't come yet.
        """
        following = copy.copy(self._lane)
        try:
            asked = following.take(final=final) if self._begun else following.begin()
        except StreamError as error:
            missing = error.name == "TRUNCATED" and self._granules
            return following, False, "MISSING" if missing else error.name
        if following.lacks and self._granules:
            return following, False, "MISSING"
        return following, asked, ""

    def _check_taken(self, here: bool) -> None:
        """What the taken symbol is."""
        dut, lane, block, load = self._dut, self._lane, self._block, 0
        if here or lane.block is not None:  # without a symbol it may be anywhere
            self._equal("here", here)
        self._equal("pending", block >= 0 and bool(lane.load))
        found = unpack(self._layouts["load"], int(dut.load.value))
        valid = here and block >= 0 and bool(lane.load)
        assert found["valid"] == valid, f"valid must be {valid} in block {block}: {self._label}"
        if valid:
            mask = 0
            for position, value in lane.load:
                shift = 4 * (position // self._spec.lanes)
                width = 0x0F if self._header.four_bit else 0xFF
                mask, load = mask | width << shift, load | (value & width) << shift
            index = lane.load[0][0] % self._spec.lanes
            enable = (mask & 1) | (mask >> 4 & 1) << 1
            is_ = found["index"], found.get("enable", 3), found["value"] & mask
            assert is_ == (index, enable, load), (
                f"load (index, enable, value) is {is_}, golden says {(index, enable, load)} in "
                f"block {block}: {self._label}")
        for name in self._levels.values():
            self._equal(name, False)

    def _check_ready(self, here: bool, error: str) -> bool:
        """Whether a step can be taken: once there are two granules, or what was asked for in a lean
        stream, or no more to come; and what came last into an empty lane is in its place."""
        ready = not here or -(-self._lane.held // GRANULE) >= _AHEAD or (
            self._settled and (not self._granules or (self._header.lean and not self._wanted)))
        self._equal("ready", ready)
        assert not (ready and error == "MISSING"), f"ready without bits: {self._label}"
        return ready

    def _check_next(self, here: bool, asked: bool, ends: bool, error: str) -> None:
        """What is told of the next symbol."""
        if error:
            return
        self._equal("again", not ends)
        if not self._header.lean and (self._granules or not self._endless):
            self._equal("ask", asked)

    async def _check_error(self, error: str) -> None:
        self.covered[f"lane errors {error}"] += 1
        self._dut.take.value = 0
        await Timer(1, "ns")
        for name, level in self._levels.items():
            self._equal(level, name == error)
        await FallingEdge(self._dut.clk)

    def _equal(self, name: str, expected: bool) -> None:
        found = int(getattr(self._dut, name).value)
        assert found == expected, (f"{name} is {found}, golden says {int(expected)} in block "
                                   f"{self._block}: {self._label}")
