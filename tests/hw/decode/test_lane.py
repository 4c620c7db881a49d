# amaranth: UnusedElaboratable=no
"""One lane against its own bits, with granules that come late and steps that don't come."""

import dataclasses
import random
from functools import cache

import pytest
from amaranth.hdl import Module, Signal
from amaranth.sim import Simulator

from sparrow.hw.decode.config import LaneSettings
from sparrow.hw.decode.lane import Lane
from sparrow.hw.decode.lane_ports import true_errors
from sparrow.hw.spec import DecompressorSpec

from .lane_streams import Form, canonical, padding, random_blocks, symbols


class Bench:
    """A lane with its settings, and what it does with some bits.

    ``late``: how probable it is that a granule stays away for another cycle, or a step. ``others``:
    how probable it is that another lane goes on with the block.
    """

    def __init__(self, spec, form, *, late=0.3, others=0.2, seed=0):
        self.spec, self.form, self.late, self.others = spec, form, late, others
        self.source = random.Random(seed)
        self.m = Module()
        self.m.submodules.settings = self.settings = LaneSettings(spec=spec)
        self.m.submodules.lane = self.lane = Lane(spec=spec)
        self.m.d.comb += self.lane.settings.eq(self.settings.settings)
        self.told = {}
        for name, found in true_errors(spec, self.settings.settings, self.lane.errors).items():
            self.told[name] = Signal(name=name)
            self.m.d.comb += self.told[name].eq(found)
        self.sent, self.asks, self.blocks, self.errors = [], [], [], {}

    def run(self, bits, blocks, *, cycles=4000, pad=True):
        """Decode ``bits`` until ``blocks`` blocks have ended; granules end with the bits."""
        missing = -len(bits) % 16
        if pad:
            bits += (padding(self.form) * 16)[:missing]
        self.granules = [int(bits[start:start + 16][::-1], 2) for start in range(0, len(bits), 16)]
        simulator = Simulator(self.m)
        simulator.add_clock(1e-6)

        async def bench(ctx):
            await self._run(ctx, blocks, cycles)

        simulator.add_testbench(bench)
        simulator.run()
        return self

    async def _run(self, ctx, blocks, cycles):
        lane, source = self.lane, self.source
        set_header(ctx, self.settings.header, self.spec, self.form)
        ctx.set(lane.clear, 1)
        ctx.set(lane.granule, source.getrandbits(16))
        await ctx.tick().repeat(2)
        ctx.set(lane.clear, 0)
        wanted, given, block, started = 3, 0, -1, False
        for _ in range(cycles):
            deal = given < min(wanted, len(self.granules)) and source.random() >= self.late
            ctx.set(lane.deal, deal)
            ctx.set(lane.granule, self.granules[given] if deal else source.getrandbits(16))
            given += deal
            ctx.set(lane.dry, given == len(self.granules) and not deal)
            ctx.set(lane.final, block == blocks - 1 and self.form.codec not in ("rle", "huffman"))
            started = started or given >= min(3, len(self.granules))
            ready = ctx.get(lane.ready) and started
            take = bool(ready and source.random() >= self.late)
            ends = not ctx.get(lane.again) and source.random() >= self.others
            if self.wrong(ctx):
                return
            if take and ctx.get(lane.load.valid):
                self.send(ctx, block)
            if take and ctx.get(lane.here):
                self.asks.append(ctx.get(lane.ask))
            wanted += bool(take and ctx.get(lane.ask))
            ctx.set(lane.take, take)
            ctx.set(lane.ends, take and ends)
            await ctx.tick()
            block += take and ends
            if block == blocks:
                break
        ctx.set(lane.take, 0)
        self.given, self.wanted, self.block = given, wanted, block
        self.left_over = ctx.get(lane.pending)

    def wrong(self, ctx):
        for name, told in self.told.items():
            if ctx.get(told):
                self.errors[name] = len(self.sent)
        return bool(self.errors)

    def send(self, ctx, block):
        load = self.lane.load
        enable = ctx.get(load.enable) if self.spec.int4 else 3
        self.sent.append((block, ctx.get(load.index), ctx.get(load.value), enable))


def set_header(ctx, header, spec, form):
    """Give a header's fields the values of a form."""
    for codec in spec.codecs:
        ctx.set(header.codec[codec.value], codec.value == form.codec)
    ctx.set(header.argument, form.argument)
    ctx.set(header.fixed, form.fixed)
    if spec.int4:
        ctx.set(header.four_bit, form.four_bit)
    if spec.codebook:
        ctx.set(header.table, bool(form.entries))
        ctx.set(header.last_entry, max(0, len(form.entries) - 1))
        for place, entry in enumerate(form.entries):
            ctx.set(header.entries[place], entry & 255)
    if form.runs:
        ctx.set(header.escape_run, len(form.runs) - 1)
        set_code(ctx, header.runs, form.runs, 6, 8)
        if spec.codebook:
            set_code(ctx, header.values, form.values, 5, 7)
            ctx.set(header.single, form.values == ("",))


def set_code(ctx, code, words, rank_width, longest):
    """Give a code's numbers, from its words."""
    free, total = 1, 0
    for length in range(1, longest + 1):
        count = sum(len(word) == length for word in words)
        if length > 1:
            ctx.set(code.offsets[f"l{length}"],
                    -(2 * free + total) % (1 << min(length, rank_width)))
        free, total = 2 * free - count, total + count
        if length < longest:
            ctx.set(code.free[f"l{length}"], free)


def expected(form, sent_symbols):
    """What a lane of these symbols sends."""
    result = []
    for block, _, position, value in sent_symbols:
        if position is None:
            continue
        if form.codec == "dense" or not form.four_bit:
            result.append((block, position, value & 255, 3))
        else:
            half, index = divmod(position, form.lanes)
            result.append((block, index, (value & 15) * 17, 1 << half))
    return result


def crossings(sent_symbols):
    """For each symbol, whether it uses up a granule."""
    result, place = [], 0
    for _, bits, _, _ in sent_symbols:
        result.append(place // 16 != (place + len(bits)) // 16)
        place += len(bits)
    return result


RUNS = canonical((0, 2, 2, 2, 2, 2, 2, 4))
MANY_RUNS = canonical((0, 0, 0, 0, 2, 59, 2))
VALUES = canonical((1, 0, 2, 2, 2, 3, 2))
TABLE8 = (-100, 3, 7, -1, 100, 5, 127, -128, 9, 11, 12, 13)
TABLE4 = (-8, 7, 1, -1, 2, 5, -5, 3, 4, -2, 6, -3)
FORMS = {
    "dense": Form("dense"),
    "dense-4": Form("dense", four_bit=True),
    "dense-table": Form("dense", entries=(0, *TABLE8)),
    "bitmask": Form("bitmask"),
    "bitmask-4": Form("bitmask", four_bit=True),
    "bitmask-table": Form("bitmask", entries=TABLE8[:3]),
    "rle-1": Form("rle", argument=1),
    "rle-3-4": Form("rle", argument=3, four_bit=True),
    "rle-6": Form("rle", argument=6),
    "rle-6-4": Form("rle", argument=6, four_bit=True),
    "rle-table": Form("rle", argument=4, entries=TABLE8),
    "rle-table-1": Form("rle", argument=5, entries=TABLE8[:1]),
    "rle-table-4": Form("rle", argument=4, entries=TABLE4, four_bit=True),
    "csr": Form("csr", argument=5),
    "csr-4": Form("csr", argument=6, four_bit=True),
    "csr-7": Form("csr", argument=7),
    "csr-fixed": Form("csr", argument=4, fixed=True),
    "csr-fixed-1": Form("csr", argument=1, fixed=True, four_bit=True),
    "csr-fixed-all": Form("csr", argument=32, fixed=True, four_bit=True),
    "csr-table": Form("csr", argument=5, entries=TABLE8),
    "huffman": Form("huffman", argument=0, runs=RUNS),
    "huffman-last": Form("huffman", argument=len(RUNS) - 1, runs=RUNS),
    "huffman-many": Form("huffman", argument=5, runs=MANY_RUNS),
    "huffman-table": Form("huffman", argument=3, runs=RUNS, entries=TABLE8, values=VALUES),
    "huffman-table-4": Form("huffman", argument=40, runs=MANY_RUNS, entries=TABLE4,
                            values=VALUES, four_bit=True),
    "huffman-one": Form("huffman", argument=1, runs=canonical((2,)), entries=(-7,), values=("",)),
}


@cache
def whole():
    return DecompressorSpec()


def spec_of(form, *, alone):
    """One that reads all, or just this."""
    if not alone:
        return whole().replace(lanes=form.lanes)
    return DecompressorSpec(lanes=form.lanes, codecs=(form.codec,), int4=form.four_bit,
                            codebook=16 if form.entries else 0)


def check(form, spec, density, count=12, **options):
    source = random.Random(f"{form} {density}")
    blocks = random_blocks(form, count, density, source)
    sent = list(symbols(form, blocks))
    bench = Bench(spec, form, **options).run("".join(bits for _, bits, _, _ in sent), count)
    assert not bench.errors
    assert bench.block == count
    assert bench.sent == expected(form, sent)
    assert bench.given == len(bench.granules)
    assert bench.asks[:len(sent)] == crossings(sent)
    assert not bench.left_over


@pytest.mark.parametrize("density", [0.02, pytest.param(1.0, marks=pytest.mark.heavy)])
@pytest.mark.parametrize("name", FORMS)
def test_decodes(name, density):
    check(FORMS[name], spec_of(FORMS[name], alone=False), density)


@pytest.mark.parametrize("name", FORMS)
def test_decodes_what_alone_is_built(name):
    check(FORMS[name], spec_of(FORMS[name], alone=True), 0.4)


def test_without_huffman_or_tables():
    spec = DecompressorSpec(codecs=("dense", "bitmask", "rle", "csr"), codebook=0)
    for form in FORMS.values():
        if form.codec != "huffman" and not form.entries:
            check(form, spec, 0.4)


@pytest.mark.parametrize(("name", "lanes"), [
    ("bitmask", 4), ("rle-6", 4), ("huffman-table-4", 4), ("dense-4", 64), ("bitmask-4", 64),
    ("csr-table", 64), *(
        pytest.param(name, lanes, marks=pytest.mark.heavy) for lanes in (8, 32)
        for name in ("dense-4", "bitmask", "bitmask-4", "rle-6", "csr-table", "huffman-table-4"))])
def test_other_sizes(name, lanes):
    form = dataclasses.replace(FORMS[name], lanes=lanes)
    if form.codec == "csr":
        form = dataclasses.replace(form, argument=7)
    check(form, spec_of(form, alone=False), 0.3, count=6)


@pytest.mark.parametrize("name", ["dense", "bitmask-4", "rle-3-4", "csr", "huffman-table"])
def test_a_symbol_per_cycle_if_nothing_is_late(name):
    check(FORMS[name], spec_of(FORMS[name], alone=False), 0.3, late=0, others=0)


def test_a_lane_asks_for_nothing_behind_the_last_block():
    form = FORMS["csr"]
    sent = list(symbols(form, [[1, 1] + [0] * 14]))  # another count would use up a granule
    bench = Bench(whole(), form, others=0.8).run("".join(bits for _, bits, _, _ in sent), 1)
    assert not bench.errors
    assert bench.asks == crossings(sent) + [0] * (len(bench.asks) - len(sent))


@pytest.mark.parametrize("form, bits, error", [
    (FORMS["dense"], "0" * 8, "starved"),
    (FORMS["csr"], "10001", "count"),
    (FORMS["csr-4"], "100001", "count"),
    (FORMS["bitmask-table"], "1" * 8 + "11", "entry"),
])
def test_errors(form, bits, error):
    bench = Bench(whole(), form).run(bits + "0" * (-len(bits) % 16), 3, pad=False)
    assert list(bench.errors) == [error]


def test_what_is_left_behind_the_last_block_is_pending():
    form = FORMS["rle-3-4"]
    assert Bench(whole(), form).run(("100" + "0001") * 32, 1).left_over


def test_refuses():
    with pytest.raises(TypeError, match="spec must be a DecompressorSpec, not 16"):
        Lane(spec=16)
