"""The order in which a stream's parts are read, and its faults, with a dealer made of a list."""

import itertools

import pytest

from sparrow.hw.decode.control import Control
from sparrow.hw.spec.decode import DecompressorSpec
from sparrow.hw.spec.faults import StreamFault

from .simulate import simulate

COLUMNS = 2
SPEC = DecompressorSpec(lanes=4, columns=COLUMNS, codecs=["rle"], codebook=0, int4=False)
MAP, PARAMETERS, REUSE, LEAN = 1 << 9, 1 << 10, 1 << 13, 1 << 23
BIAS = 77


class Bench:
    """Plays the dealer, the lanes and the intake; ``events`` are what is read, in order.

    ``set``, ``map``: parameters, a granule of the map; ``prime``: granules for all lanes;
    ``first``: the step before the first block; ``block``, ``last``: a block, the stream's last one;
    ``finish``; or an error's name.

    Parameters
    ----------
    flags : int
        Of the header's first word.
    granules : sequence of int
        Behind the header.
    complete : bool
        No more than they come.
    faults : dict
        Inputs that are set to a value before some event.
    """

    def __init__(self, flags, outputs, blocks, granules, *, complete=True, faults=None, cycles=80):
        first = 4 | 2 << 4 | 1 << 16 | flags | (1 << 12 if flags & PARAMETERS else 0)
        numbers = (first, 99 | COLUMNS - 1 << 26, outputs | blocks << 16)
        self.left = [half for word in numbers for half in (word & 0xFFFF, word >> 16)]
        self.left += granules
        self.complete, self.faults, self.cycles = complete, faults or {}, cycles
        self.events, self.lean_ends = [], []
        self.dut = Control(spec=SPEC)
        simulate(self.dut, self._run)

    async def _run(self, ctx):
        dut = self.dut
        for name in ("idle", "whole"):
            ctx.set(getattr(dut, name), 1)
        for port in (dut.parameters, dut.maps):
            ctx.set(port.ready, 1)
        for _ in range(self.cycles):
            for name, value in self.faults.get(len(self.events), {}).items():
                ctx.set(getattr(dut, name), value)
            self._deal(ctx)
            stepping = ctx.get(dut.steps)
            ctx.set(dut.step, stepping)
            ctx.set(dut.ends, 1)
            self._record(ctx, stepping)
            used = ctx.get(dut.want).bit_count() if ctx.get(dut.take & dut.given) else 0
            await ctx.tick()
            del self.left[:used]
            if ctx.get(dut.error):
                self.events.append(StreamFault(ctx.get(dut.error)).name)
            if self.events[-1:] == ["finish"] or ctx.get(dut.error):
                break
        self.at_rest = ctx.get(dut.at_rest)

    def _deal(self, ctx):
        dut = self.dut
        wanted = [place for place in range(4) if ctx.get(dut.want) >> place & 1]
        dealt = dict(zip(wanted, self.left))
        ctx.set(dut.granules, [dealt.get(place, 0xDEAD) for place in range(4)])
        ctx.set(dut.given, len(self.left) >= len(wanted))
        ctx.set(dut.complete, self.complete)
        ctx.set(dut.ended, self.complete and not self.left)

    def _record(self, ctx, stepping):
        dut, payload = self.dut, self.dut.parameters.payload
        if ctx.get(dut.parameters.valid & dut.parameters.ready):
            assert ctx.get(payload.bias) == BIAS
            if ctx.get(payload.commit):
                self.events.append("set")
        if ctx.get(dut.maps.valid & dut.maps.ready):
            self.events.append("map")
        if ctx.get(dut.prime):
            self.events.append("prime")
        if stepping:
            self.lean_ends.append(ctx.get(dut.lean_end))
            kind = "last" if ctx.get(dut.final) else "block"
            self.events.append(kind if ctx.get(dut.begun) else "first")
        if ctx.get(dut.finish):
            self.events.append("finish")


def record():
    """The granules of a set of parameters."""
    return [BIAS, 5, 0] * COLUMNS


BEGIN = ["prime"] * 3 + ["first"]


@pytest.mark.parametrize("mapped, told, reuse",
                         list(itertools.product((False, True), repeat=3)))
def test_the_order_of_parts(mapped, told, reuse):
    outputs, blocks = 3, 20
    granules, events = [], []
    for output in range(outputs):
        if told:
            granules += record()
            events.append("set")
        if reuse and output:
            continue
        # of 20 steps the second to the fourth, and the last one
        parts = [(0b1110, 3), (0b1000, 1)] if mapped else [(None, blocks)]
        for number, (bits, count) in enumerate(parts):
            if mapped:
                granules.append(bits)
                events.append("map")
            events += BEGIN if output == number == 0 else []
            events += ["block"] * count
        if reuse or output == outputs - 1:
            events[-1] = "last"
    flags = MAP * mapped | PARAMETERS * told | REUSE * reuse
    bench = Bench(flags, outputs, blocks, granules, cycles=200)
    assert bench.events == [*events, "finish"] and bench.at_rest


@pytest.mark.parametrize("told", [False, True])
def test_lean_streams(told):
    flags, begin = LEAN | PARAMETERS * told, ["first"]
    bench = Bench(flags, 3, 2, 3 * told * record())
    sets = [["set"] * told] * 3
    assert bench.events == [*sets[0], *begin, "block", "block", *sets[1], "block", "block",
                            *sets[2], "block", "last", "finish"]
    assert bench.lean_ends == [0] * 5 + [1] * 2  # by steps
    bench = Bench(flags, 1, 2, told * record())
    assert bench.lean_ends == [1] * 3
    assert Bench(0, 1, 2, []).lean_ends == [0] * 3


def test_groups_without_steps():
    bench = Bench(MAP, 1, 40, [0, 0, 0x80])
    assert bench.events == ["map"] * 3 + BEGIN + ["last", "finish"]


def test_lanes_that_are_full_wait_with_their_first_granules():
    bench = Bench(0, 1, 1, [], faults={0: {"full": 1}}, cycles=20)
    assert bench.events == []
    assert Bench(0, 1, 1, [], faults={1: {"full": 0}}).events == [*BEGIN, "last", "finish"]


@pytest.mark.parametrize("flags, granules, faults, events", [
    (0, [], {5: {"pending": 1}}, [*BEGIN, "last", "RUN"]),
    (0, [7], {}, [*BEGIN, "last", "TRAILING"]),
    (0, [7], {5: {"lane_fault": StreamFault.COUNT, "pending": 1}}, [*BEGIN, "last", "COUNT"]),
    (0, [], {4: {"lane_fault": StreamFault.ENTRY}}, [*BEGIN, "last", "ENTRY"]),
    (0, [], {4: {"stream_fault": StreamFault.CHECKSUM}}, [*BEGIN, "last", "CHECKSUM"]),
    (MAP, [], {}, ["TRUNCATED"]),
    (MAP, [0], {}, ["FORMAT"]),
    (MAP, [1], {0: {"stream_fault": StreamFault.CHECKSUM}}, ["map", "CHECKSUM"]),
    (PARAMETERS, record()[:-1], {}, ["TRUNCATED"]),
    (PARAMETERS, [BIAS, 5, 1 << 14], {}, ["FORMAT"]),
    (PARAMETERS | REUSE, record(), {6: {"pending": 1}}, ["set", *BEGIN, "last", "RUN"]),
])
def test_faults(flags, granules, faults, events):
    assert Bench(flags, 2 if flags & REUSE else 1, 1, granules, faults=faults).events == events


def test_a_fault_waits_while_something_is_on_offer():
    held = {5: {"pending": 1, "hold": 1}}
    assert Bench(0, 1, 1, [], faults=held).events == [*BEGIN, "last"]


def test_nothing_is_judged_before_all_has_come():
    assert Bench(MAP, 1, 1, [], complete=False).events == []
    assert Bench(0, 1, 1, [], faults={0: {"whole": 0}}).events == [*BEGIN, "last"]
