"""The bench around a single lane of a decompressor, step by step beside golden's."""

import collections
import copy
import random
from typing import Any

from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, ReadOnly, Timer

from sparrow.golden.codec import Header, StreamError, read_header
from sparrow.golden.codec.lanes import LANES, Lane
from sparrow.hw.export import flat_ports
from sparrow.hw.spec.decode import DecompressorSpec

from ..bits import pack, unpack
from .parts import DecoderLane
from .scenario import Case

__all__ = ["LaneBench"]

_DEPTH = 3  # granules that a lane holds
_LENGTHS = range(1, 9)  # of prefix codes
_LATE = 2  # cycles by which a lane may be ready after the bits are there


def _code_fields(counts: list[int]) -> dict:
    """A prefix code as :func:`sparrow.hw.decode.config.code_layout` wants it."""
    limits, offsets, first, offset = {}, {}, 0, 0
    for length, count in zip(_LENGTHS, counts, strict=True):
        limits[f"l{length}"] = first + count
        if length > 1:
            offsets[f"l{length}"] = offset
        offset += first + count
        first = 2 * (first + count)
    return {"limits": limits, "offsets": offsets}


def _header_fields(spec: DecompressorSpec, header: Header, data: bytes) -> dict:
    """A header as :func:`sparrow.hw.decode.config.header_layout` wants it."""
    argument = header.fixed or header.count_bits
    if header.runs is not None:
        argument = header.runs.run_bits or header.runs.escape_rank
    fields = {"codec": {header.codec: 1}, "fixed": header.fixed > 0, "argument": argument,
              "four_bit": header.four_bit, "table": header.values.entries is not None,
              "escape_run": 0, "single": 0}
    place = 12 + 4 * (header.scale is not None)
    if header.values.entries is not None:
        entries = [value & 0xFF for value in header.values.entries]
        fields["last_entry"] = len(entries) - 1
        fields["entries"] = entries + [0] * (spec.codebook - len(entries))
        place += -(-len(entries) // 4) * 4
    if header.codec == "huffman":
        assert header.runs is not None
        fields["escape_run"] = header.runs.limit
        fields["runs"] = _code_fields(list(data[place:place + 8]))
        if header.values.code is not None:
            fields["values"] = _code_fields(list(data[place + 8:place + 16]))
            fields["single"] = not header.values.code.counts
    return fields


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
        self._wanted, self._late, self._block, self._label = 0, 0, 0, ""
        self._layouts: dict[str, Any] = {
            port.name: port.layout for port in flat_ports(DecoderLane(spec=spec))}
        self._errors = [name for name in ("bad", "entry", "starved") if name in self._layouts]
        self._random = random.Random(seed)
        self.covered: collections.Counter[str] = collections.Counter()
        Clock(dut.clk, 10, "ns").start()

    async def reset(self) -> None:
        """Reset, and let the lane wait."""
        for name in ("deal", "dry", "last_block", "take", "ends", "clear", "granule", "header"):
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
            dealt = self._offer(final)
            await Timer(1, "ns")
            here = block < 0 or self._lane.block == block
            following, asked, error = self._take(final) if here else (self._lane, False, "")
            self._check_taken(here)
            if error == "TRUNCATED" and int(dut.starved.value):
                self.covered["lanes starved"] += 1
                return
            take = self._check_ready(error) and self._random.random() < self._steps
            ends = not here or following.block != block
            if take:
                dut.take.value, dut.ends.value = 1, ends
                self._check_next(here, asked, ends, error)
            await ReadOnly()
            if take and "bad" in self._errors:
                self._equal("bad", error in ("CODE", "COUNT"))
            await FallingEdge(dut.clk)
            if take:
                taken += 1
                block += ends
                self._lane, self._wanted = following, self._wanted + asked
                if error:
                    await self._check_entry(error)
                    return
            if dealt:
                self._lane.deal(self._granules.popleft())
                self._wanted -= 1
        self.covered["symbols and blocks without"] += taken
        self.covered["lane streams"] += 1

    async def _begin(self, case: Case) -> None:
        """Clear the lane and tell it the header."""
        spec, dut = self._spec, self._dut
        self._label, self._block, self._late = case.label, -1, 0
        self._header = header = read_header(case.data, lanes=spec.lanes)
        self._endless = header.codec in ("rle", "huffman")
        self._lane = LANES[header.codec](header, spec.lanes * (2 if header.four_bit else 1))
        begin = sum(len(part) for part in header.parts().values())
        self._granules = collections.deque(
            int.from_bytes(case.data[2 * place:2 * place + 2], "little")
            for place in range(begin, header.granules))
        self._wanted = _DEPTH
        fields = _header_fields(spec, header, case.data)
        layout = self._layouts["header"]
        dut.header.value = pack(layout, {name: fields[name] for name, _ in layout
                                         if name in fields})
        dut.take.value, dut.deal.value, dut.dry.value = 0, 0, 0
        dut.clear.value = 1
        await FallingEdge(dut.clk)
        dut.clear.value = 0

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
            asked = following.take(final=final)
        except StreamError as error:
            missing = error.name == "TRUNCATED" and self._granules
            return following, False, "MISSING" if missing else error.name
        if self._endless and following.block is None and self._granules:
            return following, False, "MISSING"
        return following, asked, ""

    def _check_taken(self, here: bool) -> None:
        """What the taken symbol is."""
        dut, lane, block, load = self._dut, self._lane, self._block, 0
        if here or lane.block is not None:  # without a symbol it may be anywhere
            self._equal("here", here)
        self._equal("pending", self._endless and block >= 0 and bool(lane.load))
        found = unpack(self._layouts["load"], int(dut.load.value))
        valid = here and block >= 0 and bool(lane.load)
        assert found["valid"] == valid, f"valid must be {valid} in block {block}: {self._label}"
        if valid:
            mask = 0
            for position, value in lane.load:
                shift = 4 * (position % 2) if self._header.four_bit else 0
                width = 0x0F if self._header.four_bit else 0xFF
                mask, load = mask | width << shift, load | (value & width) << shift
            index = lane.load[0][0] // (2 if self._header.four_bit else 1)
            enable = (mask & 1) | (mask >> 4 & 1) << 1
            is_ = found["index"], found.get("enable", 3), found["value"] & mask
            assert is_ == (index, enable, load), (
                f"load (index, enable, value) is {is_}, golden says {(index, enable, load)} in "
                f"block {block}: {self._label}")
        if "entry" in self._errors:
            self._equal("entry", False)

    def _check_ready(self, error: str) -> bool:
        """Whether a step can be taken; not long after its bits are there it must be so."""
        ready, missing = int(self._dut.ready.value), error in ("MISSING", "TRUNCATED")
        assert not (ready and missing), f"ready without bits: {self._label}"
        if "starved" in self._errors and error != "TRUNCATED":
            self._equal("starved", False)
        self._late = 0 if ready or error == "MISSING" else self._late + 1
        assert self._late <= _LATE, f"not ready or starved for {self._late} cycles: {self._label}"
        return bool(ready)

    def _check_next(self, here: bool, asked: bool, ends: bool, error: str) -> None:
        """What is told of the next symbol."""
        if error:
            return
        self._equal("again", not ends)
        if self._granules or not self._endless:
            self._equal("ask", asked)

    async def _check_entry(self, error: str) -> None:
        self.covered[f"lane errors {error}"] += 1
        if error == "ENTRY":
            self._dut.take.value = 0
            await Timer(1, "ns")
            self._equal("entry", True)
            await FallingEdge(self._dut.clk)

    def _equal(self, name: str, expected: bool) -> None:
        found = int(getattr(self._dut, name).value)
        assert found == expected, (f"{name} is {found}, golden says {int(expected)} in block "
                                   f"{self._block}: {self._label}")
