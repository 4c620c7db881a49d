# amaranth: UnusedElaboratable=no
"""The checksum of a stream against zlib's."""

import random
import re
import zlib

import pytest
from amaranth.sim import Simulator

from sparrow.hw.decode.checksum import Checksum
from sparrow.hw.spec import SpecError


def judge(data_width, streams):
    """What the component says behind each stream, with idle cycles and restarts in between."""
    dut = Checksum(data_width=data_width)
    generator = random.Random(data_width)
    verdicts = []

    async def bench(ctx):
        for stream in streams:
            size = data_width // 8
            words = [int.from_bytes(stream[place:place + size], "little")
                     for place in range(0, len(stream), size)]
            for word in words:
                ctx.set(dut.enable, 0)
                while generator.random() < 0.3:
                    ctx.set(dut.word, generator.getrandbits(data_width))
                    await ctx.tick()
                ctx.set(dut.word, word)
                ctx.set(dut.enable, 1)
                await ctx.tick()
            ctx.set(dut.enable, 0)
            verdicts.append(ctx.get(dut.good))
            ctx.set(dut.enable, generator.getrandbits(1))
            ctx.set(dut.restart, 1)
            await ctx.tick()
            ctx.set(dut.restart, 0)

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return verdicts


@pytest.mark.parametrize("data_width", [32, 64, 96, 128, 256])
def test_a_stream_is_good_if_its_last_bytes_are_the_checksum(data_width):
    generator = random.Random(1)
    streams = []
    for words in (1, 1, 2, 3, 9):
        body = generator.randbytes(words * data_width // 8 - 4)
        stream = body + zlib.crc32(body).to_bytes(4, "little")
        place = generator.randrange(8 * len(stream))
        flipped = bytearray(stream)
        flipped[place // 8] ^= 1 << place % 8
        streams += [stream, bytes(flipped)]
    assert judge(data_width, streams) == [1, 0] * 5


def test_every_bit_counts():
    body = random.Random(2).randbytes(28)
    stream = int.from_bytes(body + zlib.crc32(body).to_bytes(4, "little"), "little")
    streams = [(stream ^ 1 << bit).to_bytes(32, "little") for bit in range(256)]
    assert judge(128, streams) == [0] * 256


@pytest.mark.parametrize("data_width", [0, 48, 288])
def test_other_widths_are_refused(data_width):
    wanted = "a multiple of 32" if data_width == 48 else "an integer from 32 to 256"
    with pytest.raises(SpecError, match=re.escape(f"data_width must be {wanted}, "
                                                  f"not {data_width}")):
        Checksum(data_width=data_width)
