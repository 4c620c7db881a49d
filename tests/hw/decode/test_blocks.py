"""Blocks counted, with maps and without."""

import random

import pytest

from sparrow.hw.decode.blocks import BlockCounter

from .simulate import simulate


async def pulse(ctx, dut, name):
    ctx.set(getattr(dut, name), 1)
    await ctx.tick()
    ctx.set(getattr(dut, name), 0)


async def load(ctx, dut, outputs, blocks):
    ctx.set(dut.output_blocks, outputs)
    ctx.set(dut.blocks, blocks)
    await pulse(ctx, dut, "load")
    await ctx.tick().repeat(2)


@pytest.mark.parametrize("outputs, blocks", [(1, 1), (3, 1), (2, 16), (2, 17), (1, 300)])
def test_without_a_map(outputs, blocks):
    dut = BlockCounter()

    async def bench(ctx):
        await load(ctx, dut, outputs, blocks)
        for output in range(outputs):
            assert ctx.get(dut.last_output_block) == (output == outputs - 1)
            for block in range(blocks):
                last = block == blocks - 1
                assert ctx.get(dut.last_block) == last
                if not last or output < outputs - 1:
                    await pulse(ctx, dut, "output_block" if last else "block")

    simulate(dut, bench)


@pytest.mark.parametrize("blocks", [1, 15, 16, 17, 33, 70])
def test_with_a_map(blocks):
    dut, source = BlockCounter(), random.Random(blocks)

    async def bench(ctx):
        await load(ctx, dut, 2, blocks)
        for output in range(2):
            for start in range(0, blocks, 16):
                size = min(16, blocks - start)
                final = start + size == blocks
                kept = source.choice((0, source.getrandbits(size), (1 << size) - 1))
                kept |= final << size - 1
                ctx.set(dut.bits, kept | source.getrandbits(16) << size & 0xFFFF)
                assert ctx.get(dut.kept) == kept
                ctx.set(dut.map, 1)
                assert ctx.get(dut.empty) == (not kept) and not ctx.get(dut.bad_map)
                await ctx.tick()
                ctx.set(dut.map, 0)
                count = kept.bit_count()
                for number in range(count):
                    last = number == count - 1
                    assert ctx.get(dut.last_of_group) == last
                    assert ctx.get(dut.last_block) == (last and final)
                    if last and final:
                        if not output:
                            await pulse(ctx, dut, "output_block")
                    else:
                        await pulse(ctx, dut, "block")

    simulate(dut, bench)


@pytest.mark.parametrize("blocks", [1, 9, 16])
def test_a_map_without_the_last_step(blocks):
    dut = BlockCounter()

    async def bench(ctx):
        await load(ctx, dut, 1, blocks)
        ctx.set(dut.bits, 0xFFFF & ~(1 << blocks - 1))
        ctx.set(dut.map, 1)
        assert ctx.get(dut.bad_map)

    simulate(dut, bench)
