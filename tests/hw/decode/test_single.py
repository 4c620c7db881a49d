# amaranth: UnusedElaboratable=no
"""The decoders on their own, with words and steps that are late."""

import random

import pytest
from amaranth.sim import Simulator

from sparrow.hw.decode import BitmaskDecoder, CsrDecoder, HuffmanDecoder, RleDecoder
from sparrow.hw.spec import LaneDecoderSpec, SpecError

from .lane_streams import Form, padding, random_blocks, symbols
from .test_lane import FORMS, RUNS, TABLE8, VALUES, set_code

DECODERS = {"rle": RleDecoder, "csr": CsrDecoder, "bitmask": BitmaskDecoder,
            "huffman": HuffmanDecoder}
NAMES = [name for name in FORMS if not name.startswith("dense")]


def configure(ctx, config, spec, form):
    ctx.set(config.argument, form.argument)
    ctx.set(config.fixed, form.fixed)
    if spec.int4:
        ctx.set(config.four_bit, form.four_bit)
    if spec.codebook:
        ctx.set(config.table, bool(form.entries))
        ctx.set(config.last_entry, max(0, len(form.entries) - 1))
        for place, entry in enumerate(form.entries):
            ctx.set(config.entries[place], entry & 255)
    if form.runs:
        ctx.set(config.escape_run, len(form.runs) - 1)
        set_code(ctx, config.runs, form.runs, 6, 8)
        if spec.codebook:
            set_code(ctx, config.values, form.values, 5, 7)
            ctx.set(config.single, form.values == ("",))


def decode(decoder, form, streams, *, late=0.3, cycles=3000):
    """Steps and error of each stream, ``(bits, blocks)``, one after the other."""
    source, spec, results = random.Random(str(form)), decoder.spec, []

    async def bench(ctx):
        configure(ctx, decoder.config, spec, form)
        for bits, blocks in streams:
            bits += "0" * (-len(bits) % spec.data_width)
            words = [int(bits[start:start + spec.data_width][::-1], 2)
                     for start in range(0, len(bits), spec.data_width)]
            ctx.set(decoder.blocks, blocks)
            ctx.set(decoder.start, 1)
            await ctx.tick()
            ctx.set(decoder.start, 0)
            steps, held = [], None
            for _ in range(cycles):
                ctx.set(decoder.i.valid, bool(words) and source.random() >= late)
                ctx.set(decoder.i.payload.data, words[0] if words else 0)
                ctx.set(decoder.i.payload.last, len(words) == 1)
                ctx.set(decoder.o.ready, source.random() >= late)
                taken = ctx.get(decoder.i.valid) and ctx.get(decoder.i.ready)
                if ctx.get(decoder.o.valid):
                    step = ctx.get(decoder.o.payload)
                    assert held in (None, step.as_bits())
                    held = None if ctx.get(decoder.o.ready) else step.as_bits()
                    if ctx.get(decoder.o.ready):
                        steps.append(step)
                else:
                    assert held is None or ctx.get(decoder.error)
                await ctx.tick()
                words = words[1:] if taken else words
                if not ctx.get(decoder.busy):
                    break
            results.append((steps, ctx.get(decoder.error)))

    simulator = Simulator(decoder)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return results


def loads(form, steps):
    """Blocks and positions of the values, in 4 or 8 bits."""
    result, block = [], 0
    for step in steps:
        if step.load:
            half = step.enable == 2 if form.four_bit else 0
            value = step.value & 15 if form.four_bit else step.value
            result.append((block, step.index + form.lanes * half, value))
        block += step.last
    return result, block


def written(form, blocks):
    """The bits, and what they load."""
    sent = list(symbols(form, blocks))
    mask = 15 if form.four_bit else 255
    return ("".join(bits for _, bits, _, _ in sent),
            [(block, place, value & mask) for block, _, place, value in sent
             if place is not None], sent)


@pytest.mark.parametrize(("number", "data_width"), [
    pytest.param(number, width, marks=[pytest.mark.heavy] * ((number % 2) != (width == 64)))
    for number in range(len(NAMES)) for width in (16, 64)],
    ids=[f"{name}-{width}" for name in NAMES for width in (16, 64)])
def test_decodes_streams_one_after_the_other(number, data_width):
    name = NAMES[number]
    form = FORMS[name]
    source = random.Random(name)
    spec = LaneDecoderSpec(codebook=16, data_width=data_width)
    cases = [(*written(form, random_blocks(form, 6, density, source)), 6)
             for density in (0.5, 0.05, 1)]
    results = decode(DECODERS[form.codec](spec=spec), form,
                     [(bits + padding_of(form, bits), count) for bits, _, _, count in cases])
    for (_, expected, _, count), (steps, error) in zip(cases, results, strict=True):
        assert error == 0
        assert loads(form, steps) == (expected, count)


def padding_of(form, bits):
    """Up to a whole number of 64 bits, at least one, so that nothing else fills a word."""
    return (padding(form) * 64)[:-len(bits) % 64 if bits else 64]


@pytest.mark.parametrize("name", ["rle-3-4", "csr", "bitmask", "huffman-table"])
def test_one_symbol_per_cycle(name):
    form = FORMS[name]
    bits, _, sent = written(form, random_blocks(form, 8, 0.3, random.Random(1)))
    blocks = {block for block, _, _, _ in sent}
    decoder = DECODERS[form.codec](spec=LaneDecoderSpec(codebook=16))
    cycles = len(sent) + 8 - len(blocks) + 6
    (steps, error), = decode(decoder, form, [(bits + padding_of(form, bits), 8)], late=0,
                             cycles=cycles)
    assert error == 0
    assert sum(step.last for step in steps) == 8


@pytest.mark.parametrize("form, bits, blocks, code", [
    (Form("rle", argument=2, entries=TABLE8), "00" + "0011" + "0" * 10, 1, 5),
    (Form("csr", argument=5, entries=TABLE8), "10000" + "0000" + "1011" + "000", 1, 5),
    (Form("huffman", argument=0, runs=RUNS, entries=TABLE8[:-1], values=VALUES),
     RUNS[1] + VALUES[-1] + "0" * 14, 1, 5),
    (Form("csr", argument=5), "10001" + "0" * 11, 1, 6),
    (Form("csr", argument=7), "0000100" + "0" * 9, 1, None),
    (Form("csr", argument=7, four_bit=True), "1000010" + "0" * 9, 1, 6),
    (Form("rle", argument=4), ("0111" + "10000000") * 4, 1, 7),
    (Form("huffman", argument=0, runs=RUNS), (RUNS[1] + "1" * 8) * 40, 1, 7),
    (Form("csr", argument=5), "11100" + "0" * 11, 1, 8),
    (Form("bitmask"), "1" * 16 + "0" * 32, 1, 8),
    (Form("rle", argument=4), "0" * 4 + "1" * 8 + "1111", 30, 0),
])
def test_tells_what_is_wrong(form, bits, blocks, code):
    decoder = DECODERS[form.codec](spec=LaneDecoderSpec(codebook=16))
    good, expected, _ = written(form, [[0] * form.positions])
    results = decode(decoder, form, [(bits, blocks), (good + padding_of(form, good), 1)])
    assert results[0][1] == (code or (8 if code is None else 0))
    assert results[1][1] == 0
    assert loads(form, results[1][0]) == (expected, 1)


def test_refuses():
    with pytest.raises(SpecError) as caught:
        LaneDecoderSpec(data_width=24)
    assert str(caught.value) == "data_width must be one of 16, 32, 64, 128, 256, not 24"
    with pytest.raises(SpecError, match="lanes must be one of 4, 8, 16, 32, 64, not 5"):
        LaneDecoderSpec(lanes=5)
    with pytest.raises(TypeError, match="spec must be a LaneDecoderSpec, not None"):
        RleDecoder(spec=None)
